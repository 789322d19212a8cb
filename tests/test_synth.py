"""The renderer: the same everywhere, readable, of the right words, on any machine."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from clipstr.charset import Charset
from clipstr.errors import DataError, InputError
from clipstr.synth import FontFace, Sample, SynthConfig, WordRenderer, contact_sheet, find_fonts, load_words
from clipstr.synth.fonts import caption_font, draws
from clipstr.synth.words import COMMON_WORDS


@pytest.fixture(scope="module")
def renderer() -> WordRenderer:
    return WordRenderer()


def _in_another_process(renderer: WordRenderer, numbers: list[int]) -> list[Sample]:
    return [renderer.sample(3, number) for number in numbers]


def same(one: Sample, other: Sample) -> bool:
    return one.label == other.label and bool((one.image == other.image).all())


def test_a_sample_depends_on_its_seed_and_number_alone(renderer: WordRenderer) -> None:
    forwards = [renderer.sample(3, number) for number in range(8)]
    fresh: WordRenderer = pickle.loads(pickle.dumps(renderer))
    backwards = [fresh.sample(3, number) for number in reversed(range(8))]
    assert all(same(a, b) for a, b in zip(forwards, reversed(backwards), strict=True))
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        elsewhere = pool.submit(_in_another_process, renderer, [5, 2]).result()
    assert same(elsewhere[0], forwards[5])
    assert same(elsewhere[1], forwards[2])


def test_seeds_and_numbers_give_different_samples(renderer: WordRenderer) -> None:
    pictures = [renderer.sample(seed, number).image for seed in (1, 2) for number in (1, 2)]
    assert len({picture.tobytes() for picture in pictures}) == 4


@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
def test_pictures_have_the_right_form_and_something_on_them(
    renderer: WordRenderer, difficulty: float
) -> None:
    samples = [renderer.sample(0, number, difficulty) for number in range(60)]
    assert {sample.image.shape for sample in samples} == {(32, 128, 3)}
    assert {sample.image.dtype for sample in samples} == {np.dtype(np.uint8)}
    flat = [sample.label for sample in samples if sample.image.std() < 2]
    assert len(flat) <= 2  # a dark word on dark ground may all but vanish, as in real crops


@pytest.mark.parametrize("alphabet", ["36", "62", "94", "0123456789", "ABC"])
def test_labels_always_fold_to_something_that_fits(alphabet: str) -> None:
    charset = Charset.named(alphabet)
    config = SynthConfig(characters=charset.characters, max_length=12)
    drawing = WordRenderer(config, words=load_words()).vocabulary
    for number in range(300):
        folded = charset.fold(drawing.text(np.random.default_rng(number)))
        assert 1 <= len(folded) <= 12


def test_words_come_in_natural_cases_and_kinds() -> None:
    drawing = WordRenderer().vocabulary
    texts = [drawing.text(np.random.default_rng(number)) for number in range(2000)]
    letters = [text for text in texts if text.isalpha() and len(text) > 2]
    shares = {
        "upper": sum(text.isupper() for text in letters) / len(letters),
        "lower": sum(text.islower() for text in letters) / len(letters),
        "title": sum(text.istitle() for text in letters) / len(letters),
        "digits": sum(any(c.isdigit() for c in text) for text in texts) / len(texts),
    }
    assert 0.3 < shares["upper"] < 0.6
    assert 0.1 < shares["lower"] < 0.4
    assert 0.15 < shares["title"] < 0.45
    assert 0.08 < shares["digits"] < 0.35
    assert 4 < np.mean([len(text) for text in texts]) < 9


def test_easy_pictures_have_more_contrast_than_hard_ones(renderer: WordRenderer) -> None:
    def contrast(difficulty: float) -> float:
        pictures = [renderer.sample(7, number, difficulty).image for number in range(80)]
        return float(np.median([picture.astype(float).mean(2).std() for picture in pictures]))

    assert contrast(0.0) > 1.2 * contrast(1.0)


def test_a_given_text_can_be_drawn_at_any_length(renderer: WordRenderer) -> None:
    for text in ("i", "W" * 25, "l" * 25):
        assert renderer.draw(text, np.random.default_rng(0)).std() > 0


def test_symbol_fonts_and_unreadable_files_are_no_faces(tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    with pytest.raises(DataError, match="no font there that can write Latin words"):
        find_fonts([tmp_path])


def test_a_machine_without_fonts_still_renders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clipstr.synth.fonts._system_folders", list)
    faces = find_fonts()
    assert len(faces) == 1
    assert isinstance(faces[0], FontFace)
    assert WordRenderer(fonts=faces).sample(0, 1, 0.0).image.std() > 2


def test_a_word_list_is_read_and_a_bad_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("alpha\n\nbeta\nalpha\n", encoding="utf-8")
    assert load_words(path) == ("alpha", "beta")
    path.with_name("empty.txt").write_text("\n", encoding="utf-8")
    with pytest.raises(DataError, match="empty"):
        load_words(path.with_name("empty.txt"))
    with pytest.raises(DataError, match="cannot be read"):
        load_words(tmp_path / "none.txt")


def test_a_machine_without_a_word_list_has_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clipstr.synth.words.SYSTEM_LISTS", ())
    load_words.cache_clear()
    assert load_words() == COMMON_WORDS
    load_words.cache_clear()


def test_sizes_that_cannot_be_drawn_are_refused() -> None:
    with pytest.raises(InputError, match="height and width at least 8"):
        SynthConfig(height=2)
    with pytest.raises(InputError, match="shares of words"):
        SynthConfig(random=-1.0)


def test_a_contact_sheet_holds_every_picture(renderer: WordRenderer) -> None:
    samples = [renderer.sample(0, number) for number in range(9)]
    sheet = contact_sheet(samples)
    assert sheet.size == (8 * 132 + 4, 2 * 50 + 4)
    second_row = np.asarray(sheet.crop((4, 54, 132, 86)))
    assert (second_row == samples[8].image).all()


def test_a_face_draws_what_it_has_and_not_the_box_for_what_it_lacks() -> None:
    """A private-use character is in no font of letters."""
    for face in find_fonts()[:40]:
        assert draws(face, "a")
        assert not draws(face, "\ue123")
        assert not draws(face, " ")


def test_captions_are_written_with_a_font_that_has_their_signs() -> None:
    plain, signs = caption_font(["abc"], 12), caption_font(["€5"], 12)
    assert bytes(plain.getmask("a")) == bytes(caption_font([], 12).getmask("a"))
    able = [face for face in find_fonts() if draws(face, "€")]
    if able:
        assert bytes(signs.getmask("€")) != bytes(signs.getmask("\uffff"))
    else:
        assert bytes(signs.getmask("a")) == bytes(plain.getmask("a"))
