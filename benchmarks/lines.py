"""Lines of photographs: read whole, spaces and all, or cut into words first? The same lines both ways.

    python benchmarks/lines.py --scenes DIR [--model NAME] [--threads 2] [--json FILE]

Lines are found by the detector of `clipstr scan` and levelled as there. PP-OCRv6's recogniser, which was
trained to read lines with spaces, reads each of them whole, and then in the words into which our network
cuts it, so that only the cutting differs; our own reader reads those words, too. Places do not count: a
true word of three letters and digits or more, whose middle lies in a line, is right if it is one of the
words that were read in that line, case and punctuation ignored. Lines in which a word is that nobody can
read are left out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image
from shapely import Point, Polygon

from clipstr import Reader
from clipstr.charset import Charset
from clipstr.evaluation.peers.rapid import open_rapid_v6
from clipstr.evaluation.scenes import LEAST_LETTERS, Score, TrueWord, find_scene_sets, load_photographs
from clipstr.imaging import load_image
from clipstr.models import DEFAULT_MODEL
from clipstr.reading import WordReader
from clipstr.scenes.bands import Band
from clipstr.scenes.crops import AROUND, STRIP, WordCrop, crops_of
from clipstr.scenes.paddle import PaddleDetector
from clipstr.scenes.splitting import GapNetwork

COMPARED = Charset.named("36")


@dataclass(frozen=True)
class Line:
    """A line of a photograph: the level strip, its words as our network cuts them, and the true texts."""

    strip: Image.Image
    crops: tuple[WordCrop, ...]
    texts: Counter[str]


def lines_of(scenes: Path, threads: int) -> list[Line]:
    """The lines of all photographs in which only readable words are, and at least one that counts."""
    detector, splitter, found = PaddleDetector(threads=threads), GapNetwork(), list[Line]()
    for folder in find_scene_sets(scenes).values():
        for photograph in load_photographs(folder):
            pixels = np.asarray(load_image(photograph.path, enough=None))
            for region in detector.find(pixels):
                band = Band.of(region.polygon)
                inside = words_in(band, photograph.words)
                texts = counted(word.text or "" for word in inside)
                if texts and all(word.text is not None for word in inside):
                    strip = Image.fromarray(band.widened(AROUND).strip(pixels, STRIP))
                    found.append(Line(strip, crops_of(pixels, band, splitter, whole=False), texts))
    return found


def words_in(band: Band, words: Sequence[TrueWord]) -> list[TrueWord]:
    """The ``words`` whose middle lies in ``band``."""
    outline = Polygon(band.outline()).buffer(0)
    return [word for word in words if outline.contains(Point(np.mean(word.polygon, axis=0)))]


def counted(texts: Iterable[str]) -> Counter[str]:
    """How often each of ``texts`` stands there that is long enough to count, folded."""
    folded = (COMPARED.fold(text) for text in texts)
    return Counter(text for text in folded if len(text) >= LEAST_LETTERS)


def whole(reader: WordReader) -> Callable[[Sequence[Line]], list[list[str]]]:
    """What reads lines in one go: the words between its spaces."""
    return lambda lines: [
        reading.text.split() for reading in reader.read_images([line.strip for line in lines])
    ]


def in_words(reader: WordReader) -> Callable[[Sequence[Line]], list[list[str]]]:
    """What reads the words into which our network cuts lines."""

    def read(lines: Sequence[Line]) -> list[list[str]]:
        pieces = [piece for line in lines for crop in line.crops for piece in crop.pieces]
        readings = iter(reader.read_images(pieces))
        return [["".join(next(readings).text for _ in crop.pieces) for crop in line.crops] for line in lines]

    return read


def main(
    scenes: Annotated[Path, typer.Option(help="Photographs with a words.jsonl, or folders of such.")],
    model: str = DEFAULT_MODEL,
    threads: Annotated[int, typer.Option(min=1)] = 2,
    json_file: Annotated[Path | None, typer.Option("--json")] = None,
) -> None:
    """Read the lines of ``scenes`` in three ways and print how many words were right."""
    lines = lines_of(scenes, threads)
    peer, ours = open_rapid_v6(threads), Reader(model, threads=threads, second_looks=False, known_words=True)
    ways = {
        f"{peer.name}, whole lines with spaces": whole(peer),
        f"{peer.name}, words cut by our network": in_words(peer),
        f"clipstr {ours.name}, words cut by our network": in_words(ours),
    }
    figures = {}
    print(f"{len(lines)} lines, {sum(line.texts.total() for line in lines)} words\n")
    print("| read by | P | R | H |\n|---|---:|---:|---:|")
    for name, way in ways.items():
        score = Score()
        for line, read in zip(lines, way(lines), strict=True):
            said = counted(read)
            score += Score((said & line.texts).total(), said.total(), line.texts.total())
        figures[name] = {"right": score.right, "found": score.found, "true": score.true}
        print(
            f"| {name} | {100 * score.precision:.1f} | {100 * score.recall:.1f} | {100 * score.hmean:.1f} |"
        )
    if json_file:
        json_file.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
