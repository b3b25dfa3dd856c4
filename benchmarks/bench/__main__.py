"""`python -m benchmarks.bench [name ...] [--short] [--json FILE]`: a table and JSON lines."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.bench.timing import KEYS

NAMES = ("bootstrap", "evaluation", "memory", "drift", "scaling")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"any of {', '.join(NAMES)}; all by default")
    parser.add_argument("--short", action="store_true", help="small sizes, a few seconds each")
    parser.add_argument("--json", type=Path, metavar="FILE", help="append the JSON lines here too")
    chosen = parser.parse_args()
    unknown = set(chosen.name) - set(NAMES)
    if unknown:
        parser.error(f"There is no benchmark called {', '.join(sorted(unknown))}.")
    found = []
    for line in _rows(chosen.name or list(NAMES), "short" if chosen.short else "full"):
        found.append(line)
        print(json.dumps(line, ensure_ascii=False), flush=True)
    if chosen.json:
        with chosen.json.open("a") as file:
            file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in found)
    print(_table(found))


def _rows(names: list[str], size: str) -> Iterator[dict[str, Any]]:
    for name in names:
        yield from import_module(f"benchmarks.bench.{name}").rows(size)


def _table(lines: list[dict[str, Any]]) -> str:
    cells = [list(KEYS), *([_shown(line[key]) for key in KEYS] for line in lines)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells.insert(1, ["-" * width for width in widths])
    padded = ([cell.ljust(w) for cell, w in zip(row, widths, strict=True)] for row in cells)
    return "\n".join(f"| {' | '.join(row)} |" for row in padded)


def _shown(value: object) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
