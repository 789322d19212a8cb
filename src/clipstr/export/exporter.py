"""From a trained recogniser's folder to one that reads without PyTorch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from clipstr.errors import ExportError
from clipstr.export.compression import Precision, compressed
from clipstr.export.graphs import decoder_graph, encoder_graph
from clipstr.export.parity import Parity, compare, require_parity
from clipstr.export.whole import whole_decoder
from clipstr.files import make_folder, write_bytes
from clipstr.fonts import draws
from clipstr.models import DECODER_FILE, ENCODER_FILE, ModelConfig
from clipstr.student.storage import TRAINABLE_FILE, load_recogniser, save_trainable
from clipstr.synth import SynthConfig, WordRenderer

__all__ = ["Exported", "export_model"]

_RENDERINGS = (
    32  # words of the renderer's own choice that the exported model must read as the recogniser does
)
_FACES_TRIED = 8  # fonts that are looked at for one that has most of an alphabet


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What was written and how it compares with the recogniser."""

    folder: Path
    bytes: int
    parity: Parity


def export_model(
    model: Path, out: Path, *, precision: Precision = "half", trainable: bool = False
) -> Exported:
    """Writes the recogniser in the folder ``model`` to the folder ``out`` as ONNX graphs.

    If it is to be ``trainable`` its weights come too, in 8 bits, for a fine-tuning to start from. The
    graphs are compared with the recogniser on rendered words first. Raises `ModelFileError` if ``model``
    cannot be loaded and `ExportError`, writing nothing, if they disagree or ``out`` holds a model.
    """
    if (out / ENCODER_FILE).exists():
        raise ExportError(f"{out} holds an exported model already; choose another folder")
    student, config = load_recogniser(model)
    encoder = compressed(encoder_graph(student), precision)
    step = compressed(decoder_graph(student), precision)
    decoder = whole_decoder(step, end=config.form.charset.end)
    parity = compare(student, encoder, decoder, _pictures(config))
    require_parity(parity, precision)
    try:
        make_folder(out)
        for name, graph in ((ENCODER_FILE, encoder), (DECODER_FILE, decoder)):
            write_bytes(out / name, graph.SerializeToString())
        files = [ENCODER_FILE, DECODER_FILE]
        if trainable:
            save_trainable(student, out)
            files.append(TRAINABLE_FILE)
        exported = replace(config, source=config.source | {"precision": precision}).with_files(out, files)
        exported.save(out)
    except OSError as error:
        raise ExportError(f"{out}: the model cannot be written: {error}") from error
    return Exported(folder=out, bytes=sum(f.bytes for f in exported.files.values()), parity=parity)


def _pictures(config: ModelConfig) -> np.ndarray:
    """Rendered words as inputs (count, 3, height, width), clean and hard, also the shortest and longest."""
    preprocessing, characters = config.form.preprocessing, config.form.charset.characters
    longest = config.form.max_length
    renderer = WordRenderer(SynthConfig(characters=characters, max_length=longest))
    pictures = [renderer.sample(0, index, index / _RENDERINGS).image for index in range(_RENDERINGS)]
    # Of a large alphabet no font may have all: then what one of them has.
    faces = renderer.fonts.faces[:_FACES_TRIED]
    drawn = ["".join(c for c in characters if draws(face, c)) for face in faces]
    characters = max(drawn, key=len) or characters
    for index, length in enumerate((1, longest) * 4):
        rng = np.random.default_rng((1, index))
        text = "".join(characters[i] for i in rng.integers(len(characters), size=length))
        pictures.append(renderer.draw(text, rng, 0.3))
    return preprocessing.normalise(np.stack([preprocessing.resize(Image.fromarray(p)) for p in pictures]))
