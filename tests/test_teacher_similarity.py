"""The numbers of the similarity matrix, and how it is drawn."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from PIL import Image, ImageDraw, ImageFont
from torch.nn.functional import cosine_similarity

import clips
from clipstr.errors import TeacherError
from clipstr.teacher import Teacher
from clipstr.teacher.drawing import draw_matrix
from clipstr.teacher.similarity import TOKENISINGS, similarity

PICTURES = torch.linspace(-1, 1, 2 * 3 * 32 * 64).sin().reshape(2, 3, 32, 64)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Teacher:
    return clips.teacher(tmp_path_factory.mktemp("clip"))


def test_cosines_are_those_of_clips_own_embeddings_at_the_full_context(teacher: Teacher) -> None:
    found = similarity(teacher, PICTURES, ["word", "ab"])
    images = teacher.image_stages(PICTURES, {4})[4]
    for place, texts in enumerate((["word", "ab"], ["w o r d", "a b"])):
        ids = torch.zeros(2, 12, dtype=torch.int64)
        for row, text in enumerate(texts):
            known = [teacher.tokens.start, *teacher.tokens._tokenizer.encode(text), teacher.tokens.end]
            ids[row, : len(known)] = torch.tensor(known)
        expected = cosine_similarity(images[:, None], teacher.clip.encode_text(ids)[None], dim=2)
        torch.testing.assert_close(found.cosines[..., place], expected, atol=1e-5, rtol=0)


def test_a_single_letter_is_one_text_however_it_is_put(teacher: Teacher) -> None:
    found = similarity(teacher, PICTURES, ["a", "word"])
    torch.testing.assert_close(found.cosines[:, 0, 0], found.cosines[:, 0, 1], atol=1e-6, rtol=0)
    assert not torch.allclose(found.cosines[:, 1, 0], found.cosines[:, 1, 1], atol=1e-3)


def test_chances_depend_on_the_labels_beside_and_cosines_do_not(teacher: Teacher) -> None:
    few, many = (similarity(teacher, PICTURES, labels) for labels in (["ab"], ["ab", "abcdefghij"]))
    torch.testing.assert_close(few.cosines, many.cosines[:, :1], atol=1e-6, rtol=0)
    assert (few.chances > many.chances[:, :1]).all()


def test_a_label_longer_than_the_context_is_told(teacher: Teacher) -> None:
    with pytest.raises(TeacherError, match="is 13 tokens long"):
        similarity(teacher, PICTURES, ["ab", "abcdefghijk"])


def drawn(labels: list[str], shades: list[list[float]], picture: Image.Image) -> Image.Image:
    pictures = [picture] * len(shades)
    return draw_matrix(pictures, labels, TOKENISINGS, [[0.0] * len(row) for row in shades], shades, title="x")


def cell_greys(sheet: Image.Image, columns: int) -> list[int]:
    """The grey of each cell of the first row, beside its figure."""
    width = (sheet.width - 176) // columns
    grey = sheet.convert("L")
    return [grey.getpixel((176 + number * width + 6, 64 + 6)) for number in range(columns)]


def test_cells_grow_darker_in_greys_too() -> None:
    sheet = drawn(["ab", "cd"], [[0.0, 0.3, 0.6, 1.0]], Image.new("RGB", (90, 30)))
    greys = cell_greys(sheet, 4)
    assert greys[0] == 255
    assert all(lighter - darker > 50 for lighter, darker in pairwise(greys))


def test_figures_stand_out_from_cells_of_every_shade() -> None:
    for shade in (0.0, 0.3, 0.6, 0.69, 0.7, 0.8, 1.0):
        sheet = drawn(["ab"], [[shade, shade]], Image.new("RGB", (90, 30)))
        grey = sheet.convert("L").crop((176 + 4, 64 + 4, 176 + 90, 64 + 50))
        darkest, lightest = grey.getextrema()
        assert lightest - darkest > 90


def test_a_long_label_widens_its_columns() -> None:
    label = "an_extraordinarily_long_label"
    length = ImageDraw.Draw(Image.new("L", (1, 1))).textlength(label, ImageFont.load_default(16))
    short, long = (drawn([name], [[0.0, 0.0]], Image.new("RGB", (90, 30))).width for name in ("ab", label))
    assert long - 176 > length > short - 176


@pytest.mark.parametrize("size", [(8, 4), (2, 900), (900, 2), (400, 100)])
def test_a_picture_of_any_size_fills_its_place_and_stays_in_it(size: tuple[int, int]) -> None:
    sheet = drawn(["ab"], [[0.0, 0.0]], Image.new("RGB", size, "red"))
    reds = Image.eval(sheet.getchannel("G"), lambda level: 255 * (level < 10)).crop((0, 64, 170, 64 + 56))
    box = reds.getbbox()
    assert box is not None
    assert (box[2] - box[0] == 160) or (box[3] - box[1] == 48)
    assert box[0] >= 8
    assert box[2] <= 168
