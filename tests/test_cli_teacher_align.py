"""``clipstr teacher align`` on odd input: names, labels, repeats. `test_cli_teacher` has the rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import typer
from PIL import Image
from typer.testing import CliRunner, Result

import clips
from clipstr.cli.teacher_align import align
from clipstr.errors import InputError, TeacherError
from clipstr.teacher.weights import save_clip

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
COFFEE, HOTEL = (str(EXAMPLES / f"{name}.png") for name in ("coffee", "hotel"))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("clip")
    described = clips.architecture(folder).for_pictures(32, 128)
    torch.manual_seed(0)
    save_clip(described.build(), described, folder, source={})
    return str(folder)


def call(*arguments: str) -> Result:
    app = typer.Typer(rich_markup_mode=None)
    app.command("align")(align)
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def labels_of(output: str) -> list[str]:
    return list(dict.fromkeys(row["label"] for row in json.loads(output)))


def test_labels_come_by_commas_and_by_repeating(weights: str) -> None:
    shown = call(
        COFFEE, "--weights", weights, "--labels", "tea, hotel", "--labels", "coffee,tea", "--json", "-"
    )
    assert labels_of(shown.stdout) == ["tea", "hotel", "coffee"]


def test_without_labels_the_file_stems_of_the_readable_pictures_are_taken(
    weights: str, tmp_path: Path
) -> None:
    shown = call(COFFEE, str(tmp_path / "none.png"), HOTEL, "--weights", weights, "--json", "-")
    assert labels_of(shown.stdout) == ["coffee", "hotel"]
    assert shown.exit_code == 1


def test_labels_without_a_word_are_an_error(weights: str) -> None:
    with pytest.raises(InputError, match="no word in it"):
        call(COFFEE, "--weights", weights, "--labels", " , ")


def test_a_picture_given_twice_is_shown_twice_and_nothing_failed(weights: str) -> None:
    shown = call(COFFEE, COFFEE, "--weights", weights)
    assert shown.exit_code == 0
    assert shown.stdout.count("coffee.png") == 2


def test_a_name_in_brackets_is_shown_as_it_is(weights: str, tmp_path: Path) -> None:
    with Image.open(COFFEE) as picture:
        picture.save(tmp_path / "[bold]x.png")
    shown = call(
        str(tmp_path / "[bold]x.png"),
        str(tmp_path / "[red]none.png"),
        "--weights",
        weights,
        "--labels",
        "[b]",
    )
    assert "[bold]x.png" in shown.stdout
    assert "[b]" in shown.stdout
    assert "[red]none.png: there is no such file" in shown.stderr
    assert shown.stderr.count("none.png") == 1


def test_a_name_that_would_break_the_line_is_escaped(weights: str, tmp_path: Path) -> None:
    shown = call(COFFEE, str(tmp_path / "a\nb\x1b.png"), "--weights", weights)
    assert "a\\nb\\x1b.png" in shown.stderr


def test_a_label_of_several_words_is_told(weights: str) -> None:
    with pytest.raises(TeacherError, match="0 tokens of the character ' '"):
        call(COFFEE, "--weights", weights, "--labels", "hot coffee")


def test_cosines_are_shown_when_asked_for(weights: str, tmp_path: Path) -> None:
    asked = (COFFEE, HOTEL, "--weights", weights, "--labels", "tea")
    row = json.loads(call(*asked, "--json", "-").stdout)[0]
    chances, cosines = call(*asked), call(*asked, "--cosines", "--out", str(tmp_path / "cosines.png"))
    assert chances.stdout.startswith("chances, as words and as characters")
    assert cosines.stdout.startswith("cosines, as words and as characters")
    assert f"{row['chance']:.2f}" in chances.stdout
    assert f"{row['cosine']:.2f}" in cosines.stdout
    call(*asked, "--out", str(tmp_path / "chances.png"))
    drawn = [(tmp_path / f"{name}.png").read_bytes() for name in ("cosines", "chances")]
    assert drawn[0] != drawn[1]


def test_the_drawing_is_a_png_whatever_its_name(weights: str, tmp_path: Path) -> None:
    call(COFFEE, "--weights", weights, "--out", str(tmp_path / "matrix"))
    with Image.open(tmp_path / "matrix") as drawn:
        assert drawn.format == "PNG"
