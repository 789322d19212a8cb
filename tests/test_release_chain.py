"""`release/chain.py`: a trunk that is gone on with, branches off it, offers that a paired test decides."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from clipstr.charset import ALPHABETS
from clipstr.data import write_lmdb
from clipstr.evaluation import Pairs
from clipstr.models import ModelConfig
from clipstr.student import Recogniser, StudentConfig
from clipstr.student.storage import TRAINABLE_FILE, load_recogniser, save_recogniser
from clipstr.training import load_recipe

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.png"))
sys.path.insert(0, str(ROOT / "release"))

import chain  # noqa: E402

SMALL = StudentConfig(
    characters=ALPHABETS["94"], stem="convolution", patch_height=16, patch_width=4, width=32,
    encoder_depth=4, encoder_heads=2, decoder_heads=2, dropout=0.0,
)  # fmt: skip


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "release" / "chain.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crops") / "examples"
    write_lmdb(folder, [(path.read_bytes(), path.stem) for path in EXAMPLES])
    return folder


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("start")
    torch.manual_seed(0)
    save_recogniser(Recogniser(SMALL), folder, name="start", source={})
    return folder


def small(start: Path, crops: Path, samples: int) -> list[str]:
    sources = [f"data.sources.{name}.paths={crops}" for name in load_recipe(chain.RECIPE).data.sources]
    changes = [
        *sources, f"start.model={start}", f"data.validation={crops}", "data.synthetic.weight=0",
        "optimisation.batch_size=8", f"optimisation.samples={samples}", "run.precision=32-true",
        "run.validate_every=8", "run.checkpoint_every=0.1",
    ]  # fmt: skip
    return [f"--set={change}" for change in changes]


def test_the_trunk_never_falls_and_begins_with_the_newest_weights() -> None:
    recipe = load_recipe(chain.RECIPE)
    assert recipe.optimisation.schedule == "constant"
    assert recipe.optimisation.average > 0
    assert recipe.start.model


def test_a_chain_goes_on_branches_and_offers(tmp_path: Path, start: Path, crops: Path) -> None:
    folder = tmp_path / "chain"
    refused = run("branch", folder, "--minutes", 1, *small(start, crops, 16))
    assert refused.returncode == 1
    assert "no trunk yet" in refused.stderr
    gone = run("go", folder, "--minutes", 9, *small(start, crops, 16))
    assert gone.returncode == 0, gone.stderr
    trunk, _ = load_recogniser(folder / "trunk" / "latest")
    made = run("branch", folder, "--minutes", 9, *small(start, crops, 8))
    assert made.returncode == 0, made.stderr
    branch = folder / "branches" / "001"
    recipe = load_recipe(branch / "recipe.json")
    assert recipe.optimisation.schedule == "decay"
    assert Path(recipe.start.model) == folder / "trunk" / "latest"
    again, _ = load_recogniser(folder / "trunk" / "latest")
    for name, value in trunk.state_dict().items():  # a branch leaves the trunk as it is
        torch.testing.assert_close(again.state_dict()[name], value, rtol=0, atol=0)
    about = tmp_path / "about.md"
    about.write_text("## Data\n\nNine pictures.\n")
    offered = run("offer", folder, "--validation", crops, "--about", about, "--against", "tiny")
    assert offered.returncode == chain.NOT_BETTER, offered.stderr
    assert f"points against tiny on {len(EXAMPLES)} words" in offered.stdout
    assert ModelConfig.load(folder / "offers" / "001").name == "full"
    assert not (folder / "offers" / "001" / TRAINABLE_FILE).exists()
    branched, _ = load_recogniser(branch / "best")
    kept, _ = load_recogniser(folder / "weights" / "001")
    for name, value in branched.state_dict().items():  # in 8 bits
        torch.testing.assert_close(kept.state_dict()[name], value, rtol=0, atol=0.02)


def pairs(ours: int, theirs: int) -> Pairs:
    return Pairs(name="words", both=1000, first_only=ours, second_only=theirs, neither=100)


@pytest.mark.parametrize(
    ("ours", "theirs", "taken"), [(40, 10, True), (10, 40, False), (12, 10, False), (0, 0, False)]
)
def test_a_model_is_taken_only_when_it_is_ahead_beyond_chance(ours: int, theirs: int, taken: bool) -> None:
    assert chain.better(pairs(ours, theirs), 0.05) is taken
