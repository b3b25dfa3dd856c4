"""Messages between portal and sandbox: one kind byte, the length, the bytes; never a pickle.

The way back carries raw numbers and flat JSON only, because whoever answers is not trusted.
"""

import struct
from typing import BinaryIO

HEADER = struct.Struct(">cQ")

SETTINGS = b"S"  # JSON: what to load and which limits to take
ARTIFACT = b"B"  # the artefact's bytes
FRAME = b"F"  # rows as an Arrow stream
READY = b"R"  # JSON: the limits that hold
SCORES = b"N"  # one little-endian double per row
REFUSAL = b"E"  # JSON: a sentence


def packed(kind: bytes, payload: bytes) -> bytes:
    return HEADER.pack(kind, len(payload)) + payload


def read_message(stream: BinaryIO) -> tuple[bytes, bytes] | None:
    """The next message of a blocking stream, None at its end."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    kind, length = HEADER.unpack(header)
    payload = stream.read(length)
    return (kind, payload) if len(payload) == length else None
