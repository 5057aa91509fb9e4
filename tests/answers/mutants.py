"""Mutation by hand: `./dev mutate packet` changes fedns/answers/packet.py in each small way, and sees who notices.

One process collects the tests of this folder once and then forks: first to see which tests run which line, then for
each mutant, whose code takes the place of the right one in the living module, so that it costs no start and no import.
Of the tests that run its line the quickest go first; the first failure ends it. Who survives is printed as a
difference: it is equivalent, or a test is missing. What takes CPU_SECONDS, or MEMORY_BYTES, is noticed too.
"""

import ast
import difflib
import importlib
import json
import os
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import process_time
from types import FunctionType, ModuleType
from typing import Any, Final, NamedTuple

import hypothesis
import pytest
from coverage import Coverage

CPU_SECONDS: Final = 30
MEMORY_BYTES: Final = 2**31
SLOW_SECONDS: Final = 0.25
"""Of CPU time: tests that take longer are left out, so a few are called survivors that the whole suite notices."""
EXAMPLES: Final = 30
"""Of each property, always the same ones: a mutant that only chance finds has no test."""
FOLDER: Final = Path(__file__).parent
NOT_CODE: Final = {"annotation", "returns", "bases", "type_comment"}
SWAPS: Final[dict[type[ast.AST], type[ast.AST]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Break: ast.Continue,
    ast.Continue: ast.Break,
    ast.Delete: ast.Pass,
}


class Mutant(NamedTuple):
    """One change: at which statement of the module (its index) and in which line; `put` writes a node into the tree."""

    statement: int
    line: int
    put: Callable[[ast.AST], None]
    right: ast.AST
    wrong: ast.AST


def mutants(tree: ast.Module) -> list[Mutant]:
    """Every change of one operator, constant, condition, or call whose value nobody takes."""
    return [
        Mutant(at, line, put, node, wrong)
        for at, statement in enumerate(tree.body)
        if not isinstance(statement, ast.Import | ast.ImportFrom)
        for node, line, put, tested in places(statement, statement.lineno)
        for wrong in changes(node, tested=tested)
    ]


def places(parent: ast.AST, line: int) -> Iterator[tuple[ast.AST, int, Callable[[ast.AST], None], bool]]:
    """Each node below this one that is code: its line, what puts another in its place, whether it is a condition."""
    for name, field in ast.iter_fields(parent):
        if name in NOT_CODE or (isinstance(parent, ast.Expr) and isinstance(field, ast.Constant)):
            continue
        children = list(enumerate(field)) if isinstance(field, list) else [(None, field)]
        for at, node in children:
            if isinstance(node, ast.AST):
                put = partial(setattr, parent, name) if at is None else partial(field.__setitem__, at)
                below = getattr(node, "lineno", line)
                yield node, below, put, name == "test"
                yield from places(node, below)


def changes(node: ast.AST, *, tested: bool) -> Iterator[ast.AST]:
    """What could have been written instead."""
    if type(node) in SWAPS:
        yield SWAPS[type(node)]()
    match node:
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield ast.Constant(value + 1)
        case ast.Constant(value=str(value)):
            yield ast.Constant("XX" + value)
        case ast.Constant(value=bytes(value)):
            yield ast.Constant(b"XX" + value)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.AugAssign(target=target, value=right):
            yield ast.Assign([target], right)
        case ast.Expr(value=ast.Call()):
            yield ast.Pass()
        case ast.Name() | ast.Attribute() | ast.Call() | ast.Subscript() if tested:
            yield ast.UnaryOp(ast.Not(), node)


def graft(module: ModuleType, statements: list[ast.stmt]) -> None:
    """Run statements in a module that others have imported from: its functions and classes stay, and get other code."""
    before = dict(vars(module))
    tree = ast.fix_missing_locations(ast.Module(statements, []))
    exec(compile(tree, str(module.__file__), "exec"), vars(module))
    for name, right in before.items():
        wrong = vars(module)[name]
        if wrong is right:
            continue
        if isinstance(right, FunctionType | type):
            recode(right, wrong)
            setattr(module, name, right)
        elif not hasattr(right, "cache_clear"):
            for other in list(sys.modules.values()):
                if getattr(other, "__dict__", {}).get(name) is right:
                    setattr(other, name, wrong)


def recode(right: Any, wrong: Any) -> None:
    """Give a function, or each function of a class, the code of another."""
    if isinstance(right, FunctionType):
        right.__code__, right.__defaults__, right.__kwdefaults__ = (
            wrong.__code__,
            wrong.__defaults__,
            wrong.__kwdefaults__,
        )
    elif isinstance(right, property):
        recode(right.fget, wrong.fget)
    elif isinstance(right, staticmethod):
        recode(right.__func__, wrong.__func__)
    elif isinstance(right, type):
        for name in vars(right).keys() & vars(wrong).keys():
            recode(vars(right)[name], vars(wrong)[name])


def passes(items: list[pytest.Item]) -> bool:
    """Whether all of these tests pass; stops at the first that does not."""
    for item in items:
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        if item.session.testsfailed:
            return False
    return True


def forked(work: Callable[[], bool]) -> int:
    """Do this in a child that writes nothing, and leaves with 0 if it was true."""
    child = os.fork()
    if child:
        return child
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    good = False
    with suppress(BaseException):
        good = work()
    os._exit(0 if good else 1)


class Loop:
    """Takes the place of pytest's loop over the tests."""

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """All mutants of the files that were asked for."""
        for name in sys.argv[1:] or ("packet", "respond"):
            File(name).run(session.items)
        return True


class File:
    """One file of fedns/answers and its mutants."""

    def __init__(self, name: str) -> None:
        self.module = importlib.import_module(f"fedns.answers.{name}")
        self.path = str(self.module.__file__)
        self.tree = ast.parse(Path(self.path).read_bytes())
        self.survivors: list[Mutant] = []

    def run(self, items: list[pytest.Item]) -> None:
        """All mutants, as many at a time as there are processors."""
        reach = self.reach(items)
        found = mutants(self.tree)
        running: dict[int, Mutant] = {}
        for mutant in [*found, None]:
            while running and (mutant is None or len(running) >= (os.cpu_count() or 1)):
                child, status = os.wait()
                ended = running.pop(child)
                if not status:
                    self.survivors.append(ended)
                    sys.stdout.write(self.shown(ended))
                    sys.stdout.flush()
            if mutant is not None:
                chosen = [items[at] for at in reach.get(mutant.line) or reach[0]]
                running[forked(partial(self.survives, mutant, chosen))] = mutant
        noticed = len(found) - len(self.survivors)
        sys.stdout.write(f"{self.path}: {noticed} of {len(found)} noticed, {100 * noticed / len(found):.1f} %\n")

    def reach(self, items: list[pytest.Item]) -> dict[int, list[int]]:
        """Which tests run a line, the quickest first; those of line 0 run any line at all.

        A line that runs at import only, as that of a constant does, has no tests of its own.
        """
        with tempfile.NamedTemporaryFile("w+", encoding="utf-8") as told:
            _, status = os.waitpid(forked(partial(self.watch, items, told.name)), 0)
            if status:
                raise pytest.UsageError("the tests of tests/answers must pass before any mutant")
            reach, seconds = json.load(told)
        quick = {str(at) for at, each in enumerate(seconds) if each < SLOW_SECONDS}
        chosen = {int(line): [int(at) for at in tests if at in quick] for line, tests in reach.items()}
        return {line: sorted(tests, key=seconds.__getitem__) for line, tests in chosen.items()}

    def watch(self, items: list[pytest.Item], told: str) -> bool:
        """Run all tests, and write the tests of each line, and the seconds of each test."""
        coverage = Coverage(data_file=None, config_file=False, include=[self.path])
        seconds = []
        coverage.start()
        for at, item in enumerate(items):
            coverage.switch_context(str(at))
            began = process_time()
            if not passes([item]):
                return False
            seconds.append(process_time() - began)
        coverage.stop()
        lines = coverage.get_data().contexts_by_lineno(self.path)
        reach = {line: [at for at in tests if at] for line, tests in lines.items()}
        reach[0] = sorted({at for tests in reach.values() for at in tests})
        Path(told).write_text(json.dumps([reach, seconds]), encoding="utf-8")
        return True

    def survives(self, mutant: Mutant, items: list[pytest.Item]) -> bool:
        """Whether the tests pass though the code is wrong; what follows it in the file may have been made of it."""
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        mutant.put(mutant.wrong)
        changed, *following = self.tree.body[mutant.statement :]
        graft(self.module, [changed, *(each for each in following if not isinstance(each, ast.ClassDef))])
        return passes(items)

    def shown(self, mutant: Mutant) -> str:
        """A mutant as a difference."""
        right = ast.unparse(self.tree).splitlines()
        mutant.put(mutant.wrong)
        wrong = ast.unparse(ast.fix_missing_locations(self.tree)).splitlines()
        mutant.put(mutant.right)
        lines = list(difflib.unified_diff(right, wrong, n=0, lineterm=""))[3:]
        return "\n".join([f"{self.path}:{mutant.line} survives", *lines, ""])


def main() -> None:
    """For each file that is named; the exit code says whether the tests could run, not who survived."""
    hypothesis.settings.register_profile(
        "mutants", max_examples=EXAMPLES, derandomize=True, deadline=None, database=None
    )
    words = ["-q", "-s", "-p", "no:cacheprovider", "-p", "no:cov", "-o", "timeout=0", "--hypothesis-profile=mutants"]
    # Hypothesis is imported before pytest could rewrite its asserts; it has none that matter.
    words += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    sys.exit(pytest.main([*words, str(FOLDER)], plugins=[Loop()]))


if __name__ == "__main__":
    main()
