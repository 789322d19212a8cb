"""An exported model: two graphs that the engine runs, the encoder once a picture, the decoder once a step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from clipstr.decoding import Rows
from clipstr.devices import AUTO, CPU, device_named
from clipstr.engine import Held, Session, arrays
from clipstr.errors import ModelFileError
from clipstr.form import WordForm
from clipstr.models import DECODER_FILE, ENCODER_FILE, ModelConfig

__all__ = ["BATCHES", "ExportedModel"]

BATCHES = (1, 8, 32)
"""Pictures that are encoded together by a device that compiles for sizes: each takes it seconds, once."""


class ExportedModel:
    """The `Scorer` of an encoder's and a decoder's graph. Threads may share it; it can be pickled.

    The encoder takes ``images`` (batch, 3, height, width) and gives what the decoder takes beside ``ids`` and
    ``positions`` to give ``logits``. Raises `ModelFileError` unless both fit each other and ``form``.
    """

    def __init__(self, form: WordForm, encoder: Session, decoder: Session, *, name: str) -> None:
        self.form, self._encoder, self._decoder = form, encoder, decoder
        self._compiled = {BATCHES[0]: encoder} if encoder.device.compiles else {}
        inputs = encoder.inputs | decoder.inputs
        if set(inputs) != {"images", "ids", "positions", *encoder.outputs} or "logits" not in decoder.outputs:
            raise ModelFileError(f"{name}: its encoder and decoder do not fit each other: {sorted(inputs)}")
        wanted = [3, form.preprocessing.height, form.preprocessing.width, form.charset.num_classes]
        found = [*inputs["images"][1:], decoder.outputs["logits"][-1]]
        if found != wanted:
            raise ModelFileError(
                f"{name}: its graphs do not fit its config: channels, height, width and classes are {found} "
                f"there and {wanted} here"
            )

    @classmethod
    def open(
        cls, config: ModelConfig, folder: Path, *, threads: int | None = None, device: str = CPU.name
    ) -> ExportedModel:
        """The model in ``folder``; ``threads`` compute the encoder (None: as many as are useful).

        ``device`` computes the encoder, and the decoder if its steps are not too short for it. Raises
        `ModelFileError` if a file is missing, damaged or does not fit, and `DeviceError` as `Session` does.
        """
        folder = folder.absolute()  # it may be opened again, from another working folder
        compiles = device != AUTO and device_named(device).compiles
        encoder = Session(
            partial(config.verified, folder, ENCODER_FILE),
            threads=threads,
            device=device,
            sizes={_BATCH: BATCHES[0]} if compiles else None,
            name=str(folder / ENCODER_FILE),
        )
        # The decoder's steps are too short to be shared: a second thread makes words slower.
        decoder = Session(
            partial(config.verified, folder, DECODER_FILE),
            threads=1,
            device=encoder.device.full_name if encoder.device.decodes else CPU.name,
            name=str(folder / DECODER_FILE),
        )
        return cls(config.form, encoder, decoder, name=str(folder))

    @property
    def device(self) -> str:
        """What computes the encoder: "cpu", "cuda:1" and the like."""
        return self._encoder.device.full_name

    def look(self, inputs: np.ndarray) -> KeysAndValues:
        """What the decoder needs of pictures, (batch, 3, height, width) in float32."""
        held = self._encoded(inputs)
        if set(self._decoder.optional) >= _WHOLE:
            return FollowedKeysAndValues(held, self._decoder, len(inputs))
        return KeysAndValues(held, self._decoder, len(inputs))

    def _encoded(self, inputs: np.ndarray) -> Held:
        if not self._compiled:
            return self._encoder.run_held({"images": inputs})
        largest = BATCHES[-1]
        parts = [
            self._encoded_in_size(inputs[start : start + largest]) for start in range(0, len(inputs), largest)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _encoded_in_size(self, inputs: np.ndarray) -> dict[str, np.ndarray]:
        """The same of few pictures, grey ones being added up to a size that was compiled for."""
        count, size = len(inputs), next(size for size in BATCHES if size >= len(inputs))
        if size not in self._compiled:
            self._compiled[size] = self._encoder.in_sizes({_BATCH: size})
        grey = np.zeros((size - count, *inputs.shape[1:]), inputs.dtype)
        found = self._compiled[size].run({"images": np.concatenate([inputs, grey])})
        return {name: value[:count] for name, value in found.items()}


_BATCH = "batch"
"""How an exported graph calls its free size."""

_WHOLE = {"steps", "offsets"}
"""What a decoder's graph takes beside the rest if it decodes whole texts; those of 0.1 did not."""


@dataclass(frozen=True)
class KeysAndValues:
    """The `Memory` of an exported model: tensors by name, a row a picture, and the decoder's graph."""

    tensors: Held
    decoder: Session
    count: int

    def __len__(self) -> int:
        return self.count

    def rows(self, rows: Rows) -> KeysAndValues:
        """Those pictures alone; this is the only place where what the encoder gave is copied."""
        tensors = {name: np.ascontiguousarray(value[rows]) for name, value in self._arrays.items()}
        return replace(self, tensors=tensors, count=len(next(iter(tensors.values()))))

    @cached_property
    def _arrays(self) -> dict[str, np.ndarray]:
        """The tensors as arrays of ours: to have them is to copy them all, and a beam asks for rows often."""
        return arrays(self.tensors)

    def logits(self, ids: np.ndarray, positions: np.ndarray) -> np.ndarray:
        return self._decoded({"ids": ids, "positions": positions})

    def _decoded(self, feeds: dict[str, np.ndarray]) -> np.ndarray:
        return arrays(self.decoder.run_held({**feeds, **self.tensors}, ["logits"]))["logits"]


@dataclass(frozen=True)
class FollowedKeysAndValues(KeysAndValues):
    """The same where the decoder's graph chooses the characters itself: a `Follower`."""

    def follow(self, ids: np.ndarray, steps: int, allowed: np.ndarray | None) -> np.ndarray:
        feeds = {"ids": ids, "positions": np.array([ids.shape[1] - 1]), "steps": np.array(steps)}
        if allowed is not None:
            feeds["offsets"] = np.where(allowed, 0, -np.inf).astype(np.float32)
        return self._decoded(feeds)
