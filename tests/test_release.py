"""`release/`: from nothing to a packaged model with its card, in calls that may be cut short."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from clipstr.charset import ALPHABETS
from clipstr.data import write_lmdb
from clipstr.errors import InputError
from clipstr.models import ModelConfig, embedded_models
from clipstr.reader import Reader
from clipstr.student import Recogniser, StudentConfig
from clipstr.student.storage import load_recogniser, save_recogniser
from clipstr.training import load_recipe, load_teacher_recipe
from clipstr.training.tasks.soft_labels import new_labeller

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.png"))
sys.path.insert(0, str(ROOT / "release"))

SMALL = {
    "student.width": 32,
    "student.encoder_heads": 2,
    "student.decoder_heads": 2,
    "data.workers": 0,
    "optimisation.batch_size": 8,
    "optimisation.samples": 48,
    "run.compile": "false",
    "run.precision": "32-true",
    "run.validate_every": 24,
}


def test_tiny_can_learn_from_full() -> None:
    """Their forms fit: nothing is refused on the machine that is rented."""
    recipe = load_recipe(
        ROOT / "release" / "tiny.toml", [f"soft_labels.model={ROOT / 'release/weights/full'}"]
    )
    assert recipe.start.model == "tiny"
    labeller = new_labeller(recipe.soft_labels, recipe.form)
    assert labeller is not None
    assert labeller.notes == ["soft labels by 'full'"]


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crops") / "examples"
    write_lmdb(folder, [(path.read_bytes(), path.stem) for path in EXAMPLES])
    return folder


def make(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "release" / "make.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.mark.parametrize("name", ["tiny", "base", "tiny-cpu"])
def test_the_recipes_of_the_released_models_are_whole(name: str) -> None:
    recipe = load_recipe(ROOT / "recipes" / "release" / f"{name}.toml")
    assert recipe.student.characters == ALPHABETS["94"]
    assert recipe.data.sources["real"].augment == "camera"
    assert load_teacher_recipe(ROOT / "recipes" / "release" / "teacher.toml").optimisation.ctc_weight == 1.0


def test_a_training_is_made_in_as_many_calls_as_it_takes(tmp_path: Path, crops: Path) -> None:
    changes = [f"--set={key}={value}" for key, value in SMALL.items()]
    out, keep = tmp_path / "runs", tmp_path / "keep"
    words = ["train", "tiny", "--out", out, "--real", crops, "--validation", crops, "--keep", keep, *changes]
    for name in ("photos", "codes", "documents"):
        shutil.copytree(crops, tmp_path / "more" / name)
    words += ["--teacher", 0, "--student", 10, "--more", tmp_path / "more"]
    too_short = make(*words, "--stop-after", 1)
    assert too_short.returncode == 3
    assert not out.exists()
    done = make(*words)
    assert done.returncode == 0, done.stderr
    assert (out / "tiny" / "cell.json").exists()
    assert make(*words).returncode == 0  # and nothing is left to do
    kept, config = load_recogniser(keep / "tiny" / "best")
    best, _ = load_recogniser(out / "tiny" / "best")
    assert config.source["samples"] in (24, 48)
    for name, value in best.state_dict().items():
        torch.testing.assert_close(kept.state_dict()[name], value, rtol=1e-3, atol=1e-4)
    assert len((keep / "tiny" / "losses.jsonl").read_text().splitlines()) >= 2
    wrong = make(*words[:3], tmp_path / "other", *words[4:], "--set", "optimisation.learning=1")
    assert wrong.returncode not in (0, 3)
    assert "learning_rate" in wrong.stderr


def test_stages_are_a_teacher_then_its_student_then_one_without() -> None:
    from make import _stages

    minutes = {"teacher": 5.0, "student": 20.0, "plain": 20.0}
    own = ["start.model=kept/best", "size="]
    teacher, student, plain = _stages("base", Path("runs"), ["data.workers=3"], own, minutes)
    said = {stage.name: stage.key["arguments"] for stage in (teacher, student, plain)}
    assert said["teacher"][:2] == ["teacher", "train"]
    assert not any("start.model" in word for word in said["teacher"])
    assert f"--set=teacher.weights={Path('runs/teacher/best')}" in said["base"]
    assert {"--set=start.model=kept/best", "--set=size=", "--set=data.workers=3"} <= set(said["base"])
    assert "--set=teacher.weights=" in said["base-plain"]
    assert (student.folder_name, plain.folder_name) == ("base", "base-plain")
    assert len(_stages("base", Path("runs"), [], [], minutes | {"teacher": 0.0, "plain": 0.0})) == 1


def test_a_packaged_model_is_the_smallest_that_reads_as_well_and_its_card_tells_what_it_reads(
    tmp_path: Path, crops: Path
) -> None:
    about = tmp_path / "about.md"
    about.write_text("## Data\n\nEight examples.\n\n## Recipe\n\nNone.\n")
    words = ["package", embedded_models()["tiny"], "--validation", crops, "--about", about, "--threads", 1]
    done = make(*words, "--out", tmp_path / "own", "--name", "my-model", "--distribution")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    folder = tmp_path / "own" / "clipstr_my_model"
    assert (told["model"], told["precision"], told["36"]) == (str(folder), "int8", 1.0)
    config = ModelConfig.load(folder)
    assert config.source["figures"] == {
        way: told[way] for way in ("36, one look", "36", "94, one look", "94")
    }
    assert config.name == "my-model"
    assert set(config.files) == {"encoder.onnx", "decoder.onnx", "trainable.safetensors"}
    assert Reader(folder, threads=1).read(EXAMPLES[1]).text.lower() == EXAMPLES[1].stem
    card = (folder / "CARD.md").read_text(encoding="utf-8")
    for heading in ("Data", "Recipe", "Figures", "Weaknesses", "Checksums"):
        assert f"## {heading}\n" in card
    assert re.search(r"\*\*all, by words\*\* \| \*\*8\*\* \| \*\*100\.0\*\* \| \*\*100\.0\*\*", card)
    assert all(record.sha256 in card for record in config.files.values())
    assert 'my-model = "clipstr_my_model"' in (tmp_path / "own" / "pyproject.toml").read_text()
    again = make(*words, "--out", tmp_path / "own")
    assert again.returncode == 1
    assert again.stderr.startswith(f"release: {tmp_path / 'own'} exists: choose another folder")


def test_weights_that_read_less_well_are_not_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import make as release

    stored = {"int8": 0.80, "half": 0.818, "float32": 0.82}
    assert release.smallest(stored) == "half"
    assert release.smallest(stored | {"int8": 0.8171}) == "int8"
    assert release.smallest(stored | {"half": 0.8}) == "float32"


def test_the_mean_of_a_model_and_its_predecessor_has_the_mean_of_their_weights(tmp_path: Path) -> None:
    import make as release

    config = StudentConfig(width=32, encoder_depth=4, encoder_heads=2, decoder_heads=2)
    models = {name: Recogniser(config) for name in ("before", "after")}
    for name, model in models.items():
        save_recogniser(model, tmp_path / name / "best", name=name, source={"samples": 7})
    start = tmp_path / "before" / "best"
    release.mix(tmp_path / "after", tmp_path / "mean", str(start), share=0.3)
    mean, told = load_recogniser(tmp_path / "mean")
    before, after = (models[name].state_dict() for name in ("before", "after"))
    for name, value in mean.state_dict().items():
        torch.testing.assert_close(value, 0.3 * before[name] + 0.7 * after[name])
    assert told.source == {"samples": 7, "mixture": {"start": str(start), "share": 0.3}}
    with pytest.raises(InputError, match="exists"):
        release.mix(tmp_path / "after", tmp_path / "mean", str(start))
    with pytest.raises(InputError, match="have no mean: the model to start from has"):
        release.mix(tmp_path / "after", tmp_path / "other", "tiny")


def test_a_predecessor_of_another_alphabet_is_made_ready_for_the_new_one_first(tmp_path: Path) -> None:
    import make as release

    config = StudentConfig(width=32, encoder_depth=4, encoder_heads=2, decoder_heads=2, characters="ae")
    before, after = Recogniser(config), Recogniser(replace(config, characters="éae"))
    save_recogniser(before, tmp_path / "before", name="before", source={})
    save_recogniser(after, tmp_path / "after", name="after", source={})
    release.mix(tmp_path / "after", tmp_path / "mean", str(tmp_path / "before"), share=0.5)
    mean, _ = load_recogniser(tmp_path / "mean")
    origin = before.head.weight[[0, 2, 1, 2]]  # end, é from e, a, e
    torch.testing.assert_close(mean.head.weight, (origin + after.head.weight) / 2)


def test_what_is_kept_is_half_as_large(tmp_path: Path) -> None:
    from make import halved

    config = StudentConfig(width=32, encoder_depth=4, encoder_heads=2, decoder_heads=2)
    torch.manual_seed(0)
    save_recogniser(Recogniser(config), tmp_path / "best", name="x", source={"samples": 1})
    halved(tmp_path / "best", tmp_path / "kept")
    sizes = [(tmp_path / place / "model.safetensors").stat().st_size for place in ("best", "kept")]
    assert sizes[1] < 0.6 * sizes[0]
    assert load_recogniser(tmp_path / "kept")[1].source == {"samples": 1}
