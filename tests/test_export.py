"""Exported models against the recognisers they come from, and against tampering with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from typer.testing import CliRunner

from clipstr.charset import Charset
from clipstr.cli.main import app
from clipstr.errors import ExportError, ModelFileError
from clipstr.export import Precision, export_model
from clipstr.export.compression import compressed
from clipstr.export.graphs import decoder_graph, encoder_graph
from clipstr.export.integers import INPUT_LEVELS
from clipstr.export.parity import LEAST_WORDS, TOLERANCES, Parity, compare, require_parity
from clipstr.fonts import FontFace
from clipstr.models import ModelConfig
from clipstr.student import TINY, Recogniser
from clipstr.student.compact import compacted, restored
from clipstr.student.storage import TRAINABLE_FILE, load_recogniser, save_recogniser

SMALL = replace(TINY, width=48, encoder_heads=2, decoder_heads=2, max_length=6)


@pytest.fixture(scope="module")
def student() -> Recogniser:
    torch.manual_seed(0)
    return Recogniser(SMALL).eval()


@pytest.fixture(scope="module")
def graphs(student: Recogniser) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    return encoder_graph(student), decoder_graph(student)


@pytest.fixture
def folder(student: Recogniser, tmp_path: Path) -> Path:
    save_recogniser(student, tmp_path / "model", name="small", source={"from": "a seed"})
    return tmp_path / "model"


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((count, 3, 32, 128)).astype(np.float32)


def test_the_graphs_agree_with_the_recogniser_step_by_step_and_at_once(
    student: Recogniser, graphs: tuple[onnx.ModelProto, onnx.ModelProto]
) -> None:
    parity = compare(student, *graphs, pictures(16))
    assert parity.probability < 1e-4
    assert parity.words == 1.0
    assert parity.compared == 24  # eight alone, sixteen in batches of eight


def test_the_graphs_take_any_batch_length_and_positions(
    student: Recogniser, graphs: tuple[onnx.ModelProto, onnx.ModelProto]
) -> None:
    encoder, decoder = (onnxruntime.InferenceSession(graph.SerializeToString()) for graph in graphs)
    names = [output.name for output in encoder.get_outputs()]
    for batch, length, positions in ((1, 1, [0]), (3, 7, [0, 3, 6]), (5, 2, [1])):
        memory = dict(zip(names, encoder.run(None, {"images": pictures(batch)}), strict=True))
        ids = np.full((batch, length), 5, np.int64)
        inputs = {"ids": ids, "positions": np.array(positions), **memory}
        logits = decoder.run(None, inputs)[0]
        assert logits.shape == (batch, len(positions), 37)


@pytest.mark.parametrize("precision", ["float32", "half", "int8"])
def test_smaller_weights_stay_near(
    student: Recogniser, graphs: tuple[onnx.ModelProto, onnx.ModelProto], precision: Precision
) -> None:
    smaller = [compressed(graph, precision) for graph in graphs]
    require_parity(compare(student, *smaller, pictures(8)), precision)
    sizes = [sum(len(g.SerializeToString()) for g in part) for part in (smaller, graphs)]
    assert sizes[0] / sizes[1] < {"float32": 1.01, "half": 0.75, "int8": 0.6}[precision]


def test_int8_weights_are_within_half_a_step_of_each_channels_scale(
    graphs: tuple[onnx.ModelProto, onnx.ModelProto],
) -> None:
    original = {w.name: numpy_helper.to_array(w) for w in graphs[0].graph.initializer}
    stored = {w.name: numpy_helper.to_array(w) for w in compressed(graphs[0], "int8").graph.initializer}
    weights = [name.removesuffix(".int8") for name in stored if name.endswith(".int8")]
    # Kernels of convolutions are stored as matrices: `test_export_convolutions` has them.
    matrices = [name for name in weights if original[name].ndim == 2]
    assert len(matrices) >= 10
    for name in matrices:
        step = stored[f"{name}.scale"] * INPUT_LEVELS
        assert (np.abs(stored[f"{name}.int8"] * step - original[name]) <= step * 0.5001).all()


def test_a_word_reads_the_same_in_8_bits_alone_and_in_company(
    graphs: tuple[onnx.ModelProto, onnx.ModelProto],
) -> None:
    session = onnxruntime.InferenceSession(compressed(graphs[0], "int8").SerializeToString())
    images = pictures(9) * np.arange(1, 10, dtype=np.float32)[:, None, None, None]
    together = session.run(None, {"images": images})
    for row in range(len(images)):
        alone = session.run(None, {"images": images[row : row + 1]})
        for whole, part in zip(together, alone, strict=True):
            np.testing.assert_allclose(whole[row], part[0], rtol=1e-4, atol=1e-5)


def test_an_exported_folder_holds_only_what_reading_needs(folder: Path, tmp_path: Path) -> None:
    exported = export_model(folder, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "config.json",
        "decoder.onnx",
        "encoder.onnx",
    ]
    config = ModelConfig.load(tmp_path / "out")
    assert config.source == {"from": "a seed", "precision": "half"}
    assert exported.bytes == sum(record.bytes for record in config.files.values())
    assert all(config.verified(tmp_path / "out", name) for name in config.files)


def test_a_trainable_export_can_be_trained_on_and_exported_again(
    student: Recogniser, folder: Path, tmp_path: Path
) -> None:
    exported = export_model(folder, tmp_path / "out", trainable=True)
    config = ModelConfig.load(tmp_path / "out")
    assert set(config.files) == {"encoder.onnx", "decoder.onnx", TRAINABLE_FILE}
    assert exported.bytes == sum(record.bytes for record in config.files.values())
    loaded, _ = load_recogniser(tmp_path / "out")
    rounded = restored(compacted(student.state_dict()))
    assert loaded.config == SMALL
    assert all(torch.equal(value, rounded[name]) for name, value in loaded.state_dict().items())
    again = export_model(tmp_path / "out", tmp_path / "again")
    assert again.parity.words >= 0.95
    assert not (tmp_path / "again" / TRAINABLE_FILE).exists()


def test_an_export_that_cannot_be_trained_on_says_so(folder: Path, tmp_path: Path) -> None:
    export_model(folder, tmp_path / "out")
    with pytest.raises(ModelFileError, match="without weights to train on"):
        load_recogniser(tmp_path / "out")


def test_the_command_adds_trainable_weights_where_asked(folder: Path, tmp_path: Path) -> None:
    arguments = ["export", str(folder), "--out", str(tmp_path / "out"), "--precision", "int8", "--trainable"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert set(ModelConfig.load(tmp_path / "out").files) == {"encoder.onnx", "decoder.onnx", TRAINABLE_FILE}


def test_what_disagrees_is_not_written(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(student: Recogniser) -> onnx.ModelProto:
        graph = decoder_graph(student)
        bias = next(w for w in graph.graph.initializer if w.name.endswith("head.bias"))
        bias.CopyFrom(
            numpy_helper.from_array(numpy_helper.to_array(bias) + np.eye(37, dtype="f4")[3] * 9, bias.name)
        )
        return graph

    monkeypatch.setattr("clipstr.export.exporter.decoder_graph", wrong)
    with pytest.raises(ExportError, match="disagrees with the recogniser, and nothing was written"):
        export_model(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_alphabet_of_which_no_font_has_all_is_tried_in_what_one_has(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clipstr.export.exporter import _pictures

    monkeypatch.setattr("clipstr.synth.renderer.find_fonts", lambda: (FontFace(":pillow:"),))
    config = ModelConfig.load(folder)
    latin = replace(config, form=replace(config.form, charset=Charset.named("latin")))
    preprocessing = config.form.preprocessing
    assert _pictures(latin).shape == (40, 3, preprocessing.height, preprocessing.width)


def test_an_exported_model_is_never_overwritten(folder: Path, tmp_path: Path) -> None:
    export_model(folder, tmp_path / "out")
    with pytest.raises(ExportError, match="holds an exported model already"):
        export_model(folder, tmp_path / "out")


@pytest.mark.parametrize("precision", ["float32", "half", "int8"])
def test_too_few_words_or_too_different_probabilities_are_refused_in_every_precision(
    precision: Precision,
) -> None:
    """Eight bits too: an export that reads other words than its recogniser is never written."""
    least, most = LEAST_WORDS[precision], TOLERANCES[precision]
    assert least >= 0.85
    require_parity(Parity(probability=most, words=least, compared=48), precision)
    with pytest.raises(ExportError, match=r"% of 48 words read the same"):
        require_parity(Parity(probability=0.0, words=least - 0.01, compared=48), precision)
    with pytest.raises(ExportError, match="differ by up to"):
        require_parity(Parity(probability=most + 0.01, words=1.0, compared=48), precision)


def test_an_export_that_reads_other_words_writes_nothing(
    student: Recogniser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_recogniser(student, tmp_path / "model", name="odd", source={})
    worse = Parity(probability=0.0, words=LEAST_WORDS["int8"] - 0.05, compared=48)
    monkeypatch.setattr("clipstr.export.exporter.compare", lambda *_: worse)
    with pytest.raises(ExportError, match="nothing was written"):
        export_model(tmp_path / "model", tmp_path / "out", precision="int8")
    assert not (tmp_path / "out").exists()
