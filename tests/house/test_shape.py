"""Files and functions stay small, names say something, and every module has its test."""

import ast
import re
from pathlib import PurePath

import pytest

from tests.house import tree

MAX_FILE_LINES = 350
MAX_FUNCTION_LINES = 60
BANNED = {"util", "utils", "help", "helper", "helpers", "manager", "handler", "common", "base", "data", "info"}
"""Words that say nothing about what a thing is."""

NOT_OURS = {"data_received", "pipe_data_received"}
"""Names that asyncio calls: not ours to choose."""

NO_OWN_TEST: dict[str, str] = {
    "__main__.py": "one call of the command line, which tests/cli starts as `python -m fedns`",
}
"""Modules without a test file of their own, each with the reason."""


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function from `def` to its end, without its docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def words(name: str) -> list[str]:
    """The lower-case words of an identifier, in snake_case or CamelCase."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


@pytest.mark.parametrize("path", [*tree.SOURCES.rglob("*.py"), *tree.TESTS.rglob("*.py")], ids=str)
def test_files_are_short(path: PurePath) -> None:
    """No file has more than 350 lines: one that grows has two jobs."""
    assert len((tree.ROOT / path).read_text(encoding="utf-8").splitlines()) < MAX_FILE_LINES


@pytest.mark.parametrize("path", tree.modules())
def test_functions_are_short(path: str) -> None:
    """No function has more than 60 lines without its docstring."""
    long = {f.name: length(f) for f in tree.functions(tree.modules()[path]) if length(f) >= MAX_FUNCTION_LINES}
    assert not long


@pytest.mark.parametrize("path", tree.modules())
def test_names_say_something(path: str) -> None:
    """Modules, classes and functions are not named after nothing in particular."""
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names = [PurePath(path).stem, *(n.name for n in ast.walk(tree.modules()[path]) if isinstance(n, definitions))]
    names = [name for name in names if name not in NOT_OURS]
    empty = [name for name in names if BANNED.intersection(words(name)) or re.match(r"_*process_", name)]
    assert not empty


@pytest.mark.parametrize("path", tree.modules())
def test_modules_open_with_their_job(path: str) -> None:
    """A module docstring says what the module turns into what."""
    assert ast.get_docstring(tree.modules()[path]), f"fedns/{path} has no docstring"


@pytest.mark.parametrize("path", [path for path in tree.modules() if PurePath(path).name != "__init__.py"])
def test_every_module_has_its_test(path: str) -> None:
    """fedns/a/b.py is tested by tests/a/test_b.py, so that the test of anything is found without a search."""
    if path in NO_OWN_TEST:
        return
    mirror = tree.TESTS / PurePath(path).parent / f"test_{PurePath(path).name}"
    assert mirror.exists(), f"{mirror.relative_to(tree.ROOT)} is missing"


def test_reasons_are_current() -> None:
    """A module that is excused from having a test exists, and still has none."""
    for path in NO_OWN_TEST:
        assert path in tree.modules()
        assert not (tree.TESTS / PurePath(path).parent / f"test_{PurePath(path).name}").exists()


@pytest.mark.parametrize(
    "path",
    [p for p in sorted(tree.TESTS.rglob("test_*.py")) if p.parent.name not in {"house", "real"}],
    ids=lambda path: path.relative_to(tree.TESTS).as_posix(),
)
def test_tests_state_rules(path: PurePath) -> None:
    """Each test has a docstring that states the rule it holds."""
    module = ast.parse((tree.ROOT / path).read_text(encoding="utf-8"))
    silent = [f.name for f in tree.functions(module) if f.name.startswith("test_") and not ast.get_docstring(f)]
    assert not silent
