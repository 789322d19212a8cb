"""`clipstr.tensors`: whole, strict, and nothing of a file is ever run."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import pytest
import torch

from clipstr import tensors
from clipstr.errors import ModelFileError, OutputError, TeacherError


def test_tensors_come_back_as_they_were_saved(tmp_path: Path) -> None:
    saved = {"a": torch.arange(6.0).reshape(2, 3).T, "b": torch.tensor(3, dtype=torch.int8)}
    tensors.save_tensors(tmp_path / "a.safetensors", saved)
    tensors.save_pickled(tmp_path / "a.pt", {"state_dict": saved, "epoch": 3})
    for loaded in (
        tensors.load_tensors(tmp_path / "a.safetensors", error=ModelFileError),
        tensors.load_state(tmp_path / "a.pt", error=ModelFileError),
    ):
        assert loaded.keys() == saved.keys()
        assert all(torch.equal(loaded[name], value) for name, value in saved.items())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pt", "a.safetensors"]


def test_space_for_all_tensors_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=100))
    values = {"model": {"a": torch.zeros(10)}, "optimiser": [torch.zeros(10), (torch.zeros(10), 5)]}
    with pytest.raises(OutputError, match="are to be written"):
        tensors.save_pickled(tmp_path / "a.pt", values)
    assert list(tmp_path.iterdir()) == []


class Hostile:
    def __reduce__(self) -> object:
        return Path.write_text, (Path("ran"), "x")


def test_code_in_a_file_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"a": Hostile()}, "a.pt")
    Path("b.pt").write_bytes(pickle.dumps(Hostile()))
    for name in ("a.pt", "b.pt"):
        with pytest.raises(TeacherError, match=f"{name} holds more than tensors and plain values"):
            tensors.load_pickled(Path(name), error=TeacherError)
    assert not Path("ran").exists()


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04 cut"])
def test_damaged_and_missing_files_are_told_in_the_callers_kind(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    for load in (tensors.load_tensors, tensors.load_pickled, tensors.load_state):
        with pytest.raises(ModelFileError, match="a[: ]"):
            load(tmp_path / "a", error=ModelFileError)
        with pytest.raises(ModelFileError, match="none"):
            load(tmp_path / "none", error=ModelFileError)
    with pytest.raises(ModelFileError, match="a truncated one"):
        tensors.tensors_in(content, tmp_path / "a", error=ModelFileError)


@pytest.mark.parametrize("content", [[1], {"a": 1}, {"state_dict": 3}, {1: torch.zeros(1)}])
def test_what_holds_no_named_tensors_is_told(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(ModelFileError, match="holds no state_dict of named tensors"):
        tensors.load_state(tmp_path / "a.pt", error=ModelFileError)


def test_every_mismatch_is_named() -> None:
    expected = {"a": torch.zeros(2), "b": torch.zeros(2), "c": torch.zeros(2), "h": torch.zeros(2)}
    weights = {
        "a": torch.zeros(3),
        "b": torch.zeros(2, dtype=torch.int8),
        "x": torch.zeros(1),
        "h": torch.zeros(2, dtype=torch.float16),
    }
    wrong = tensors.mismatches(weights, expected)
    assert wrong == [
        "a has shape (3,), not (2,)",
        "b is of torch.int8, not torch.float32",
        "missing c",
        "unexpected x",
    ]
    assert tensors.listed(wrong) == "; ".join(wrong)
    assert tensors.listed([*wrong, "y", "z"]).endswith("unexpected x; and 2 more")
