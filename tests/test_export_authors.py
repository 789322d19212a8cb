"""The authors' checkpoints: taken over exactly, or refused by name."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from clipstr.decoding import assemble, greedy
from clipstr.errors import CheckpointError
from clipstr.export import export_model, import_checkpoint
from clipstr.models import ModelConfig
from clipstr.reader import Reader
from clipstr.student import BASE, Recogniser
from clipstr.student.storage import load_recogniser
from golden import golden_tensors, seeded_checkpoint, seeded_images


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Lightning file as the authors' code writes it, with the seeded weights."""
    path = tmp_path_factory.mktemp("authors") / "last.ckpt"
    content = {
        "epoch": 4,
        "global_step": 100,
        "pytorch-lightning_version": "1.6.5",
        "state_dict": seeded_checkpoint(),
        "hyper_parameters": {"lr": 1.4e-3, "charset_train": "0123456789abcdefghijklmnopqrstuvwxyz"},
    }
    torch.save(content, path)
    return path


@pytest.fixture(scope="module")
def imported(checkpoint: Path) -> Path:
    import_checkpoint(checkpoint, checkpoint.parent / "model")
    return checkpoint.parent / "model"


def random_checkpoint(path: Path, **changes: torch.Tensor | None) -> Path:
    """A checkpoint of random weights, with some replaced, or left out where None."""
    torch.manual_seed(0)
    weights = dict(Recogniser(BASE).state_dict()) | {"clip.logit_scale": torch.zeros(())}
    for name, value in changes.items():
        if value is None:
            weights.pop(name)
        else:
            weights[name] = value
    torch.save({"state_dict": weights}, path)
    return path


def test_an_imported_model_holds_the_recogniser_alone(imported: Path, checkpoint: Path) -> None:
    model, config = load_recogniser(imported)
    assert sum(p.numel() for p in model.parameters()) == 30_890_917
    assert config.source["imported_from"] == "last.ckpt"
    assert len(config.source["sha256"]) == 64
    assert ModelConfig.load(imported).form == BASE.form


def test_imported_exported_and_read_it_gives_the_authors_strings(imported: Path, tmp_path: Path) -> None:
    export_model(imported, tmp_path / "onnx", precision="float32")
    reader = Reader(tmp_path / "onnx")
    charset = ModelConfig.load(imported).form.charset
    logits = golden_tensors()["greedy_logits"]
    expected = [charset.decode(row.argmax(-1).tolist()) for row in logits[:, :-1]]
    # The seeded inputs are no 8-bit pictures, so they enter behind the preprocessing.
    memory = reader._scorer.look(seeded_images(4))
    readings = [assemble(row, charset) for row in greedy(memory, reader.form)]
    assert [reading.text for reading in readings] == expected
    first = np.exp(logits[0, 0] - logits[0, 0].max())
    assert readings[0].characters[0].confidence == pytest.approx(first.max() / first.sum(), abs=1e-4)


def test_a_bare_state_dict_is_taken_too(tmp_path: Path) -> None:
    torch.save(dict(Recogniser(BASE).state_dict()), tmp_path / "bare.pt")
    import_checkpoint(tmp_path / "bare.pt", tmp_path / "model", name="bare")
    assert ModelConfig.load(tmp_path / "model").name == "bare"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"head.bias": None}, "missing head.bias"),
        ({"decoder.surprise": torch.zeros(2)}, "unexpected decoder.surprise"),
        (
            {"pos_queries": torch.zeros(1, 30, 384)},
            r"pos_queries has shape \(1, 30, 384\), not \(1, 26, 384\)",
        ),
        ({"head.weight": torch.zeros(95, 384)}, "its head has 95 classes and not 37"),
    ],
)
def test_a_wrong_weight_is_named(
    tmp_path: Path, changes: dict[str, torch.Tensor | None], message: str
) -> None:
    path = random_checkpoint(tmp_path / "wrong.ckpt", **changes)
    with pytest.raises(CheckpointError, match=message):
        import_checkpoint(path, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_parseqs_own_models_are_refused(tmp_path: Path) -> None:
    weights = {
        name: value
        for name, value in Recogniser(BASE).state_dict().items()
        if not name.startswith(("decoder.layers.1.", "decoder.layers.2.", "decoder.layers.3."))
    }
    torch.save(
        {"state_dict": {f"model.{name}": value for name, value in weights.items()}}, tmp_path / "parseq.pt"
    )
    with pytest.raises(CheckpointError, match="its decoder has one layer, as PARSeq's own models have"):
        import_checkpoint(tmp_path / "parseq.pt", tmp_path / "model")


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "owned",)  # type: ignore[return-value]

    (tmp_path / "evil.ckpt").write_bytes(pickle.dumps({"state_dict": Evil()}))
    with pytest.raises(CheckpointError):
        import_checkpoint(tmp_path / "evil.ckpt", tmp_path / "model")
    torch.save({"state_dict": {}, "callback": Path("x")}, tmp_path / "object.ckpt")
    with pytest.raises(CheckpointError, match="could run code when loaded"):
        import_checkpoint(tmp_path / "object.ckpt", tmp_path / "model")
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04cut"])
def test_a_file_that_is_no_checkpoint_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file.ckpt").write_bytes(content)
    with pytest.raises(CheckpointError):
        import_checkpoint(tmp_path / "file.ckpt", tmp_path / "model")
    with pytest.raises(CheckpointError, match="there is no such file"):
        import_checkpoint(tmp_path / "none.ckpt", tmp_path / "model")
