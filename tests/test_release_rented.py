"""What goes to a rented machine, and what comes back from it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import cv2
import pytest
import torch
from safetensors.torch import load_file, save_file

from clipstr.data import find_sources
from clipstr.data.lmdb import write_lmdb
from clipstr.imaging import load_image
from clipstr.synth import WordRenderer

RENTED = Path(__file__).resolve().parents[1] / "release" / "rented"


@pytest.fixture(scope="module")
def pack() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pack", RENTED / "pack.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_crops_travel_small_and_with_their_labels(pack: ModuleType, tmp_path: Path) -> None:
    renderer = WordRenderer()
    samples = [renderer.sample(0, number) for number in range(12)]
    pictures = [cv2.resize(sample.image, (300, 120)) for sample in samples]
    encoded = [bytes(cv2.imencode(".png", picture[..., ::-1])[1]) for picture in pictures]
    labels = [sample.label for sample in samples]
    write_lmdb(tmp_path / "large" / "set", zip(encoded, labels, strict=True))
    told = list(pack._small_crops(tmp_path / "large", tmp_path / "small"))
    [small] = find_sources(str(tmp_path / "small"))
    assert [small.label(index) for index in range(len(small))] == labels
    assert {load_image(small.image_bytes(index)).size for index in range(len(small))} == {(140, 56)}
    assert told == [label for label in labels if len(label) > 1]


def test_an_archive_is_the_same_of_the_same_files(pack: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "a").write_text("one")
    (tmp_path / "in" / "b.pyc").write_text("two")
    files = pack._below(tmp_path, "in", "there/")
    pack.archive(tmp_path / "1.tar.xz", files)
    (tmp_path / "in" / "deep" / "a").touch()
    pack.archive(tmp_path / "2.tar.xz", files)
    assert (tmp_path / "1.tar.xz").read_bytes() == (tmp_path / "2.tar.xz").read_bytes()
    with tarfile.open(tmp_path / "1.tar.xz") as archive:
        assert archive.getnames() == ["there/in/deep/a"]


def test_weights_come_back_in_parts_that_make_a_tar(tmp_path: Path) -> None:
    run, out = tmp_path / "run", tmp_path / "out"
    (run / "latest").mkdir(parents=True)
    out.mkdir()
    weights = {"a": torch.rand(3000, 3000), "count": torch.tensor(7)}
    save_file(weights, run / "latest" / "model.safetensors")
    (run / "latest" / "config.json").write_text("{}")
    (run / "losses.jsonl").write_text("")
    subprocess.run([sys.executable, str(RENTED / "collect.py"), str(run), str(out)], check=True)
    parts = sorted(out.iterdir())
    assert [part.name for part in parts] == ["run.tar.00", "run.tar.01"]
    (tmp_path / "whole.tar").write_bytes(b"".join(part.read_bytes() for part in parts))
    with tarfile.open(tmp_path / "whole.tar") as archive:
        assert sorted(archive.getnames()) == ["config.json", "losses.jsonl", "model.safetensors"]
        archive.extractall(tmp_path / "back")
    back = load_file(tmp_path / "back" / "model.safetensors")
    assert torch.equal(back["a"], weights["a"].half())
    assert int(back["count"]) == 7
