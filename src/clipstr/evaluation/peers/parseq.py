"""PARSeq behind our protocol, from torch.hub's folder (https://github.com/baudm/parseq, Apache-2.0).

Its code and weights are on no package index: whoever has loaded it once through torch.hub has both there.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from clipstr.form import Preprocessing
from clipstr.imaging import load_image
from clipstr.reading import CharacterReading, Reading, WordReader

__all__ = ["open_parseq"]

_INPUT = Preprocessing(height=32, width=128)  # bicubic and to -1 to 1, as in its own data module


def open_parseq(threads: int) -> WordReader:
    """PARSeq with the weights that its authors trained on MJ and ST; nothing is fetched."""
    import torch

    hub = Path(torch.hub.get_dir())
    code = next((place for place in sorted(hub.glob("baudm_parseq*")) if place.is_dir()), None)
    if code is None or not any((hub / "checkpoints").glob("parseq-*.pt")):
        raise FileNotFoundError(f"{hub} has no PARSeq")
    torch.set_num_threads(threads)
    load: Any = torch.hub.load  # which has no types
    return _Parseq(load(str(code), "parseq", source="local", pretrained=True).eval())


class _Parseq:
    name = "PARSeq"

    def __init__(self, model: Any) -> None:
        self._model = model

    def read_images(self, images: Iterable[Image.Image | np.ndarray]) -> list[Reading]:
        import torch

        pictures = [_INPUT.resize(load_image(image)) for image in images]
        if not pictures:
            return []
        with torch.inference_mode():
            scores = self._model(torch.from_numpy(_INPUT.normalise(np.stack(pictures)))).softmax(-1)
        texts, chances = self._model.tokenizer.decode(scores)
        return [
            Reading(
                text=text,
                confidence=float(chance.prod()),
                characters=tuple(map(CharacterReading, text, chance.tolist())),
            )
            for text, chance in zip(texts, chances, strict=True)
        ]
