"""The data sets of the field by name: how many words, what the paper reads of them, where they come from.

Counts are those of the LMDB archives that PARSeq published for the field
(https://github.com/baudm/parseq, Datasets.md) and of Union14M's own page; the paper's figures are from its
tables 8, 9 and 10. Terms are what the sources say, in short; what we do not know is said to be unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["BENCHMARKS", "SIX_SETS", "Benchmark", "benchmark_named", "benchmark_of"]

_RESEARCH = "no licence stated; made for research"
_PARSEQ = "archives of github.com/baudm/parseq"
_UNION = "github.com/Mountchicken/Union14M"
_ROBUST = "registration at rrc.cvc.uab.es"


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A data set of the field."""

    name: str
    aliases: tuple[str, ...] = ()  # as folders of it are called
    words: int  # as the field counts them
    use: Literal["test", "training"] = "test"
    about: str
    paper: float | None = None  # words that the paper's CLIP-OCR reads right, %
    origin: str
    page: str
    terms: str


BENCHMARKS: tuple[Benchmark, ...] = (
    Benchmark(
        name="IIIT5k",
        aliases=("IIIT", "IIIT5k_3000"),
        words=3000,
        about="signs and posters from web searches",
        paper=97.3,
        origin="Mishra et al. 2012",
        page="cvit.iiit.ac.in/projects/SceneTextUnderstanding/IIIT5K.html",
        terms=_RESEARCH,
    ),
    Benchmark(
        name="SVT",
        words=647,
        about="shop signs of Google Street View",
        paper=94.7,
        origin="Wang et al. 2011",
        page="vision.ucsd.edu/~kai/svt",
        terms=_RESEARCH,
    ),
    Benchmark(
        name="IC13_857",
        aliases=("IC13", "ICDAR2013"),
        words=857,
        about="focused scene text without words below 3 characters or with others than letters and digits",
        paper=97.7,
        origin="ICDAR 2013, Karatzas et al.",
        page=_PARSEQ,
        terms=_ROBUST,
    ),
    Benchmark(
        name="IC13_1015",
        words=1015,
        about="focused scene text, short words too",
        origin="ICDAR 2013, Karatzas et al.",
        page=_PARSEQ,
        terms=_ROBUST,
    ),
    Benchmark(
        name="IC15_1811",
        aliases=("IC15", "ICDAR2015"),
        words=1811,
        about="incidental scene text without the hardest turned and bent words",
        paper=87.2,
        origin="ICDAR 2015, Karatzas et al.",
        page=_PARSEQ,
        terms=_ROBUST,
    ),
    Benchmark(
        name="IC15_2077",
        words=2077,
        about="incidental scene text, all",
        origin="ICDAR 2015, Karatzas et al.",
        page=_PARSEQ,
        terms=_ROBUST,
    ),
    Benchmark(
        name="SVTP",
        aliases=("SVT-P",),
        words=645,
        about="shop signs seen from the side",
        paper=89.9,
        origin="Phan et al. 2013",
        page=_PARSEQ,
        terms=_RESEARCH,
    ),
    Benchmark(
        name="CUTE80",
        aliases=("CUTE", "CT"),
        words=288,
        about="curved text",
        paper=93.1,
        origin="Risnumawan et al. 2014",
        page=_PARSEQ,
        terms=_RESEARCH,
    ),
    Benchmark(
        name="ArT",
        words=35149,
        about="text of any shape",
        paper=70.5,
        origin="Chng et al. 2019",
        page=_PARSEQ,
        terms=_ROBUST,
    ),
    Benchmark(
        name="COCOv1.4",
        aliases=("COCO", "COCO-Text"),
        words=9825,
        about="text that happens to be in photographs",
        paper=66.5,
        origin="Veit et al. 2016",
        page=_PARSEQ,
        terms="annotations CC BY 4.0; pictures Flickr's",
    ),
    Benchmark(
        name="Uber",
        aliases=("Uber-Text",),
        words=80551,
        about="signs and house numbers from vehicles",
        paper=42.4,
        origin="Zhang et al. 2017",
        page=_PARSEQ,
        terms=_RESEARCH,
    ),
    Benchmark(
        name="WordArt",
        words=1511,
        about="artistic text",
        paper=73.9,
        origin="Xie et al. 2022",
        page="github.com/xdxie/WordArt",
        terms=_RESEARCH,
    ),
    Benchmark(
        name="OST_heavy",
        aliases=("HOST", "heavy"),
        words=2416,
        about="letters heavily covered (the paper: 75.1 on both)",
        origin="Wang et al. 2021",
        page="github.com/wangyuxin87/VisionLAN",
        terms=_RESEARCH,
    ),
    Benchmark(
        name="OST_weak",
        aliases=("WOST", "weak"),
        words=2416,
        about="letters lightly covered (the paper: 75.1 on both)",
        origin="Wang et al. 2021",
        page="github.com/wangyuxin87/VisionLAN",
        terms=_RESEARCH,
    ),
    *(
        Benchmark(
            name=f"Union14M_{name}",
            aliases=(name,),
            words=words,
            about=about,
            origin="Jiang et al. 2023",
            page=_UNION,
            terms="see the page: pictures of 17 sets, each under its own",
        )
        for name, words, about in (
            ("curve", 2426, "curved text"),
            ("multi_oriented", 1369, "turned by any angle"),
            ("artistic", 900, "artistic text"),
            ("contextless", 779, "letters without a word"),
            ("salient", 1585, "with text in the way"),
            ("multi_words", 829, "several words at once"),
            ("general", 400000, "all kinds"),
        )
    ),
    Benchmark(
        name="LTB",
        words=3376,
        about="long words",
        origin="Du et al. 2024",
        page="github.com/Topdu/OpenOCR",
        terms="unknown: ask",
    ),
    Benchmark(
        name="MJ",
        aliases=("MJSynth", "Synth90k"),
        words=8_900_000,
        use="training",
        about="rendered words, the paper's training",
        origin="Jaderberg et al. 2014",
        page="robots.ox.ac.uk/~vgg/data/text",
        terms="research, not commercial",
    ),
    Benchmark(
        name="ST",
        aliases=("SynthText",),
        words=5_500_000,
        use="training",
        about="words rendered into photographs, the paper's training",
        origin="Gupta et al. 2016",
        page="robots.ox.ac.uk/~vgg/data/scenetext",
        terms="research, not commercial",
    ),
    Benchmark(
        name="Union14M-L-Filter",
        words=3_230_742,
        use="training",
        about="real crops of 14 sets without those of the tests",
        origin="Jiang et al. 2023, Du et al. 2024",
        page="github.com/Topdu/OpenOCR",
        terms="see Union14M's page: pictures of 14 sets, each under its own",
    ),
)
"""The data sets in the order in which the field prints them; MJ and ST as Baek et al. (2019) count them."""


