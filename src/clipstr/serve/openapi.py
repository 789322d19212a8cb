"""What the service answers, in the words of OpenAPI 3.1: /openapi.json for programs, /docs for people."""

from __future__ import annotations

from typing import Any

from clipstr.serve.asks import FORMATS
from clipstr.serve.documents import KINDS

__all__ = ["described"]

# A picture of 8 by 2 pixels: small enough to stand in an example.
_SMALL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAACCAIAAADq9gq6AAAAE0lEQVR42mP8//8/AzbAxIADAACQBgMBef1voQAAAABJRU5ErkJggg=="
)

_ERROR = {
    "type": "object",
    "required": ["type", "message"],
    "properties": {
        "type": {"type": "string", "description": "A word for programs.", "examples": ["queue_full"]},
        "message": {"type": "string", "description": "What is wrong and what to do."},
    },
}
_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_LEGIBLE = {**_SHARE, "description": "How likely it is that there is something to be read, whatever it says."}
_CHARACTERS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["text", "confidence"],
        "properties": {"text": {"type": "string"}, "confidence": _SHARE},
    },
}
_MATCH = {
    "type": "object",
    "description": "If allow or a lexicon limited the reading: what was read without, how sure that is, and "
    "how many characters differ.",
    "required": ["free_text", "distance", "free_confidence"],
    "properties": {
        "free_text": {"type": "string"},
        "distance": {"type": "integer"},
        "free_confidence": _SHARE,
    },
}
_FAILED = {
    "type": "object",
    "required": ["error"],
    "properties": {"name": {"type": "string"}, "error": _ERROR},
}
_WORD = {
    "type": "object",
    "required": ["text", "confidence", "legible", "characters"],
    "properties": {
        "name": {"type": "string", "description": "The picture's name, as the request had it."},
        "text": {"type": "string"},
        "confidence": {**_SHARE, "description": "The model's probability of exactly this text."},
        "legible": _LEGIBLE,
        "characters": _CHARACTERS,
        "match": _MATCH,
    },
}

_POLYGON = {
    "type": "array",
    "description": "Corners (x, y) in pixels of the picture as a person sees it.",
    "items": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
}
_SCENE_WORD = {
    "type": "object",
    "required": ["text", "confidence", "legible", "polygon", "characters"],
    "properties": {
        "text": {"type": "string"},
        "confidence": _SHARE,
        "legible": _LEGIBLE,
        "polygon": _POLYGON,
        "characters": _CHARACTERS,
    },
}
_LINE = {
    "type": "object",
    "required": ["text", "polygon", "paragraph", "words"],
    "properties": {
        "text": {"type": "string"},
        "polygon": _POLYGON,
        "paragraph": {"type": "integer", "description": "Lines of the same one belong together."},
        "words": {"type": "array", "items": _SCENE_WORD},
    },
}
_PAGE = {
    "type": "object",
    "required": ["page", "width", "height", "lines"],
    "properties": {
        "page": {"type": ["integer", "null"], "description": "Its number in the PDF; null of a photograph."},
        "width": {"type": "integer"},
        "height": {"type": "integer"},
        "lines": {"type": "array", "items": _LINE, "description": "In reading order."},
    },
}
_PHOTOGRAPH = {
    "type": "object",
    "required": ["pages"],
    "properties": {"name": {"type": "string"}, "pages": {"type": "array", "items": _PAGE}},
}

_OPTIONS = {
    "model": "A model that is served (/v1/models); else the first one.",
    "allow": "The only characters to read, such as 0123456789.",
    "lexicon": "Words of which the likeliest is read: repeated here, one a line in a form, a list in JSON.",
    "second_looks": "false is quicker and misreads more; true for words, false for photographs unless given.",
    "known_words": "false reads codes as they seem, not as words alike; of words as second_looks is.",
    "format": "json (unless given), text, hocr, alto or pdf (searchable): a document of what could be read; "
    "the header Clipstr-Failed says how many pictures are missing in it.",
}
_SCAN_OPTIONS = {**_OPTIONS, "min_confidence": "Leave out words that are less sure, from 0 to 1."}

_REFUSALS = {
    "401": "The service has a token, and the request does not: send Authorization: Bearer TOKEN.",
    "413": "Too many bytes, pictures or words.",
    "429": "Too much waits to be read. Retry-After says in how many seconds to come again.",
    "503": "The service begins or ends, or had no answer in time. Retry-After as above.",
}


