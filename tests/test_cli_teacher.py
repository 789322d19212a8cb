"""``clipstr teacher`` as a user calls it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, Result

import clips
from clipstr.cli.main import app
from clipstr.data import write_lmdb
from clipstr.errors import InputError, MissingExtraError, TeacherError
from clipstr.form import Preprocessing
from clipstr.teacher import Teacher, TeacherConfig
from clipstr.teacher.similarity import similarity
from clipstr.teacher.weights import save_clip

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
PICTURES = [str(EXAMPLES / f"{name}.png") for name in ("coffee", "hotel", "station")]

RECIPE = """
[clip]
architecture = "{clip}"
max_length = 10
[data]
validation = ["{crops}"]
workers = 0
sources.crops.paths = ["{crops}"]
[optimisation]
samples = 12
batch_size = 4
[run]
precision = "bf16-mixed"
journals = []
"""


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["teacher", *arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("clip")
    described = clips.architecture(folder).for_pictures(32, 128)
    torch.manual_seed(0)
    save_clip(described.build(), described, folder, source={})
    return str(folder)


def test_a_teacher_is_trained_and_shown(tmp_path: Path) -> None:
    crops = sorted(EXAMPLES.glob("*.png"))
    write_lmdb(tmp_path / "crops" / "set", [(path.read_bytes(), path.stem) for path in crops])
    clips.architecture(tmp_path)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE.format(clip=tmp_path / "clip.json", crops=tmp_path / "crops"), encoding="utf-8")
    output = call("train", str(recipe), "--out", str(tmp_path / "run")).output
    assert "validated after 12 samples: set" in output
    assert "best retrieval on validation" in output
    best = str(tmp_path / "run" / "best")
    assert f'teacher.weights = "{best}"' in output
    assert "12 samples" in call("train", str(recipe), "--out", str(tmp_path / "run"), "--resume").output
    shown = call("align", *PICTURES, "--weights", best)
    assert shown.exit_code == 0
    assert all(f"{name}.png" in shown.output for name in ("coffee", "hotel", "station"))


def test_a_row_shares_1_among_all_texts(weights: str) -> None:
    teacher = Teacher(TeacherConfig(weights=weights), Preprocessing())
    found = similarity(teacher, torch.randn(2, 3, 32, 128), ["ab", "cd", "efg"])
    assert found.chances.shape == found.cosines.shape == (2, 3, 2)
    assert torch.allclose(found.chances.sum((1, 2)), torch.ones(2), atol=1e-6)
    scale = teacher.clip.logit_scale.exp()
    expected = (scale * found.cosines).flatten(1).exp()
    assert torch.allclose(found.chances.flatten(1), expected / expected.sum(1, keepdim=True), atol=1e-6)
    assert found.cosines.abs().max() <= 1.00001


def test_all_numbers_come_as_json(weights: str) -> None:
    output = call("align", *PICTURES, "--weights", weights, "--labels", "coffee, hotel", "--json", "-").stdout
    rows = json.loads(output)
    assert len(rows) == 3 * 2 * 2
    assert {row["tokens"] for row in rows} == {"words", "characters"}
    assert sum(row["chance"] for row in rows if row["image"] == "coffee.png") == pytest.approx(1, abs=1e-5)


def test_the_matrix_is_drawn(weights: str, tmp_path: Path) -> None:
    out = tmp_path / "matrix.png"
    call("align", *PICTURES, "--weights", weights, "--out", str(out))
    with Image.open(out) as drawn:
        assert drawn.height > 3 * 50
        assert drawn.width > 6 * 90
        assert len(drawn.getcolors(1 << 20) or []) > 100  # the thumbnails are there
    told = call("align", *PICTURES, "--weights", weights, "--out", str(tmp_path / "none" / "x.png"))
    assert told.exit_code == 2
    assert "to write into" in told.output


def test_one_bad_picture_does_not_stop_the_others(weights: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    shown = call("align", PICTURES[0], str(bad), "--weights", weights)
    assert shown.exit_code == 1
    assert "coffee.png" in shown.stdout
    assert "bad.png" not in shown.stdout
    with pytest.raises(InputError, match="no picture could be read"):
        call("align", str(bad), "--weights", weights)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--size", "32"], InputError, "write height and width such as 32x128"),
        (["--positions", "stretch"], InputError, "it can be cut or interpolate"),
        (["--labels", "a" * 20], TeacherError, "is 22 tokens long"),
        (["--weights", "none"], TeacherError, "OpenCLIP knows no weights 'none'"),
    ],
)
def test_wrong_calls_are_told(
    weights: str, arguments: list[str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call("align", PICTURES[0], "--weights", weights, *arguments)


@pytest.mark.parametrize(
    ("arguments", "module"),
    [
        (["train", "x.toml", "--out", "x"], "clipstr.training"),
        (["align", "x.png", "--weights", "x"], "clipstr.teacher"),
    ],
)
def test_a_missing_extra_is_named(arguments: list[str], module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'clipstr\["):
        call(*arguments)
