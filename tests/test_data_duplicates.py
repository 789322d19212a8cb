"""Pictures that stand twice: found however they were stored anew, and no others."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from clipstr.charset import Charset
from clipstr.data import LabelRule, write_lmdb
from clipstr.data.benchmarks import BENCHMARKS, benchmark_named
from clipstr.data.checking import check_set
from clipstr.data.duplicates import Fingerprint, duplicates, fingerprint
from clipstr.data.lmdb import LmdbDataset
from clipstr.synth import FontFace, WordRenderer

Change = Callable[[Image.Image], Image.Image]
EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def word(seed: int, size: tuple[int, int] = (96, 30)) -> Image.Image:
    """Strokes at random places, as unlike as words are."""
    rng = np.random.default_rng(seed)
    pixels = np.full((size[1], size[0], 3), rng.integers(140, 255), np.uint8)
    for left in range(4, size[0] - 8, 9):
        top, bottom = sorted(rng.integers(2, size[1] - 2, 2))
        pixels[top : bottom + 2, left : left + int(rng.integers(2, 7))] = rng.integers(0, 100)
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def words() -> list[Image.Image]:
    """200 different words of the renderer, some hard: as fine, small and differently large as crops are."""
    # The font that every machine has, in which a word may look twice the same.
    renderer = WordRenderer(fonts=[FontFace(":pillow:")])
    samples = (renderer.sample(7, index, index % 2 / 2) for index in range(300))
    different = {sample.label.lower(): sample for sample in samples}
    return [Image.fromarray(sample.image) for sample in different.values()][:200]


def resized(picture: Image.Image, scale: float) -> Image.Image:
    size = [max(round(side * scale), 1) for side in picture.size]
    return picture.resize((size[0], size[1]), Image.Resampling.BICUBIC)


def stored_anew(picture: Image.Image, quality: int) -> Image.Image:
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def prints(pictures: list[Image.Image], name: str = "set") -> list[Fingerprint]:
    return [fingerprint(picture, (name, number), "w") for number, picture in enumerate(pictures)]


def places(first: list[Image.Image], second: list[Image.Image]) -> list[tuple[int, int, str]]:
    found = duplicates(prints(first), prints(second, "other"))
    return [(pair.first.place[1], pair.second.place[1], pair.kind) for pair in found]


def test_the_same_pixels_are_the_same_picture() -> None:
    pictures = [word(seed) for seed in range(30)]
    assert places(pictures, [pictures[7], pictures[3]]) == [(3, 1, "same"), (7, 0, "same")]


@pytest.mark.parametrize(
    ("share", "change"),
    [  # what is asked for is a little less than what docs/data.md tells of photographs
        (0.95, lambda picture: stored_anew(picture, 60)),
        (0.90, lambda picture: stored_anew(picture, 30)),
        (0.85, lambda picture: resized(picture, 0.5)),
        (0.95, lambda picture: resized(picture, 1.5)),
        (0.95, lambda picture: resized(picture, 32 / picture.height)),
        (0.95, lambda picture: picture.resize((128, 32), Image.Resampling.BICUBIC)),
        (0.90, lambda picture: ImageEnhance.Brightness(picture).enhance(1.2)),
        (0.95, lambda picture: Image.fromarray((np.asarray(picture) * 0.7 + 20).astype(np.uint8))),
        (0.95, lambda picture: stored_anew(picture.convert("L").convert("RGB"), 80)),
    ],
    ids=["quality 60", "quality 30", "half", "larger", "32 high", "128x32", "brighter", "dull", "grey"],
)
def test_words_stored_anew_resized_or_lit_otherwise_are_found_and_no_others(
    words: list[Image.Image], share: float, change: Change
) -> None:
    found = [(a, b) for a, b, _ in places(words, [change(picture) for picture in words])]
    assert [(a, b) for a, b in found if a != b] == []
    assert len(found) >= share * len(words)


@pytest.mark.parametrize("height", [24, 32, 64])
def test_the_half_of_a_picture_is_found_whether_small_or_large(words: list[Image.Image], height: int) -> None:
    pictures = [resized(picture, height / picture.height) for picture in words]
    found = places(pictures, [resized(picture, 0.5) for picture in pictures])
    assert all(a == b for a, b, _ in found)
    assert len(found) >= 0.85 * len(words)


def test_different_words_are_no_duplicates(words: list[Image.Image]) -> None:
    assert duplicates(prints(words)) == []
    assert duplicates(prints([resized(picture, 0.5) for picture in words])) == []
    examples = [Image.open(path).convert("RGB") for path in sorted(EXAMPLES.glob("*.png"))]
    assert duplicates(prints(examples)) == []


def test_comparing_in_blocks_finds_the_same(
    words: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = words[:20], [stored_anew(picture, 80) for picture in reversed(words[:25])]
    at_once = places(first, second)
    assert len(at_once) >= 19
    monkeypatch.setattr("clipstr.data.duplicates._BLOCK", 7)
    assert places(first, second) == at_once


def test_a_picture_within_a_set_is_told_once_with_its_labels() -> None:
    found = duplicates(
        [
            fingerprint(word(1), ("a", 0), "Word"),
            fingerprint(word(2), ("a", 1), "x"),
            fingerprint(word(1), ("a", 2), "wORD"),
            fingerprint(word(2), ("b", 0), "y"),
        ]
    )
    assert [(p.first.place, p.second.place, p.same_label) for p in found] == [
        (("a", 0), ("a", 2), True),
        (("a", 1), ("b", 0), False),
    ]


def test_blank_pictures_are_only_the_same_as_equal_ones() -> None:
    blanks = [Image.new("RGB", (40, 20), (level, level, level)) for level in (10, 10, 200)]
    assert [(p.first.place[1], p.second.place[1]) for p in duplicates(prints(blanks))] == [(0, 1)]
    assert duplicates([], prints(blanks)) == []


def test_a_check_counts_what_is_there_and_what_is_wrong(tmp_path: Path) -> None:
    buffer = BytesIO()
    word(0).save(buffer, "PNG")
    content = buffer.getvalue()
    labels = ["Hello", "it's", "€", "a" * 30]
    write_lmdb(tmp_path / "set", [*((content, label) for label in labels), (b"nonsense", "x"), (b"", "y")])
    seen: list[None] = []
    found = check_set(
        "set",
        LmdbDataset(tmp_path / "set"),
        LabelRule(Charset.named("36")),
        watch=lambda: seen.append(None),
    )
    assert (found.count, found.kept, len(seen)) == (6, 4, 6)
    assert found.dropped == {"too long": 1, "empty": 1}
    assert found.deleted == {"'": 1, "€": 1}
    assert found.lengths == {5: 1, 3: 1, 1: 2}
    assert found.characters["l"] == 2
    assert set(found.unreadable) == {4, 5}
    assert (found.heights, found.widths) == ((30, 30, 30), (96, 96, 96))
    assert len(duplicates(found.prints)) == 6
    plain = found.to_dict()
    assert plain["unreadable"][0]["index"] == 4
    assert plain["lengths"] == {"1": 2, "3": 1, "5": 1}


def test_the_papers_average_is_that_of_its_six_benchmarks() -> None:
    """93.8, weighted by words: the registry's counts and figures fit the paper's own sum."""
    names = ("IIIT5k", "SVT", "IC13_857", "IC15_1811", "SVTP", "CUTE80")
    six = [benchmark_named(name) for name in names]
    words = sum(known.words for known in six if known)
    assert words == 7248
    mean = sum(known.words * (known.paper or 0) for known in six if known) / words
    assert mean == pytest.approx(93.8, abs=0.05)


def test_every_name_is_one_benchmarks_whatever_its_case() -> None:
    names = [name.lower() for known in BENCHMARKS for name in (known.name, *known.aliases)]
    assert len(set(names)) == len(names)
    for known in BENCHMARKS:
        assert benchmark_named(known.name.upper()) is known
    assert benchmark_named("nothing") is None
