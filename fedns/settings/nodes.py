"""A configuration file as a tree of plain nodes that know their line, and the list of what is wrong with it.

Whoever reads the tree needs neither YAML nor the file; what flags and the environment say are nodes of line 0.
"""

from difflib import get_close_matches
from typing import Any, Literal, NamedTuple

ScalarKind = Literal["text", "bool", "int", "float", "null", "date"]
"""What YAML 1.1 takes a plain scalar for; quoted ones are text."""


class Problem(NamedTuple):
    """One thing that is wrong: the path of its key, the line (0: not in the file), and a sentence with the cure."""

    path: str
    line: int
    sentence: str


class Scalar(NamedTuple):
    """One value as it was written; `free` for one from a flag or the environment, where types are not told apart."""

    text: str
    kind: ScalarKind
    line: int
    free: bool = False


class Listing(NamedTuple):
    """A list."""

    items: "list[Node]"
    line: int


class Mapping(NamedTuple):
    """Keys with their values, in order, each key once."""

    entries: "dict[str, tuple[Scalar, Node]]"
    line: int


Node = Scalar | Listing | Mapping


class Report:
    """Collects problems, and the line of every path that was read."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._lines: dict[str, int] = {}

    def saw(self, path: str, line: int) -> None:
        """Remember where a path stands."""
        self._lines[path] = line

    def seen(self, path: str) -> bool:
        """Whether the key is there, readable or not."""
        return path in self._lines

    def line(self, path: str) -> int:
        """The line of a path, or of the nearest one above it that is in the file."""
        while path and path not in self._lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self._lines.get(path, 0)

    def add(self, path: str, sentence: str, line: int | None = None) -> None:
        """Note one problem."""
        self.problems.append(Problem(path, self.line(path) if line is None else line, sentence))


def join(path: str, key: str) -> str:
    """The path of a key below a path."""
    return f"{path}.{key}" if path else key


def meant(word: str, known: "list[str]") -> str:
    """A question with the nearest of the known words, or those there are; begins with a semicolon or is empty."""
    by_lower = {each.lower(): each for each in known}
    if near := get_close_matches(word.lower(), list(by_lower), n=1, cutoff=0.6):
        return f"; did you mean {by_lower[near[0]]}?"
    return f"; there is {', '.join(known)}" if known else ""


def free(value: Any) -> Node:
    """A value from a flag or the environment as a node."""
    if isinstance(value, dict):
        return Mapping({str(k): (Scalar(str(k), "text", 0), free(v)) for k, v in value.items()}, 0)
    if isinstance(value, list | tuple):
        return Listing([free(item) for item in value], 0)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return Scalar(text, "text", 0, free=True)
