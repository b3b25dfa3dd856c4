"""The house's rules, held by the import contracts and a few readings of the tree."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.pure

ROOT = Path(__file__).resolve().parent.parent
APPS = ("portal", "rollouts", "benchmarks", "catalog")
SOURCES = sorted(path for app in APPS for path in (ROOT / app).rglob("*.py"))
LOADERS = {"pickle", "joblib", "marshal", "shelve", "dill", "cloudpickle"}


def test_import_contracts__whole_tree__are_kept():
    command = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    answer = subprocess.run(
        [sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module__every_source_file__opens_with_its_reason(path: Path):
    text = path.read_text()
    if text.strip() and "migrations" not in path.parts and path.stat().st_size:
        assert ast.get_docstring(ast.parse(text)), f"{path} has no docstring"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module__every_source_file__imports_nothing_that_runs_code_from_data(path: Path):
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"eval", "exec"}, f"{path}:{node.lineno}"
        assert not LOADERS & {name.partition(".")[0] for name in names}, f"{path}:{node.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_function__every_source_file__imports_at_the_top_of_its_module(path: Path):
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name == "ready":
            continue
        inner = [n for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom)]
        assert not inner, f"{path}:{node.lineno} imports inside {node.name}"