def benchmark_named(name: str) -> Benchmark | None:
    """The data set called ``name``, whatever its case, or None."""
    wanted = name.lower()
    for known in BENCHMARKS:
        if wanted in (known.name.lower(), *(alias.lower() for alias in known.aliases)):
            return known
    return None


def benchmark_of(name: str, words: int) -> Benchmark | None:
    """The test set that a folder called ``name`` (or a path) with ``words`` samples is taken for, or None.

    Folders called IC13 or IC15 hold one of two selections: the count tells which.
    """
    known = benchmark_named(name.rpartition("/")[2])
    if known is None or known.use != "test":
        return None
    family = known.name.split("_")[0]
    variants = [one for one in BENCHMARKS if family in ("IC13", "IC15") and one.name.split("_")[0] == family]
    return next((one for one in variants if one.words == words), known)


_FOUR = ("IIIT5k", "SVT", "SVTP", "CUTE80")

SIX_SETS: dict[str, tuple[str, ...]] = {
    "six sets with IC13 857 and IC15 1811": (*_FOUR, "IC13_857", "IC15_1811"),
    "six sets with IC13 1015 and IC15 2077": (*_FOUR, "IC13_1015", "IC15_2077"),
}
"""The field's six sets in both selections, of 7,248 and 7,672 words: means over them are different figures.
The paper's 93.8 is the mean by words of the first."""
