"""The renderer: the same everywhere, readable, of many sizes, on any machine."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from clipstr.errors import DataError
from clipstr.synth import (
    FontFace,
    Sample,
    SynthConfig,
    WordRenderer,
    find_backgrounds,
    find_fonts,
    load_synth,
)
from clipstr.synth.blanks import blanked
from clipstr.synth.config import Layout, Looks
from clipstr.synth.drawing import draw_word
from clipstr.synth.kinds import KindRenderer
from clipstr.synth.renderer import VISIBLE


@pytest.fixture(scope="module")
def renderer() -> WordRenderer:
    return WordRenderer()


def _in_another_process(renderer: WordRenderer, numbers: list[int]) -> list[Sample]:
    return [renderer.sample(3, number) for number in numbers]


def same(one: Sample, other: Sample) -> bool:
    return one.label == other.label and bool(np.array_equal(one.image, other.image))


def with_only(rate: str) -> WordRenderer:
    """A renderer that gives every picture the one thing, and else does little."""
    calm = [f"{key}=0" for key in ("camera.small", "camera.defocus", "camera.motion", "scene.faint")]
    return WordRenderer(load_synth(None, [*calm, f"{rate}=1"], default=SynthConfig()))


def test_a_sample_depends_on_its_seed_and_number_alone(renderer: WordRenderer) -> None:
    forwards = [renderer.sample(3, number) for number in range(24)]
    fresh: WordRenderer = pickle.loads(pickle.dumps(renderer))
    backwards = [fresh.sample(3, number) for number in reversed(range(24))]
    assert all(same(a, b) for a, b in zip(forwards, reversed(backwards), strict=True))
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        elsewhere = pool.submit(_in_another_process, renderer, [5, 2]).result()
    assert same(elsewhere[0], forwards[5])
    assert same(elsewhere[1], forwards[2])


def test_intels_library_in_opencv_changes_no_picture(renderer: WordRenderer) -> None:
    """It gives other results on other processors; a user's choice of it stays as it was."""
    before = cv2.ipp.useIPP()
    cv2.ipp.setUseIPP(True)
    chosen = cv2.ipp.useIPP()  # some builds have none
    with_it = [renderer.sample(3, number) for number in range(20)]
    assert cv2.ipp.useIPP() == chosen
    cv2.ipp.setUseIPP(False)
    without = [renderer.sample(3, number) for number in range(20)]
    cv2.ipp.setUseIPP(before)
    assert all(same(a, b) for a, b in zip(with_it, without, strict=True))


def test_pictures_that_are_to_be_empty_have_an_empty_label_and_hardly_any_ink(
    renderer: WordRenderer,
) -> None:
    nothing = WordRenderer(SynthConfig(empty=1.0), fonts=renderer.fonts.faces)
    some = WordRenderer(SynthConfig(empty=0.3), fonts=renderer.fonts.faces)
    assert {nothing.sample(3, number).label for number in range(24)} == {""}
    labels = [some.sample(3, number).label for number in range(200)]
    of_a_kind = KindRenderer(nothing, "words")
    assert {of_a_kind.sample(3, number).label for number in range(12)} == {""}
    assert 30 <= labels.count("") <= 90  # 60, six deviations either way
    drawn = draw_word("HELLO", renderer.fonts.faces[0], np.random.default_rng(0), 0.0, Layout(), Looks())
    left = [blanked(drawn, np.random.default_rng(number)).ink for number in range(60)]
    rows = [int((ink.max(1) > 0).sum()) / len(ink) for ink in left]
    assert 0 < sum(row > 0 for row in rows) < 40
    assert max(rows) < 0.25


def test_seeds_and_numbers_give_different_samples(renderer: WordRenderer) -> None:
    pictures = [renderer.sample(seed, number).image for seed in (1, 2) for number in (1, 2)]
    assert len({picture.tobytes() for picture in pictures}) == 4


@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
def test_pictures_have_something_on_them(renderer: WordRenderer, difficulty: float) -> None:
    samples = [renderer.sample(0, number, difficulty) for number in range(60)]
    assert all(s.image.ndim == 3 and s.image.shape[2] == 3 for s in samples)
    assert {sample.image.dtype for sample in samples} == {np.dtype(np.uint8)}
    faint = [s.label for s in samples if s.image.reshape(-1, 3).std(0).max() < VISIBLE - 0.1]
    assert len(faint) <= 1  # none of real crops is; a word that stays so when painted again is taken


