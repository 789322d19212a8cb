"""`clipstr.evaluation.peers`: other readers behind our protocol; those that are not installed are named."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipstr.errors import InputError, MissingExtraError
from clipstr.evaluation.peers import PEERS, peer_named
from clipstr.evaluation.peers.tesseract import find_tessdata

EXAMPLES = Path(__file__).parents[1] / "examples"
MODULES = {"tesseract": "tesserocr", "rapidocr-v4": "rapidocr_onnxruntime", "rapidocr-v6": "rapidocr"}

HUB = """
import torch

class Tokenizer:
    def decode(self, scores):
        return ["a" * int(row.argmax()) for row in scores], [row.max().repeat(2) for row in scores]

class Model(torch.nn.Module):
    tokenizer = Tokenizer()

    def forward(self, images):
        assert images.shape[1:] == (3, 32, 128) and images.min() >= -1 and images.max() <= 1
        return torch.nn.functional.one_hot((images.mean((1, 2, 3)) > 0).long(), 3) * 9.0

def parseq(pretrained):
    assert pretrained
    return Model()
"""


@pytest.mark.parametrize("key", MODULES)
def test_a_peer_reads_words_as_it_is_installed_here(key: str) -> None:
    pytest.importorskip(MODULES[key], reason=f"{PEERS[key].install}")
    try:
        find_tessdata()
    except FileNotFoundError:
        if key == "tesseract":
            pytest.skip("Tesseract's English data is not installed")
    reader = PEERS[key].words(1)
    paths = [EXAMPLES / f"{word}.png" for word in ("hotel", "coffee", "station")]
    pictures = [Image.open(path).convert("RGB") for path in paths]
    readings = reader.read_images([*pictures, np.asarray(pictures[0])])
    assert len(readings) == 4
    assert readings[0] == readings[3]
    right = [reading.text.lower() == path.stem for reading, path in zip(readings, paths, strict=False)]
    assert sum(right) >= 1, [reading.text for reading in readings]
    assert all(0 <= reading.confidence <= 1 for reading in readings)
    assert reader.read_images([]) == []
    assert reader.name


@pytest.mark.parametrize("key", MODULES)
def test_a_peer_that_is_not_installed_says_what_to_install(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, MODULES[key], None)
    monkeypatch.setattr("clipstr.evaluation.peers.tesseract.find_tessdata", lambda: "somewhere")
    with pytest.raises(MissingExtraError, match=f"the peer {key} needs pip install"):
        PEERS[key].words(1)


def test_tesseract_without_its_data_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("clipstr.evaluation.peers.tesseract._PLACES", ())
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))
    with pytest.raises(MissingExtraError, match=r"eng\.traineddata was not found"):
        PEERS["tesseract"].words(1)
    (tmp_path / "eng.traineddata").touch()
    assert find_tessdata() == str(tmp_path)


def test_parseq_is_taken_from_the_hubs_folder_and_never_fetched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    with pytest.raises(MissingExtraError, match=r"torch\.hub\.load\('baudm/parseq'"):
        PEERS["parseq"].words(1)
    (tmp_path / "baudm_parseq_main").mkdir()
    (tmp_path / "baudm_parseq_main" / "hubconf.py").write_text(HUB)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "parseq-0.pt").touch()
    reader = PEERS["parseq"].words(1)
    dark, bright = Image.new("RGB", (40, 20)), Image.new("RGB", (40, 20), "white")
    readings = reader.read_images([bright, dark])
    assert [reading.text for reading in readings] == ["a", ""]
    assert readings[0].confidence == pytest.approx(readings[0].characters[0].confidence ** 2)
    assert reader.read_images([]) == []


def test_an_unknown_peer_is_a_wrong_argument_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="no peer 'ocr'; there are tesseract, rapidocr-v4"):
        peer_named("ocr")
