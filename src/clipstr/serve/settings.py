"""What a service is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from clipstr.devices import AUTO
from clipstr.errors import InputError
from clipstr.models import DEFAULT_MODEL

__all__ = ["Limits", "ServiceSettings"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one request, and all of them together, may cost. Raises `InputError` for what cannot be kept."""

    bytes: int = 20 << 20  # of one request's body
    held_bytes: int = 256 << 20  # of all bodies that are held at once
    items: int = 64  # pictures in one request
    pixels: int = 50_000_000  # of one picture
    words: int = 10_000  # of one lexicon
    queue: int = 256  # word pictures that wait to be read
    photographs: int = 64  # and photographs
    pages: int = 10  # of one PDF
    seconds: float = 30.0  # from a request's first byte to its answer

    def __post_init__(self) -> None:
        for setting in fields(self):
            value = getattr(self, setting.name)
            if not value > 0:
                raise InputError(f"the limit of {setting.name} is {value}; it must be above 0")
        if min(self.queue, self.photographs) < self.items:
            raise InputError(
                f"{self.queue} pictures and {self.photographs} photographs may wait and a request may have "
                f"{self.items}: "
                "let the queue hold a request at least"
            )
        if self.held_bytes < self.bytes:
            raise InputError(
                f"{self.held_bytes} bytes are held and a request may have {self.bytes}: hold one at least"
            )


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """How a service reads, and for whom. Raises `InputError` for what makes no sense."""

    models: tuple[str, ...] = (DEFAULT_MODEL,)  # names or folders; the first one reads if none is asked for
    batch_size: int = 32  # pictures that are read together
    wait_seconds: float = 0.003  # how long a picture waits for company
    workers: int = 1  # batches that are read at once
    threads: int | None = None  # of one batch; None: as many as this process may use cores
    device: str = AUTO  # what computes
    scans: bool = True  # whether photographs are read, if the packages for it are there
    token: str | None = None  # the bearer token that requests must have; None: none
    origins: tuple[str, ...] = ()  # of web pages elsewhere that may ask (CORS)
    log_words: bool = False  # whether the words that were read stand in the logs
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not self.models:
            raise InputError("a service needs a model: name at least one")
        if self.batch_size < 1 or self.workers < 1 or self.wait_seconds < 0:
            raise InputError("batch size and workers must be at least 1, and the wait at least 0")
        if self.token is not None and not (self.token.isascii() and self.token.isprintable() and self.token):
            raise InputError("the token must be visible ASCII characters, one at least")
        for origin in self.origins:
            if origin != "*" and not origin.startswith(("http://", "https://")):
                raise InputError(
                    f"the origin {origin!r} is none: give it as a browser does, https://example.org"
                )
