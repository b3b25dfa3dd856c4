"""The software a number was computed with, because library updates alone can move predictions."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from catalog.digests import digest

PACKAGES = (
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "pyarrow",
    "skops",
    "onnxruntime",
)


def environment_fingerprint() -> dict[str, Any]:
    """Versions and platform without anything that names the machine, and their digest."""
    environment = {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()),
        "cpu_count": os.cpu_count(),
        "packages": {name: _version(name) for name in PACKAGES},
    }
    return {**environment, "digest": digest(environment)}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
