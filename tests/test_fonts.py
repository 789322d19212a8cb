"""Fonts: letters, not symbols; no boxes for what is missing; legible faces more often."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ImageFont

from clipstr.errors import DataError
from clipstr.fonts import FontFace, FontSet, caption_font, draws, find_fonts, load_font
from clipstr.fonts.glyphs import CHARACTERS, likeness


class Rotated:
    """Pillow's font with every letter in another one's place, as symbol fonts have signs there."""

    def __init__(self, shift: int) -> None:
        plain = ImageFont.load_default(40)
        assert isinstance(plain, ImageFont.FreeTypeFont)
        self.font, self.shift = plain, shift

    def getmask(self, text: str) -> object:
        place = CHARACTERS.find(text)
        return self.font.getmask(CHARACTERS[(place + self.shift) % 62] if place >= 0 else text)


def test_letters_look_like_letters_and_symbols_do_not() -> None:
    assert likeness(Rotated(0)) > 0.95  # type: ignore[arg-type]
    assert likeness(Rotated(7)) < 0.17  # type: ignore[arg-type]


def test_symbol_fonts_and_unreadable_files_are_no_faces(tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    (tmp_path / "readme.txt").write_bytes(b"no font either")
    with pytest.raises(DataError, match="no font there that can write Latin words"):
        find_fonts([tmp_path])


def test_named_folders_take_the_place_of_the_systems(tmp_path: Path) -> None:
    system = [face for face in find_fonts() if Path(face.path).is_file()]
    if not system:
        pytest.skip("this machine has no fonts")
    copy = tmp_path / "fonts" / Path(system[0].path).name
    copy.parent.mkdir()
    copy.write_bytes(Path(system[0].path).read_bytes())
    (copy.parent / f"link{copy.suffix}").symlink_to(copy)
    assert [face.path for face in find_fonts([copy.parent])] == [str(copy)]


def test_a_face_draws_what_it_has_and_not_the_box_for_what_it_lacks() -> None:
    """A private-use character is in no font of letters."""
    for face in find_fonts()[:40]:
        assert draws(face, "a") or draws(face, "A")
        assert not draws(face, "\ue123")
        assert not draws(face, " ")


def test_a_face_that_has_the_plain_letter_in_the_place_of_one_with_marks_does_not_draw_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = load_font(find_fonts()[0])

    class Unmarked:
        def getmask(self, text: str) -> Any:
            return whole.getmask({"é": "e", "ı": "i", "ß": "B"}.get(text, text))

    monkeypatch.setattr("clipstr.fonts.faces.load_font", lambda face: Unmarked())
    face = FontFace("unmarked.ttf")
    assert [c for c in "eéèiıîBßD" if draws(face, c)] == list("eèiîBD")


def test_a_text_is_drawn_with_a_face_that_has_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    able, unable = FontFace("able"), FontFace("unable")
    monkeypatch.setattr("clipstr.fonts.faces.draws", lambda face, c: face == able or c != "é")
    fonts = FontSet([unable, able])
    picked = [fonts.pick("café", np.random.default_rng(seed)) for seed in range(20)]
    assert set(picked) == {able}
    assert len({fonts.pick("cafe", np.random.default_rng(seed)).path for seed in range(20)}) == 2


def test_legible_faces_and_small_families_come_more_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clipstr.fonts.faces.draws", lambda face, character: True)
    large = [FontFace(f"large{number}", family="large") for number in range(16)]
    fonts = FontSet([*large, FontFace("single", family="single"), FontFace("script", legibility=0.25)])
    counts = Counter(fonts.pick("a", np.random.default_rng(seed)).path for seed in range(4000))
    assert 3 < counts["single"] / counts["large3"] < 5.5
    assert 3 < counts["single"] / counts["script"] < 5.5


def test_bold_upright_faces_come_more_often_than_fonts_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clipstr.fonts.faces.draws", lambda face, character: True)
    styles = ("Regular", "Bold", "Italic", "Light")
    fonts = FontSet([FontFace(style, family=f"a family of {style[0]}", style=style) for style in styles])
    counts = Counter(fonts.pick("a", np.random.default_rng(seed)).path for seed in range(3000))
    assert counts["Bold"] > 2 * counts["Regular"] > 3 * counts["Italic"]
    assert counts["Regular"] > 1.8 * counts["Light"]


def test_no_fonts_at_all_are_an_error() -> None:
    with pytest.raises(DataError, match="there is no usable font"):
        FontSet([])


def test_captions_are_written_with_a_font_that_has_their_signs() -> None:
    plain, signs = caption_font(["abc"], 12), caption_font(["€5"], 12)
    assert bytes(plain.getmask("a")) == bytes(caption_font([], 12).getmask("a"))
    able = [face for face in find_fonts() if draws(face, "€")]
    if able:
        assert bytes(signs.getmask("€")) != bytes(signs.getmask("\uffff"))
    else:
        assert bytes(signs.getmask("a")) == bytes(plain.getmask("a"))


def test_opened_faces_are_kept() -> None:
    face = find_fonts()[0]
    assert load_font(face) is load_font(face)