def test_pictures_have_the_sizes_of_real_crops(renderer: WordRenderer) -> None:
    """Of 3,000 real crops: 16 to 119 pixels high (5 to 95 %), 0.88 to 4.96 times as wide."""
    shapes = np.array([renderer.sample(0, number).image.shape[:2] for number in range(400)])
    heights, aspects = shapes[:, 0], shapes[:, 1] / shapes[:, 0]
    assert 25 < np.median(heights) < 50
    assert heights.max() <= 192
    assert shapes[:, 1].max() <= 480
    assert 1.8 < np.median(aspects) < 2.8
    assert (aspects < 1).any()


def test_easy_pictures_have_more_contrast_than_hard_ones(renderer: WordRenderer) -> None:
    alike = WordRenderer(replace(SynthConfig(), mildest=1.0), fonts=renderer.fonts.faces)

    def contrast(difficulty: float) -> float:
        pictures = [alike.sample(7, number, difficulty).image for number in range(160)]
        return float(np.median([picture.astype(float).mean(2).std() for picture in pictures]))

    assert contrast(0.0) > 1.1 * contrast(1.0)


def test_the_mildest_pictures_are_as_hard_as_asked(renderer: WordRenderer) -> None:
    always_hard = WordRenderer(replace(SynthConfig(), mildest=1.0), fonts=renderer.fonts.faces)
    never = WordRenderer(replace(SynthConfig(), mildest=0.0), fonts=renderer.fonts.faces)

    def turned(one: WordRenderer) -> int:
        """How many crops of a wide word are high: the word lies askew in them."""
        shapes = [one.draw("parking", np.random.default_rng(n)).shape for n in range(200)]
        return sum(height > 0.6 * width for height, width, _ in shapes)

    assert turned(always_hard) > 1.3 * turned(never)


@pytest.mark.parametrize("text", ["i", "W" * 25, "l" * 25, ".", "Ærø", "€5"])
def test_a_given_text_can_be_drawn_at_any_length(renderer: WordRenderer, text: str) -> None:
    if not all(map(renderer.fonts.can_draw, text)):
        pytest.skip(f"no font of this machine has all of {text}")
    for number in range(6):
        assert renderer.draw(text, np.random.default_rng(number), number / 5).std() > 0


def test_a_text_that_no_font_can_draw_is_an_error_that_names_the_characters(renderer: WordRenderer) -> None:
    with pytest.raises(DataError, match=r"can draw 'a\\ue123' \(none has .\)"):
        renderer.draw("a\ue123", np.random.default_rng(0))


def test_words_that_no_font_can_draw_are_left_out_and_told(renderer: WordRenderer) -> None:
    from clipstr.synth import WordList

    words = WordList.ranked(["plain", "a\ue123", "½", "x" * 26])
    some = WordRenderer(fonts=renderer.fonts.faces, words=words)
    assert some.vocabulary.left_out == ("a\ue123", "½", "x" * 26)
    drawn = [some.sample(0, number).label.lower() for number in range(60)]
    assert sum(label.startswith("plain") for label in drawn) > 20


@pytest.mark.parametrize(
    "rate",
    [
        *(f"looks.{name}" for name in SynthConfig().looks.__dataclass_fields__),
        *(f"layout.{name}" for name in ("tracked", "dance", "stacked", "arc", "wave", "letters", "curved")),
        *(f"layout.{name}" for name in ("upright", "turned", "upside_down", "mirrored")),
        *(f"scene.{name}" for name in SynthConfig().scene.__dataclass_fields__ if name != "photograph"),
        *(f"camera.{name}" for name in SynthConfig().camera.__dataclass_fields__ if "height" not in name),
    ],
)
def test_everything_that_can_happen_to_a_picture_changes_it_and_leaves_a_word(rate: str) -> None:
    renderer = with_only(rate)
    off = WordRenderer(load_synth(None, [f"{rate}=0"], default=renderer.config), fonts=renderer.fonts.faces)
    rngs = [np.random.default_rng(number) for number in range(12)]
    texts = ["Sale", "12:45", "EXIT", "Coffee", "98-7", "parking"] * 2
    drawn = [renderer.draw(text, rng) for text, rng in zip(texts, rngs, strict=True)]
    rngs = [np.random.default_rng(number) for number in range(12)]
    plain = [off.draw(text, rng) for text, rng in zip(texts, rngs, strict=True)]
    assert sum(not np.array_equal(a, b) for a, b in zip(drawn, plain, strict=True)) >= 2
    assert sum(picture.std() > 3 for picture in drawn) >= 8


