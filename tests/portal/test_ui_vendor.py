"""The vendored libraries are the pinned ones, complete, licensed and free of hosts."""

import hashlib
import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.pure

UI = Path(__file__).resolve().parents[2] / "portal" / "ui"
FILES = UI / "static" / "portal" / "vendor"
MANIFEST = json.loads((UI / "vendor" / "vendor.json").read_text())
LOCK = json.loads((UI / "vendor" / "package-lock.json").read_text())


@pytest.mark.parametrize("name", sorted(MANIFEST))
def test_vendored_file__as_committed__has_the_digest_of_the_manifest(name: str) -> None:
    assert hashlib.sha256((FILES / name).read_bytes()).hexdigest() == MANIFEST[name]["sha256"]


def test_vendor_folder__as_committed__holds_exactly_what_the_manifest_lists() -> None:
    assert {path.name for path in FILES.iterdir()} == set(MANIFEST)


def test_manifest__every_package__is_at_its_locked_version_with_its_licence() -> None:
    for name, entry in MANIFEST.items():
        assert LOCK["packages"][f"node_modules/{entry['package']}"]["version"] == entry["version"]
        assert (FILES / f"{name.split('.')[0]}.LICENSE").exists()


def test_vendored_files__as_served__refer_to_no_source_map() -> None:
    assert not [p.name for p in FILES.iterdir() if b"sourceMappingURL" in p.read_bytes()]


def test_lock__as_committed__names_no_registry() -> None:
    assert not [name for name, entry in LOCK["packages"].items() if "resolved" in entry]
