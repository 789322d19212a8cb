"""What a request asks for: its pictures and options, read from the body while limits are kept.

A body is multipart (one file or many, options as fields), JSON (pictures in base64), or one picture's bytes
with the options in the address. A name in it is only given back: no path and no address is ever opened.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import math
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from clipstr.scenes import MIN_CONFIDENCE
from clipstr.serve.refusals import RefusalError
from clipstr.serve.settings import Limits

__all__ = [
    "FORMATS",
    "JSON",
    "OPTIONS",
    "SCAN_OPTIONS",
    "Ask",
    "Held",
    "Options",
    "Picture",
    "read_ask",
    "skip_body",
]

JSON = "json"
FORMATS = (JSON, "text", "hocr", "alto", "pdf")
OPTIONS = ("model", "allow", "lexicon", "second_looks", "known_words", "format")
SCAN_OPTIONS = (*OPTIONS, "min_confidence")
SKIP_SECONDS = 1.0  # for the rest of a body that is refused
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


@dataclass(frozen=True)
class Options:
    """How pictures are to be read; those of the same options are read together."""

    model: str | None = None  # None: the service's first one
    allow: str | None = None
    lexicon: tuple[str, ...] | None = None
    second_looks: bool = True
    known_words: bool | None = None
    min_confidence: float = MIN_CONFIDENCE  # of words in photographs


@dataclass(frozen=True)
class Picture:
    """An encoded picture, or why there is none, and the name that the request gave it."""

    name: str | None
    content: bytes
    problem: str | None = None


@dataclass(frozen=True)
class Ask:
    """The pictures of one request, in order, how to read them, and as what to answer."""

    pictures: tuple[Picture, ...]
    options: Options
    format: str = JSON


class Held:
    """How many bytes of bodies are held now, and no more than ``most``."""

    def __init__(self, most: int) -> None:
        self.most, self.now = most, 0

    @contextmanager
    def room(self) -> Iterator[Share]:
        """A share that starts empty, grows while a body arrives, and is given back in the end."""
        share = Share(self)
        try:
            yield share
        finally:
            self.now -= share.bytes


@dataclass
class Share:
    """One request's part of what is held."""

    held: Held
    bytes: int = 0

    def grow(self, count: int) -> None:
        """Takes ``count`` bytes more; raises a `RefusalError` (429) if that is more than may be held."""
        if self.held.now + count > self.held.most:
            raise RefusalError(
                429, "too_busy", "too many pictures are being sent at once; send them later", retry_after=1
            )
        self.held.now += count
        self.bytes += count


async def read_ask(request: Request, limits: Limits, share: Share, known: tuple[str, ...] = OPTIONS) -> Ask:
    """What ``request`` asks for. Raises a `RefusalError` for what is too much or cannot be understood.

    ``known`` are the options that may be given, in the address or in the body, which is heard if both speak.
    """
    values: dict[str, Any] = {}
    for name in request.query_params:
        found = request.query_params.getlist(name)
        values[name] = found if name == "lexicon" else found[-1]
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = _limited(request, limits, share)
    if kind == "multipart/form-data":
        pictures, told = await _multipart(request, body, limits)
    elif kind == "application/json":
        pictures, told = _json(b"".join([part async for part in body]))
    else:  # curl --data-binary calls every body a form
        pictures, told = [Picture(None, b"".join([part async for part in body]))], {}
    if not pictures:
        raise RefusalError(422, "no_pictures", "there is no picture in the request; send at least one")
    if len(pictures) > limits.items:
        raise RefusalError(
            413,
            "too_many_pictures",
            f"{len(pictures)} pictures, and a request may have {limits.items}; send fewer",
        )
    values |= told
    return Ask(tuple(pictures), _options(values, limits, known), _format(values.get("format", JSON)))


async def _limited(request: Request, limits: Limits, share: Share) -> AsyncGenerator[bytes, None]:
    """The body as it arrives; no more of it than the limits allow."""
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > limits.bytes:
        raise _too_large(limits)
    count = 0
    async for part in request.stream():
        count += len(part)
        if count > limits.bytes:
            raise _too_large(limits)
        share.grow(len(part))
        yield part
    request.state.whole = True


async def skip_body(request: Request, most: int) -> bool:
    """Whether the body of a refused ``request`` is read to its end now, without being kept.

    Who is still sending does not hear an answer before that: the connection would be reset under it. No more
    than ``most`` bytes are skipped, and not for long; who asks whether to send (Expect) is told at once.
    """
    if getattr(request.state, "whole", False):
        return True
    if request.headers.get("expect", "").lower() == "100-continue":
        return False

    async def skip() -> bool:
        count = 0
        async for part in request.stream():
            count += len(part)
            if count > most:
                return False
        return True

    try:
        return await asyncio.wait_for(skip(), SKIP_SECONDS)
    except (asyncio.TimeoutError, ClientDisconnect, RuntimeError):
        return False