def test_a_machine_without_fonts_still_renders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clipstr.fonts.faces._system_folders", list)
    faces = find_fonts()
    assert len(faces) == 1
    assert isinstance(faces[0], FontFace)
    assert WordRenderer(fonts=faces).sample(0, 1, 0.0).image.std() > 2


def test_photographs_stand_behind_words(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    folder = tmp_path / "photographs"
    (folder / "more").mkdir(parents=True)
    for name in ("one.png", "more/two.jpg"):
        Image.fromarray(rng.integers(0, 256, (60, 90, 3), np.uint8)).save(folder / name)
    paths = find_backgrounds(folder)
    assert [Path(path).name for path in paths] == ["two.jpg", "one.png"]
    config = load_synth(None, ["scene.clutter=1", "scene.surface=0"], default=SynthConfig())
    made_up, photographic = WordRenderer(config), WordRenderer(config, backgrounds=paths)
    pairs = [(made_up.sample(0, number), photographic.sample(0, number)) for number in range(12)]
    assert sum(not same(*pair) for pair in pairs) >= 6  # not behind displays, nor behind what is drawn tight


def test_photographs_may_be_the_ground_as_they_are(tmp_path: Path) -> None:
    """At rate 1 nothing else is behind the word; ink is told from it, be it dark or bright."""
    calm = [f"camera.{name}=0" for name in ("light", "glare", "cast", "exposure", "bloom", "grey")]
    calm += ["scene.photograph=1", "scene.rules=0", "scene.neighbours=0", "looks.neon=0", "looks.engraved=0"]
    config = load_synth(None, [*calm, "looks.counterchanged=0", "mildest=1"], default=SynthConfig())
    for level in (10, 245):
        Image.new("RGB", (80, 60), (level, level, level)).save(tmp_path / f"{level}.png")
        renderer = WordRenderer(config, backgrounds=[str(tmp_path / f"{level}.png")])
        for number in range(8):
            picture = renderer.draw("parking", np.random.default_rng(number))
            assert abs(int(np.median(picture[:2])) - level) < 25
            assert picture.std() > 8


def test_a_word_upside_down_is_the_word_turned_and_one_mirrored_is_mirrored() -> None:
    """Everything else being still: the one picture turned by 180 degrees, or flipped, is the other."""
    still = [f"layout.{name}=0" for name in SynthConfig().layout.__dataclass_fields__ if name != "margin"]
    still += [f"looks.{name}=0" for name in SynthConfig().looks.__dataclass_fields__]
    still += [f"scene.{name}=0" for name in SynthConfig().scene.__dataclass_fields__]
    still += [f"camera.{name}=0" for name in SynthConfig().camera.__dataclass_fields__ if name != "height"]

    def drawn(*changes: str) -> list[np.ndarray]:
        config = load_synth(None, [*still, "mildest=1", *changes], default=SynthConfig())
        pictures = WordRenderer(config, fonts=[FontFace(":pillow:")])
        return [pictures.draw("LEFT", np.random.default_rng(seed)).astype(float) for seed in range(8)]

    def like(pictures: list[np.ndarray], others: list[np.ndarray]) -> float:
        """The mean correlation, sizes made equal."""
        return float(
            np.mean(
                [
                    np.corrcoef(cv2.resize(a, b.shape[1::-1]).ravel(), b.ravel())[0, 1]
                    for a, b in zip(pictures, others, strict=True)
                ]
            )
        )

    plain, fallen, mirrored = drawn(), drawn("layout.upside_down=1"), drawn("layout.mirrored=1")
    turned = [np.ascontiguousarray(picture[::-1, ::-1]) for picture in fallen]
    assert like(turned, plain) > like(fallen, plain) + 0.25
    flipped = [np.ascontiguousarray(picture[:, ::-1]) for picture in mirrored]
    assert like(flipped, plain) > like(mirrored, plain) + 0.25


def test_backgrounds_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no pictures there to put behind words"):
        find_backgrounds(tmp_path)
    Image.new("RGB", (40, 40)).save(tmp_path / "good.png")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff no more")
    with pytest.raises(DataError, match=r"cannot be read: .*broken\.jpg"):
        find_backgrounds(tmp_path)
