"""The only way JSON comes in: what the database or the browser could not hold is refused here."""

import json
import math
import re
from typing import Any, NoReturn

from django.conf import settings
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser

MAX_DEPTH = 32
INT64 = 2**63

# Every part is possessive and the closing quote optional: the scan never looks at a place twice,
# also where a string is left open.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_ONE_KIND = str.maketrans("{}", "[]")
_NOT_BRACKET = re.compile(r"[^\[\]{}]++")
_SUSPECT_ESCAPE = re.compile(r"\\u(?:0000|d[89a-f])", re.IGNORECASE)
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"


class StrictJSONParser(BaseParser):
    """Standard JSON without the liberties of the usual parsers.

    Refuses duplicate keys, NaN and infinities (also as 1e400), integers beyond 64 bits, NUL and
    lone surrogates, nesting deeper than 32, and compressed or oversized bodies, each with a
    sentence.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        _refuse_encoding((parser_context or {}).get("request"))
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        content = stream.read(limit + 1)
        if len(content) > limit:
            raise TooLarge(f"The body is larger than {limit:,} bytes.")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ParseError("The body is not UTF-8.") from error
        return strict_json(text)


def _refuse_encoding(request: Any) -> None:
    encoding = request.headers.get("Content-Encoding", "identity") if request else "identity"
    if encoding.strip().lower() != "identity":
        raise UnsupportedMediaType(encoding, "Send the body uncompressed.")


def strict_json(text: str) -> Any:
    """Parse JSON text. Raises ParseError with a sentence that says what is wrong with it."""
    _check_depth(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_finite,
            parse_int=_int64,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as error:
        raise ParseError(
            f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        ) from error
    if _SUSPECT_ESCAPE.search(text):  # neither can come in without one
        _check_texts(value)
    return value


def _check_depth(text: str) -> None:
    """Measured before parsing: a parser that recurses dies of depth before it can complain.

    Each round takes the innermost pairs away, so what is left after 32 is deeper or unmatched.
    """
    brackets = _NOT_BRACKET.sub("", _STRING.sub("", text)).translate(_ONE_KIND)
    for _ in range(MAX_DEPTH):
        if not brackets:
            return
        brackets = brackets.replace("[]", "")
    if brackets:
        raise ParseError(
            f"The body is nested deeper than {MAX_DEPTH} levels, or its brackets do not match."
        )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        shown = _UNSTORABLE.sub("�", twice[:60])
        raise ParseError(f"The key “{shown}” occurs twice in one object.")
    return result


def _check_texts(value: Any) -> None:
    match value:
        case str() if _UNSTORABLE.search(value):
            raise ParseError(
                "A text holds a NUL or half a surrogate pair, which cannot be stored."
            )
        case dict():
            for key, item in value.items():
                _check_texts(key)
                _check_texts(item)
        case list():
            for item in value:
                _check_texts(item)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ParseError(f"The number {text[:40]} is too large.")
    return value


def _int64(text: str) -> int:
    if len(text) > 20 or not -INT64 <= int(text) < INT64:
        raise ParseError(f"The number {text[:40]} does not fit into 64 bits.")
    return int(text)


def _constant(name: str) -> NoReturn:
    raise ParseError(f"{name} is not a JSON number. Leave the value out and say why.")
