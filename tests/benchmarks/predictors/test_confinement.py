"""The sandbox's limits tried from inside a confined process."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.pure

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import json, os, pathlib, resource, socket, sys
from benchmarks.predictors.confinement import confine, leave_network
folder, port = sys.argv[1], int(sys.argv[2])
network = leave_network()
held = confine(cpu_seconds=60, memory_bytes=1 << 30)

def tried(act):
    try:
        act()
    except (OSError, MemoryError) as error:
        return type(error).__name__
    return "done"

print(json.dumps({
    "held": held,
    "network_left": network,
    "write": tried(lambda: pathlib.Path(folder, "sentinel").write_text("x")),
    "here": tried(lambda: pathlib.Path("sentinel").write_text("x")),
    "memory": tried(lambda: bytearray(2 << 30)),
    "network": tried(lambda: socket.create_connection(("127.0.0.1", port), 5)),
    "environment": dict(os.environ),
    "cpu": resource.getrlimit(resource.RLIMIT_CPU)[0],
    "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
}))
"""


@pytest.fixture(scope="module")
def confined(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outside")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        answer = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(folder), port],
            cwd=ROOT,
            env={"SECRET_KEY": "canary"},
            capture_output=True,
            check=True,
        )
    return {**json.loads(answer.stdout), "folder": folder}


def test_confinement__writing__fails_everywhere(confined):
    assert confined["write"] == "OSError"
    assert confined["here"] == "FileNotFoundError"
    written = [path.read_text() for path in confined["folder"].iterdir()]
    assert "".join(written) == ""


def test_confinement__memory_and_core_dump__are_limited(confined):
    assert confined["memory"] == "MemoryError"
    assert 60 < confined["cpu"] <= 65
    assert confined["core"] == 0


def test_confinement__environment__is_empty(confined):
    assert confined["environment"] == {}


def test_confinement__network__is_out_of_reach_where_it_says_so(confined):
    assert (confined["network"] != "done") == confined["network_left"]


def test_confinement__limits_every_linux_grants__hold(confined):
    granted = {name for name, holds in confined["held"].items() if holds}
    assert granted >= {"cpu", "memory", "writing", "processes", "open_files", "core_dump"}
