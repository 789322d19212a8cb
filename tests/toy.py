"""A toy model whose every probability is known: ONNX graphs as an export writes them, and their oracle.

A picture is seven vertical stripes of grey. The k-th one's grey over 24 is the id it spells, 0 being the end
of the text; between two ids it is doubtful. The decoder likes a character the less the farther its id is
from the stripe's, and dislikes to repeat the one before, so that it matters what it is told was read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from clipstr.charset import Charset
from clipstr.export.whole import whole_decoder
from clipstr.form import Preprocessing, WordForm
from clipstr.models import ModelConfig

CHARSET = Charset("abcdefgh")
MAX_LENGTH = 6
STRIPES = MAX_LENGTH + 1
STRIPE_WIDTH, HEIGHT = 4, 8  # pixels
STEP = 24  # levels of grey from one id to the next
SHARPNESS = 1.5  # of the likelihood around a stripe's level
DISLIKE = 0.7  # of repeating the character before, in logits


def picture(levels: Sequence[float]) -> Image.Image:
    """The picture whose stripes have ``levels`` in ids; what is not given is 0, the end."""
    stripes = np.zeros(STRIPES)
    stripes[: len(levels)] = levels
    row = np.repeat(np.rint(stripes * STEP).astype(np.uint8), STRIPE_WIDTH)
    return Image.fromarray(np.broadcast_to(row[None, :, None], (HEIGHT, len(row), 3)).copy())


def spelled(text: str) -> Image.Image:
    """The picture that spells ``text`` clearly."""
    return picture(CHARSET.encode(text))


def logits_of(levels: Sequence[float], ids: Sequence[int], position: int) -> np.ndarray:
    """The oracle: the logits (num_classes,) at ``position`` after the tokens ``ids``, begin first."""
    level = np.rint(levels[position] * STEP) / STEP if position < len(levels) else 0.0
    logits = -SHARPNESS * (np.arange(CHARSET.num_classes) - level) ** 2
    if ids[position] < CHARSET.num_classes:
        logits[ids[position]] -= DISLIKE
    return logits


def chances_of(levels: Sequence[float], ids: Sequence[int], position: int) -> np.ndarray:
    """The oracle's probabilities among all classes."""
    grown = np.exp(logits_of(levels, ids, position))
    return grown / grown.sum()


def greedy(levels: Sequence[float], allowed: str | None = None) -> tuple[str, list[float], float]:
    """The oracle's reading with ``allowed`` characters: its text, their probabilities and that of the end."""
    ids, chances = [CHARSET.begin], []
    shut = [n for n, c in enumerate(CHARSET.characters, 1) if allowed is not None and c not in allowed]
    for position in range(MAX_LENGTH):
        row = chances_of(levels, ids, position)
        best = int(np.where(np.isin(np.arange(len(row)), shut), -1, row).argmax())
        if best == CHARSET.end:
            break
        ids.append(best)
        chances.append(float(row[best]))
    text = CHARSET.decode(ids[1:])
    return text, chances, float(chances_of(levels, ids, len(text))[CHARSET.end])


def chance_of(word: str, levels: Sequence[float]) -> float:
    """The oracle's probability of exactly ``word``."""
    ids = [CHARSET.begin, *CHARSET.encode(word)]
    told = [*ids[1:], CHARSET.end]
    return float(np.prod([chances_of(levels, ids, p)[id_] for p, id_ in enumerate(told)]))


def write_toy(folder: Path, *, whole: bool = False) -> Path:
    """``folder``, holding the toy as an exported model; ``whole``: its decoder does whole texts."""
    folder.mkdir(parents=True, exist_ok=True)
    step = decoder()
    onnx.save(_encoder(), folder / "encoder.onnx")
    onnx.save(whole_decoder(step, end=CHARSET.end) if whole else step, folder / "decoder.onnx")
    config = ModelConfig(
        name="toy",
        form=WordForm(
            charset=CHARSET,
            max_length=MAX_LENGTH,
            preprocessing=Preprocessing(height=HEIGHT, width=STRIPES * STRIPE_WIDTH),
        ),
    )
    config.with_files(folder, ["encoder.onnx", "decoder.onnx"]).save(folder)
    return folder


def _encoder() -> onnx.ModelProto:
    half = 127.5 / STEP / 2  # the level is the sum of the two parts of the memory
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["row"], axes=[1, 2], keepdims=0),
        helper.make_node("Reshape", ["row", "shape"], ["stripes"]),
        helper.make_node("ReduceMean", ["stripes"], ["mean"], axes=[2], keepdims=1),
        helper.make_node("Mul", ["mean", "half"], ["scaled"]),
        helper.make_node("Add", ["scaled", "half"], ["keys"]),
        helper.make_node("Identity", ["keys"], ["values"]),
    ]
    constants = {"shape": np.array([-1, STRIPES, STRIPE_WIDTH]), "half": np.array(half, np.float32)}
    images = _value("images", TensorProto.FLOAT, ["batch", 3, HEIGHT, STRIPES * STRIPE_WIDTH])
    return _model(nodes, [images], _memory(), constants)


def decoder() -> onnx.ModelProto:
    """The decoder's graph, one step."""
    nodes = [
        helper.make_node("Add", ["keys", "values"], ["levels"]),
        helper.make_node("Gather", ["levels", "positions"], ["level"], axis=1),
        helper.make_node("Sub", ["level", "classes"], ["distance"]),
        helper.make_node("Mul", ["distance", "distance"], ["square"]),
        helper.make_node("Mul", ["square", "sharpness"], ["unlikely"]),
        helper.make_node("Gather", ["ids", "positions"], ["before"], axis=1),
        helper.make_node("Unsqueeze", ["before", "last"], ["before_column"]),
        helper.make_node("Equal", ["before_column", "class_ids"], ["repeats"]),
        helper.make_node("Cast", ["repeats"], ["repeated"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["repeated", "dislike"], ["disliked"]),
        helper.make_node("Add", ["unlikely", "disliked"], ["against"]),
        helper.make_node("Neg", ["against"], ["logits"]),
    ]
    constants = {
        "classes": np.arange(CHARSET.num_classes, dtype=np.float32)[None, None],
        "class_ids": np.arange(CHARSET.num_classes, dtype=np.int64)[None, None],
        "sharpness": np.array(SHARPNESS, np.float32),
        "dislike": np.array(DISLIKE, np.float32),
        "last": np.array([2]),
    }
    inputs = [
        _value("ids", TensorProto.INT64, ["batch", "length"]),
        _value("positions", TensorProto.INT64, ["queries"]),
        *_memory(),
    ]
    logits = _value("logits", TensorProto.FLOAT, ["batch", "queries", CHARSET.num_classes])
    return _model(nodes, inputs, [logits], constants)


def _memory() -> list[onnx.ValueInfoProto]:
    return [_value(name, TensorProto.FLOAT, ["batch", STRIPES, 1]) for name in ("keys", "values")]


def _value(name: str, kind: int, shape: Sequence[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def _model(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    constants: dict[str, np.ndarray],
) -> onnx.ModelProto:
    stored = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "toy", inputs, outputs, stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model
