"""What an ONNX file refers to beyond itself, read from its wire format without loading it.

Only two things matter: tensors kept in other files and operators from outside the standard.
"""

from collections.abc import Iterator

from benchmarks.predictors.base import PredictorError

STANDARD_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
MAX_DEPTH = 50

# Field numbers of onnx.proto: which field of a message holds which message.
_CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "opset", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse",
    },
    "sparse": {1: "tensor", 2: "tensor"},
    "function": {7: "node", 9: "opset", 11: "attribute"},
    "training": {1: "graph", 2: "graph"},
    "opset": {},
    "tensor": {},
}  # fmt: skip
_DOMAIN = {("opset", 1), ("node", 7)}
_EXTERNAL_DATA = ("tensor", 13)
_DATA_LOCATION = ("tensor", 14)

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def check_self_contained(content: bytes) -> None:
    """Raises PredictorError unless the model needs nothing but itself and standard operators."""
    if not any(field == 7 for field, _ in _fields(memoryview(content))):
        raise PredictorError("The ONNX file holds no graph.")
    _check(memoryview(content), "model", 0)


def _check(message: memoryview, name: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise PredictorError("The ONNX graph is nested too deeply.")
    for field, value in _fields(message):
        place = (name, field)
        if place in _DOMAIN and isinstance(value, memoryview):
            _check_domain(bytes(value))
        elif place == _EXTERNAL_DATA or (place == _DATA_LOCATION and value != 0):
            raise PredictorError(
                "The ONNX model keeps tensors in other files; save it as one self-contained file."
            )
        elif field in _CHILDREN[name] and isinstance(value, memoryview):
            _check(value, _CHILDREN[name][field], depth + 1)


def _check_domain(raw: bytes) -> None:
    domain = raw.decode(errors="replace")
    if domain not in STANDARD_DOMAINS:
        raise PredictorError(
            f"The ONNX model uses operators of “{domain[:60]}”; only standard ones are run."
        )


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """Each field's number with its bytes or its number."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        field, wire = key >> 3, key & 7
        if wire == _VARINT:
            number, position = _varint(message, position)
            yield field, number
            continue
        if wire == _BYTES:
            size, position = _varint(message, position)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise PredictorError("The ONNX file is damaged.")
        if position + size > len(message):
            raise PredictorError("The ONNX file is damaged or cut off.")
        yield field, message[position : position + size]
        position += size


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            break
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise PredictorError("The ONNX file is damaged or cut off.")
