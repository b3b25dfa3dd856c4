"""Form of input that every app shares: what is read at all, before anybody asks what it means."""

import base64
import math
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from rest_framework import serializers

from catalog.digests import canonical_json
from catalog.validators import identifier, visible_text

MAX_OBJECT_BYTES = 64 * 1024
#: The largest number that every database keeps in an integer column.
INT32 = 2**31 - 1


class Shape(serializers.Serializer):
    """Input that refuses what it does not know: a misspelt field must not be silently left out."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [str(name) for name in data if name not in self.fields]
            if unknown:
                raise serializers.ValidationError(
                    {name[:60]: [_unknown(name, list(self.fields))] for name in unknown[:20]}
                )
        return super().to_internal_value(data)


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name[:60], known, n=1, cutoff=0.0)
    return f"There is no such field. The nearest is “{near[0]}”." if near else "No such field."


class Number(serializers.FloatField):
    """A finite JSON number; a text that reads like one is refused."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float) or not math.isfinite(data):
            raise serializers.ValidationError("Give a finite number.")
        return float(data)


class WholeNumber(serializers.IntegerField):
    """A JSON integer."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            raise serializers.ValidationError("Give a whole number.")
        return data


class Text(serializers.CharField):
    """A JSON text without invisible characters; a number in its place is refused."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("validators", []).append(visible_text)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("Give a text.")
        if self.max_length is not None and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)  # before anything reads it all
        return str(super().to_internal_value(data))


class Base64(serializers.Field):
    """Bytes, written in base64."""

    def to_internal_value(self, data: Any) -> bytes:
        if not isinstance(data, str):
            raise serializers.ValidationError("Give a text in base64.")
        try:
            return base64.b64decode(data, validate=True)
        except ValueError as error:
            raise serializers.ValidationError("This is not base64.") from error

    def to_representation(self, value: Any) -> Any:
        return value


class Name(Text):
    """An identifier, as people compare it by eye."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=64, validators=[identifier], **kwargs)


class SmallObject(serializers.Field):
    """A JSON object of at most 64 kB, kept as it came."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError("Give an object.")
        if len(canonical_json(data)) > MAX_OBJECT_BYTES:
            raise serializers.ValidationError("The object is larger than 64 kB.")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class DataReference(Shape):
    """A dataset version by its two names."""

    dataset = Name()
    version = Name()
