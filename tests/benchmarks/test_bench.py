"""The benchmark command: what it prints and what it proves, never how long it takes."""

import json
import os
import subprocess
import sys

import pytest

from benchmarks.bench.timing import KEYS, Timing, interleaved, measured, row

pytestmark = pytest.mark.pure


def bench(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.bench", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        timeout=300,
    )


def test_bench__short_bootstrap__prints_json_lines_and_a_table(tmp_path):
    done = bench("--short", "--json", str(tmp_path / "lines.json"), "bootstrap")
    assert done.returncode == 0, done.stderr
    printed = done.stdout.splitlines()
    lines = [json.loads(line) for line in printed if line.startswith("{")]
    assert [set(line) for line in lines] == [set(KEYS)] * 2
    assert all(line["ours_s"] > 0 and line["ratio_peer"] > 0 for line in lines)
    table = [line for line in printed if line.startswith("|")]
    assert table[0].split() == ("| " + " | ".join(KEYS) + " |").split()
    assert len(table) == 2 + len(lines)
    kept = (tmp_path / "lines.json").read_text().splitlines()
    assert [json.loads(line) for line in kept] == lines


@pytest.mark.skipif(sys.platform != "linux", reason="limits data as Linux counts it")
def test_bench__short_memory__completes_under_a_limit_smaller_than_the_file():
    done = bench("--short", "memory")
    assert done.returncode == 0, done.stderr
    line = json.loads(done.stdout.splitlines()[0])
    assert "limit 56 MB more" in line["size"]
    assert line["ours_mb"] < 56 < line["peer_mb"]


def test_bench__unknown_name__says_so():
    done = bench("astrology")
    assert done.returncode == 2
    assert "astrology" in done.stderr


def test_timing__interleaved__takes_turns():
    calls = []
    found = interleaved([lambda: calls.append("a"), lambda: calls.append("b")], rounds=2)
    assert calls == ["a", "b", "a", "b"]
    assert len(found) == 2


def test_timing__memory__sees_a_passing_peak():
    size = 64 << 20
    assert measured(lambda: len(b"x" * size), 1).added_mb >= 60


def test_timing__row__tells_ratios_in_both_directions():
    line = row("work", "size", Timing(1.0, 2.0, 3.0), peer_s=10.0, limit_s=1.0)
    assert tuple(line) == KEYS
    assert (line["ratio_peer"], line["ratio_limit"]) == (5.0, 2.0)
    assert row("work", "size", Timing(1.0, 2.0, 3.0))["ratio_peer"] is None
