"""Configs of models, with the checksum that each says of itself."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def signed(values: dict[str, Any]) -> dict[str, Any]:
    """The config ``values`` with the checksum that they have, as someone writes them who means them."""
    said = {name: value for name, value in values.items() if name != "sha256"}
    return said | {"sha256": hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()}
