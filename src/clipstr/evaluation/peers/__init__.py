"""Other readers of words behind our protocol, to be measured on the same pictures by the same rules.

Their packages are optional, imported when a peer is opened, and never download anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from clipstr.errors import InputError, MissingExtraError
from clipstr.evaluation.peers.parseq import open_parseq
from clipstr.evaluation.peers.rapid import open_rapid_v4, open_rapid_v6
from clipstr.evaluation.peers.tesseract import open_tesseract
from clipstr.reading import WordReader

__all__ = ["PEERS", "Peer", "peer_named"]


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Another reader: its key on the command line, what it is, and what has to be installed for it.

    ``open`` makes the reader of single words with so many threads; it raises `ImportError` or
    `FileNotFoundError` where something is missing. ``batch_size`` is how many crops it may be given at once
    without their readings depending on each other.
    """

    key: str
    about: str
    install: str
    open: Callable[[int], WordReader]
    batch_size: int = 1

    def words(self, threads: int) -> WordReader:
        """The peer as a reader of words with ``threads`` threads.

        Raises `MissingExtraError`, which says what to install, if it cannot be used here.
        """
        try:
            return self.open(threads)
        except (ImportError, FileNotFoundError) as error:
            raise MissingExtraError(f"the peer {self.key} needs {self.install} ({error})") from error


PEERS: dict[str, Peer] = {
    peer.key: peer
    for peer in (
        Peer(
            key="tesseract",
            about="Tesseract 5, its English model, told that the picture is one word",
            install="pip install tesserocr, and Tesseract's English data (apt install tesseract-ocr-eng)",
            open=open_tesseract,
        ),
        Peer(
            key="rapidocr-v4",
            about="PP-OCRv4's mobile recogniser (2023, 11 MB)",
            install="pip install rapidocr-onnxruntime",
            open=open_rapid_v4,
        ),
        Peer(
            key="rapidocr-v6",
            about="PP-OCRv6's small recogniser (2026, 21 MB)",
            install="pip install 'rapidocr>=3.10'",
            open=open_rapid_v6,
        ),
        Peer(
            key="parseq",
            about="PARSeq, trained on synthetic words (2022)",
            install="pip install torch, and PARSeq in torch.hub's folder: call once, with a network, "
            "python -c \"import torch; torch.hub.load('baudm/parseq', 'parseq', pretrained=True)\"",
            open=open_parseq,
            batch_size=32,
        ),
    )
}
"""The peers by their key. PP-OCR pads crops to the widest of a batch, so that it gets them one by one."""


def peer_named(key: str) -> Peer:
    """The peer ``key``; raises `InputError` for one that we do not know."""
    if key not in PEERS:
        raise InputError(f"there is no peer {key!r}; there are {', '.join(PEERS)}")
    return PEERS[key]
