"""Canonical JSON and its SHA-256: the one meaning of "same content"."""

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

CHUNK = 1 << 20


def canonical_json(value: Any) -> bytes:
    """Return the one byte string that stands for `value`: sorted keys, no spaces, UTF-8.

    Follows RFC 8785 for everything but the spelling of floats, where Python's shortest
    round-trip form is used. Raises ValueError for NaN and infinities, TypeError for objects
    that have no JSON form.
    """
    plain = _plain(value)
    return json.dumps(
        plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def file_digest(file: BinaryIO | Path) -> str:
    """SHA-256 of a file's bytes, read in chunks; an open file is left at its start."""
    if isinstance(file, Path):
        with file.open("rb") as handle:
            return file_digest(handle)
    sha = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(CHUNK):
        sha.update(chunk)
    file.seek(0)
    return sha.hexdigest()


def _plain(value: Any) -> Any:
    match value:
        case float() if not math.isfinite(value):
            raise ValueError(f"{value} has no canonical JSON form.")
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case Decimal() | UUID():
            return str(value)
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case set() | frozenset():
            return sorted(_plain(item) for item in value)
    raise TypeError(f"{type(value).__name__} has no canonical JSON form.")