def described(version: str, base: str, *, scan: bool) -> dict[str, Any]:
    """The service's description; ``base`` is its address with a slash at the end, for the examples.

    ``scan`` says whether photographs are read.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "clipstr",
            "version": version,
            "description": "Reads words in pictures. What is sent is read and forgotten: no path and no "
            "address in a request is ever opened. An error is always {error: {type, message}}.",
        },
        "servers": [{"url": base.rstrip("/")}],
        "paths": {
            **({"/v1/scan": {"post": _scans(base)}} if scan else {}),
            "/v1/read": {"post": _reads(base)},
            "/v1/models": {"get": _plain("models", "The models that are served", f"curl {base}v1/models")},
            "/healthz": {"get": _plain("healthz", "Whether the process lives", f"curl {base}healthz")},
            "/readyz": {
                "get": _plain("readyz", "Whether requests are taken; 503 if not", f"curl {base}readyz")
            },
            "/metrics": {"get": _plain("metrics", "Numbers for Prometheus", f"curl {base}metrics")},
        },
        "components": {
            "schemas": {"Word": _WORD, "Photograph": _PHOTOGRAPH, "Failed": _FAILED, "Error": _ERROR},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _reads(base: str) -> dict[str, Any]:
    url = f"{base}v1/read"
    return {
        "operationId": "read",
        "summary": "Word crops: one word in each picture",
        "description": "The body is one picture's bytes, files in a form, or JSON with pictures in base64. "
        "Options stand in the address, in the form or in the JSON. The answer has an item for each picture, "
        "in order.",
        "parameters": _parameters(_OPTIONS),
        "requestBody": {"required": True, "content": _bodies(_OPTIONS)},
        "responses": _responses({"anyOf": [_reference("Word"), _reference("Failed")]}),
        "x-codeSamples": [
            {"lang": "Shell", "source": f"curl --data-binary @examples/coffee.png {url}"},
            {
                "lang": "Shell",
                "source": f"curl -F files=@examples/coffee.png -F files=@examples/2026.png "
                f"-F second_looks=false {url}",
            },
            {"lang": "Shell", "source": f"curl --data-binary @examples/2026.png '{url}?allow=0123456789'"},
            {
                "lang": "Shell",
                "source": f"curl -H 'Content-Type: application/json' "
                f'-d \'{{"pictures": ["{_SMALL}"], "lexicon": ["coffee", "tea"]}}\' {url}',
            },
        ],
    }


def _scans(base: str) -> dict[str, Any]:
    url = f"{base}v1/scan"
    return {
        "operationId": "scan",
        "summary": "Photographs: all words, and where they stand",
        "description": "As /v1/read, for whole pictures and PDFs. Of each, the lines in reading order and "
        "their words.",
        "parameters": _parameters(_SCAN_OPTIONS),
        "requestBody": {"required": True, "content": _bodies(_SCAN_OPTIONS)},
        "responses": _responses({"anyOf": [_reference("Photograph"), _reference("Failed")]}),
        "x-codeSamples": [
            {"lang": "Shell", "source": f"curl --data-binary @examples/hotel.png {url}"},
            {"lang": "Shell", "source": f"curl -F files=@examples/hotel.png '{url}?format=text'"},
            {
                "lang": "Shell",
                "source": f"curl -F files=@examples/hotel.png -F format=pdf -o hotel.pdf {url}",
            },
        ],
    }


def _parameters(options: dict[str, str]) -> list[dict[str, Any]]:
    kinds: dict[str, dict[str, Any]] = {
        "lexicon": {"type": "array", "items": {"type": "string"}},
        "second_looks": {"type": "boolean"},
        "known_words": {"type": "boolean"},
        "format": {"type": "string", "enum": list(FORMATS)},
        "min_confidence": _SHARE,
    }
    return [
        {"name": name, "in": "query", "description": meaning, "schema": kinds.get(name, {"type": "string"})}
        for name, meaning in options.items()
    ]


def _bodies(options: dict[str, str]) -> dict[str, Any]:
    told = {
        option["name"]: {**option["schema"], "description": option["description"]}
        for option in _parameters(options)
    }
    named = {"type": "object", "properties": {"name": {"type": "string"}, "data": {"type": "string"}}}
    picture = {"anyOf": [{"type": "string", "contentEncoding": "base64"}, named]}
    files = {"type": "array", "items": {"type": "string", "contentMediaType": "application/octet-stream"}}
    return {
        "multipart/form-data": {"schema": {"type": "object", "properties": {"files": files, **told}}},
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["pictures"],
                "properties": {"pictures": {"type": "array", "items": picture}, **told},
            },
            "example": {"pictures": [_SMALL, {"name": "b.png", "data": _SMALL}], "allow": "0123456789"},
        },
        "image/*": {"schema": {}},
    }


def _responses(item: dict[str, Any]) -> dict[str, Any]:
    answer = {
        "type": "object",
        "required": ["model", "items"],
        "properties": {"model": {"type": "string"}, "items": {"type": "array", "items": item}},
    }
    refusal = {"type": "object", "required": ["error"], "properties": {"error": _reference("Error")}}
    refused = {"content": {"application/json": {"schema": refusal}}}
    return {
        "200": {
            "description": "One picture at least was read; each of the others has its error.",
            "content": {"application/json": {"schema": answer}, **{kind: {} for kind in KINDS.values()}},
        },
        "422": {
            "description": "No picture could be read (items say why), or the request makes no sense (error).",
            "content": {"application/json": {"schema": {"anyOf": [answer, refusal]}}},
        },
        **{status: {"description": meaning, **refused} for status, meaning in _REFUSALS.items()},
    }


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _plain(name: str, summary: str, example: str) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "description": "",
        "responses": {"200": {"description": "What is asked for."}},
        "x-codeSamples": [{"lang": "Shell", "source": example}],
    }