def _too_large(limits: Limits) -> RefusalError:
    message = f"the request is larger than {limits.bytes} bytes; send smaller or fewer pictures"
    return RefusalError(413, "too_large", message)


async def _multipart(
    request: Request, body: AsyncGenerator[bytes, None], limits: Limits
) -> tuple[list[Picture], dict[str, Any]]:
    parser = MultiPartParser(
        request.headers,
        body,
        max_files=limits.items + 1,  # and a lexicon
        max_fields=limits.words + len(OPTIONS),
        max_part_size=limits.bytes,
    )
    parser.spool_max_size = limits.bytes + 1  # never written to a disk
    try:
        form = await parser.parse()
    except MultiPartException as error:
        many = "Too many files" in error.message
        raise RefusalError(
            413 if many else 422, "bad_form", f"the form cannot be read: {error.message}"
        ) from error
    except (KeyError, ValueError, UnicodeDecodeError) as error:  # a content type without its boundary
        raise RefusalError(
            422, "bad_form", "the form cannot be read: it is not multipart/form-data"
        ) from error
    pictures: list[Picture] = []
    told: dict[str, Any] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            content = await value.read()
            await value.close()
            if name == "lexicon":
                told.setdefault(name, []).append(_text(content, "the lexicon"))
            else:
                pictures.append(Picture(value.filename or None, content))
        elif name == "lexicon":
            told.setdefault(name, []).append(value)
        else:
            told[name] = value
    return pictures, told


def _json(content: bytes) -> tuple[list[Picture], dict[str, Any]]:
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RefusalError(422, "bad_json", f"the body is no JSON: {error}") from error
    if not isinstance(values, dict) or not isinstance(values.get("pictures"), list):
        raise RefusalError(
            422, "bad_json", 'the body must be an object such as {"pictures": ["(base64)", ...]}'
        )
    return [_decoded(item) for item in values.pop("pictures")], values


def _decoded(item: object) -> Picture:
    """A picture from JSON: base64 as a text, or an object with ``data`` and perhaps a ``name``."""
    name, data = (item.get("name"), item.get("data")) if isinstance(item, dict) else (None, item)
    name = name if isinstance(name, str) else None
    if not isinstance(data, str):
        return Picture(name, b"", "a picture is a text in base64, or an object with such a text as its data")
    try:
        return Picture(name, base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        return Picture(name, b"", "the text is not base64 (standard alphabet, padded, no line breaks)")


def _options(values: Mapping[str, Any], limits: Limits, known: tuple[str, ...]) -> Options:
    for name in values:
        if name not in known:
            raise RefusalError(
                422, "unknown_option", f"there is no option {name!r}; there are {', '.join(known)}"
            )
    scans = known is SCAN_OPTIONS  # which are at one look, known words preferred, as SceneReader's
    return Options(
        model=_string(values, "model"),
        allow=_string(values, "allow"),
        lexicon=_lexicon(values.get("lexicon"), limits),
        second_looks=_yes_or_no(values, "second_looks", usual=not scans),
        known_words=_yes_or_no(values, "known_words") if scans or "known_words" in values else None,
        min_confidence=_probability(values.get("min_confidence", MIN_CONFIDENCE)),
    )


def _format(value: object) -> str:
    if value not in FORMATS:
        known = ", ".join(FORMATS)
        raise RefusalError(422, "bad_option", f"format must be one of {known}, and is {value!r}")
    return str(value)


def _probability(value: object) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]  # a text, too
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool) or not 0 <= number <= 1:
        raise RefusalError(422, "bad_option", f"min_confidence must be from 0 to 1, and is {value!r}")
    return number


def _string(values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(name)
    if value is None or isinstance(value, str):
        return value or None
    raise RefusalError(422, "bad_option", f"{name} must be a text, and is {value!r}")


def _yes_or_no(values: Mapping[str, Any], name: str, *, usual: bool = True) -> bool:
    value = values.get(name, usual)
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in (*_YES, *_NO):
        return value.lower() in _YES
    raise RefusalError(422, "bad_option", f"{name} must be true or false, and is {value!r}")


def _lexicon(value: object, limits: Limits) -> tuple[str, ...] | None:
    """The words of a list of texts, each of one word a line; None if there is no list."""
    if value is None:
        return None
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise RefusalError(422, "bad_option", "lexicon must be a list of words")
    words = tuple(word.strip() for text in texts for word in text.split("\n") if word.strip())
    if len(words) > limits.words:
        raise RefusalError(
            413, "too_many_words", f"{len(words)} words, and a lexicon may have {limits.words} here"
        )
    return words


def _text(content: bytes, what: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RefusalError(422, "bad_option", f"{what} is no text in UTF-8") from error
