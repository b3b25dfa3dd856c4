"""Maintainers only: copies the pinned browser libraries into static/, so that users need no Node.

Run `python portal/ui/vendor/vendor.py` after changing a version in package.json.
"""

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "static" / "portal" / "vendor"
# Source maps are not shipped, and a dangling reference stops the hashed static storage.
SOURCE_MAP = re.compile(rb"\s*(/\*# sourceMappingURL=[^*]*\*/|//# sourceMappingURL=\S*)")
FILES = {
    "bootstrap.min.css": ("bootstrap", "dist/css/bootstrap.min.css"),
    "bootstrap.LICENSE": ("bootstrap", "LICENSE"),
    "htmx.min.js": ("htmx.org", "dist/htmx.min.js"),
    "htmx.LICENSE": ("htmx.org", "LICENSE"),
}


def locked_packages() -> dict[str, dict[str, str]]:
    lock = json.loads((HERE / "package-lock.json").read_text())
    prefix = "node_modules/"
    return {
        path.removeprefix(prefix): entry
        for path, entry in lock["packages"].items()
        if path.startswith(prefix)
    }


def forget_registry() -> None:
    """Keep integrity hashes but no host, so that any registry mirror can serve the lock."""
    path = HERE / "package-lock.json"
    lock = json.loads(path.read_text())
    for entry in lock["packages"].values():
        entry.pop("resolved", None)
    path.write_text(json.dumps(lock, indent=2) + "\n")


def install(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("npm is needed to vendor the browser libraries.")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps"]
    subprocess.run(command, cwd=folder, check=True)  # noqa: S603 - fixed arguments


def copy(modules: Path) -> dict[str, dict[str, str]]:
    packages, manifest = locked_packages(), {}
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, (package, source) in FILES.items():
        content = SOURCE_MAP.sub(b"", (modules / package / source).read_bytes()).rstrip() + b"\n"
        (TARGET / name).write_bytes(content)
        manifest[name] = {
            "package": package,
            "version": packages[package]["version"],
            "licence": packages[package]["license"],
            "source": source,
            "sha256": hashlib.sha256(content).hexdigest(),
        }
    return manifest


def main() -> None:
    forget_registry()
    with tempfile.TemporaryDirectory() as folder:
        install(Path(folder))
        manifest = copy(Path(folder) / "node_modules")
    (HERE / "vendor.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
