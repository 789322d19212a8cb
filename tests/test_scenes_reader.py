"""Whole photographs are found and read, whichever way their words run, and bad ones stop no others."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageFont

import clipstr
from clipstr.errors import ImageError, InputError, MissingExtraError
from clipstr.models import DEFAULT_MODEL
from clipstr.scenes import Region, SceneReader, Unit, plain_scene
from clipstr.scenes.formats import as_pdf
from clipstr.scenes.scene import bounds
from scenes import box, page, scene_reader


def test_lines_and_words_come_in_order_and_where_they_stand():
    scene = scene_reader().read(page(("Coffee and cake", 40, 60), ("open daily", 40, 100)))
    assert scene.text == "Coffee and cake\nopen daily"
    assert (scene.width, scene.height) == (640, 320)
    assert [len(line.words) for line in scene.lines] == [3, 2]
    left, top, right, bottom = bounds(scene.words[0].polygon)
    assert (left, right) == pytest.approx((41, 131), abs=8)
    assert (top, bottom) == pytest.approx((65, 89), abs=8)
    assert [character.text for character in scene.words[0].characters] == list("Coffee")


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_text_that_runs_another_way_is_read(degrees):
    picture = page(("Station square", 40, 60), ("platform seven", 40, 110), size=(400, 220))
    scene = scene_reader().read(picture.rotate(degrees, expand=True))
    assert scene.text.split() == ["Station", "square", "platform", "seven"]


def test_slanted_text_is_read():
    picture = page(("Market garden", 200, 280), size=(640, 640)).rotate(28, fillcolor="white")
    assert scene_reader().read(picture).text == "Market garden"


def test_exif_orientation_counts():
    content = io.BytesIO()
    exif = Image.Exif()
    exif[274] = 6  # to be turned by 90 degrees with the clock
    turned = page(("Island bridge", 40, 60)).transpose(Image.Transpose.ROTATE_90)
    turned.save(content, "PNG", exif=exif)
    scene = scene_reader().read(content.getvalue())
    assert scene.text == "Island bridge"
    assert (scene.width, scene.height) == (640, 320)


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (900, 3), (200, 200)])
def test_blank_pictures_have_no_words_and_are_no_error(size):
    assert scene_reader().read(Image.new("RGB", size, "gray")).lines == ()


def test_a_receipt_and_a_panorama_are_read():
    words = [f"{name} {number}" for number, name in enumerate(["bread", "butter", "coffee", "apples"], 10)]
    receipt = page(*((word, 20, 300 + 700 * n) for n, word in enumerate(words)), size=(260, 3100), height=22)
    assert scene_reader().read(receipt).text.split("\n\n") == words
    panorama = page(*((word, 200 + 900 * n, 60) for n, word in enumerate(words)), size=(3900, 160), height=22)
    assert scene_reader().read(panorama).text.split() == " ".join(words).split()


def test_boxes_are_found_without_reading():
    found = scene_reader().find(page(("Coffee and cake", 40, 60)))
    assert [word.text for word in found.words] == ["", "", ""]
    assert all(0.5 < word.confidence <= 1 for word in found.words)


def test_less_sure_words_are_left_out():
    picture = page(("Coffee and cake", 40, 60))
    assert scene_reader().restricted(min_confidence=1.0).read(picture).words == ()
    with pytest.raises(InputError, match="min_confidence"):
        SceneReader(min_confidence=1.5)


def test_a_lexicon_and_allowed_characters_hold_in_photographs():
    reader = scene_reader()
    picture = page(("number 20159", 40, 60))
    digits = reader.restricted(allow="0123456789", min_confidence=0.0).read(picture)
    assert digits.words[-1].text == "20159"
    assert all(word.text.isdigit() for word in digits.words)
    chosen = reader.restricted(lexicon=["numbers", "20158"], min_confidence=0.0).read(picture)
    assert {word.text for word in chosen.words} == {"numbers", "20158"}


class WordBoxes:
    """A detector of a user's own: words at known places."""

    name, unit = "boxes", Unit.word

    def __init__(self, *boxes: np.ndarray) -> None:
        self.boxes = boxes

    def find(self, picture: np.ndarray) -> list[Region]:
        assert picture.dtype == np.uint8
        return [Region(item, 0.7) for item in self.boxes]


def test_another_detector_can_be_put_in_and_its_words_make_lines():
    space = ImageFont.load_default(28).getlength("Coffee ")
    detector = WordBoxes(box(38 + space, 62, 100 + space, 96), box(38, 62, 36 + space, 96))
    reader = SceneReader(detector=detector, threads=1, second_looks=False)
    scene = reader.read(page(("Coffee and", 40, 60)))
    assert scene.text == "Coffee and"
    assert len(scene.lines) == 1
    assert reader.name == f"boxes + {DEFAULT_MODEL}"


def test_a_bad_source_stops_no_others(tmp_path):
    good = tmp_path / "good.png"
    page(("garden", 40, 60)).save(good)
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(good.read_bytes()[:50])
    outcomes = list(scene_reader().stream([bad, tmp_path / "none.png", good]))
    assert [outcome.error is None for outcome in outcomes] == [False, False, True]
    assert outcomes[2].scene is not None
    assert outcomes[2].scene.text == "garden"
    with pytest.raises(ImageError, match="none.png"):
        scene_reader().read(tmp_path / "none.png")


def test_every_page_of_a_pdf_is_read(tmp_path):
    reader = scene_reader()
    file = tmp_path / "pages.pdf"
    with file.open("wb") as out:
        pictures = [page((word, 40, 60)) for word in ("first", "second")]
        as_pdf([(picture, reader.read(picture)) for picture in pictures], out)
    for source in (file, file.read_bytes()):
        outcomes = list(reader.stream([source]))
        assert [(outcome.page, outcome.scene and outcome.scene.text) for outcome in outcomes] == [
            (1, "first"),
            (2, "second"),
        ]
    assert reader.read(file).text == "first"


def test_a_damaged_pdf_is_told():
    with pytest.raises(ImageError, match="PDF"):
        scene_reader().read(b"%PDF-1.7 and nothing more")


def test_a_pdf_without_its_package_is_told(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pypdfium2", None)
    with pytest.raises(MissingExtraError, match=r"clipstr\[scenes\]"):
        scene_reader().read(b"%PDF-1.7")


def test_plain_values_hold_everything():
    scene = scene_reader().read(page(("garden gate", 40, 60)))
    plain = plain_scene(scene)
    assert plain["lines"][0]["text"] == "garden gate"
    assert [word["text"] for word in plain["lines"][0]["words"]] == ["garden", "gate"]
    assert len(plain["lines"][0]["words"][0]["polygon"]) == 4


def test_scan_is_the_short_way():
    assert clipstr.scan(page(("garden gate", 40, 60))).text == "garden gate"
