"""Which format an artefact really has, read from its first bytes and never from its name."""

import zipfile
from io import BytesIO

from benchmarks.predictors.base import PredictorError

SKOPS = "skops"
ONNX = "onnx"

_ZIP = b"PK\x03\x04"
# ModelProto begins with field 1, ir_version, a small number; no released version passes 30.
_ONNX_FIELD = 0x08
_ONNX_HIGHEST_VERSION = 30

_REFUSED = (
    (b"\x80", "a pickle or joblib file"),
    (b"\x1f\x8b", "a gzip file, perhaps a compressed joblib file"),
    (b"\x78", "a zlib stream, perhaps a compressed joblib file"),
    (b"\xfd7zXZ", "an xz file, perhaps a compressed joblib file"),
    (b"BZh", "a bzip2 file, perhaps a compressed joblib file"),
    (b"\x04\x22\x4d\x18", "an lz4 file, perhaps a compressed joblib file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file, such as older Keras models use"),
    (b"ORTM", "an ORT file"),
)
_ACCEPTED = "Only skops and ONNX are loaded, because other formats can run code."


def recognised(content: bytes) -> str:
    """`skops` or `onnx`; anything else is refused with what it seems to be."""
    if content.startswith(_ZIP):
        return _zip_format(content)
    for magic, what in _REFUSED:
        if content.startswith(magic):
            raise PredictorError(f"The artefact is {what}. {_ACCEPTED}")
    if len(content) > 2 and content[0] == _ONNX_FIELD and content[1] <= _ONNX_HIGHEST_VERSION:
        return ONNX
    raise PredictorError(f"The artefact is neither skops nor ONNX. {_ACCEPTED}")


def _zip_format(content: bytes) -> str:
    try:
        names = zipfile.ZipFile(BytesIO(content)).namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise PredictorError("The artefact is a damaged or cut off zip archive.") from error
    if "schema.json" not in names:
        raise PredictorError(
            f"The artefact is a zip archive without skops' schema.json. {_ACCEPTED}"
        )
    return SKOPS
