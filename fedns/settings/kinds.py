"""The kinds of thing a configuration key can hold: each one reads a node, and prints its part of the JSON schema.

A kind returns the value, or `BAD` after it has reported why not: so one run finds every problem of a file.
"""

import re
from collections.abc import Callable
from typing import Any, Final, Protocol

from msgspec import Struct

from fedns.settings.nodes import Listing, Mapping, Node, Report, Scalar, ScalarKind, join, meant

BAD: Final = object()
"""Stands for a value that could not be read; never leaves a list or a table."""
NOT_YET: Final = "not supported yet in this version"


class Kind(Protocol):
    """What a key can hold."""

    @property
    def doc(self) -> str:
        """What it is for."""

    def read(self, node: Node, path: str, report: Report) -> Any:
        """The value of a node, or BAD."""

    def schema(self) -> dict[str, Any]:
        """JSON schema, draft-07."""


class Leaf(Struct, frozen=True, kw_only=True):
    """A single value. `check` turns its text into the value or raises ValueError with a sentence.

    `accepts` are the kinds of YAML scalar that it may be written as; `words` may stand bare, whatever YAML makes of
    them.
    """

    doc: str
    check: Callable[[str], Any]
    json: dict[str, Any]
    expected: str = "a text"
    accepts: tuple[ScalarKind, ...] = ("text",)
    words: tuple[str, ...] = ()

    def read(self, node: Node, path: str, report: Report) -> Any:
        """The checked value, or BAD."""
        if not isinstance(node, Scalar):
            report.add(path, f"is a {_shape(node)}, but must be {self.expected}")
        elif sentence := self._misread(node):
            report.add(path, sentence)
        else:
            try:
                return self.check(node.text)
            except ValueError as error:
                report.add(path, str(error))
        return BAD

    def _misread(self, node: Scalar) -> str:
        """What is wrong with the way the value is written; empty if nothing is."""
        if node.free or node.kind in self.accepts or node.text in self.words:
            return ""
        if node.kind == "null":
            return f"has no value: give it {self.expected}, or remove the key"
        if "text" not in self.accepts:
            quoted = (
                " (remove the quotes)" if node.kind == "text" and re.fullmatch(r"[\d.]+|true|false", node.text) else ""
            )
            return f"must be {self.expected}, not {node.text!r}{quoted}"
        taken = {"bool": "yes or no", "int": "a number", "float": "a number", "date": "a date"}[node.kind]
        return f'YAML takes the bare word {node.text} for {taken}: put it in quotes, "{node.text}"'

    def schema(self) -> dict[str, Any]:
        """The given fragment, with the words that may stand instead."""
        if not self.words:
            return {"description": self.doc, **self.json}
        # `off` without quotes is false to a YAML 1.1 reader.
        instead: list[dict[str, Any]] = [{"enum": [*self.words, *([False] if "off" in self.words else [])]}]
        return {"description": self.doc, "anyOf": [*instead, self.json]}


class Many(Struct, frozen=True, kw_only=True):
    """A list; read as a tuple. `words` may stand instead of it and are read as themselves."""

    doc: str
    item: Kind
    empty: bool = True
    words: tuple[str, ...] = ()

    def read(self, node: Node, path: str, report: Report) -> Any:
        """The values that could be read, or BAD when it is no list."""
        if isinstance(node, Scalar) and node.text in self.words:
            return node.text
        if isinstance(node, Scalar) and node.free:
            parts = [part.strip() for part in node.text.split(",") if part.strip()]
            node = Listing([node._replace(text=part) for part in parts], node.line)
        if not isinstance(node, Listing):
            or_word = "".join(f", or the word {word}" for word in self.words)
            report.add(path, f"is a {_shape(node)}, but must be a list: write [...]{or_word}")
            return BAD
        if not node.items and not self.empty:
            report.add(path, "is an empty list: give at least one item, or remove the key")
        read = []
        for at, item in enumerate(node.items):
            report.saw(below := f"{path}[{at}]", item.line)
            read.append(self.item.read(item, below, report))
        if isinstance(self.item, Table):
            # A place is kept for what is no table, so that the places of the others are those in the file.
            return tuple({} if value is BAD else value for value in read)
        return tuple(value for value in read if value is not BAD)

    def schema(self) -> dict[str, Any]:
        """An array."""
        least = {} if self.empty else {"minItems": 1}
        array = {"type": "array", "items": self.item.schema(), **least}
        if self.words:
            return {"description": self.doc, "anyOf": [{"enum": [*self.words]}, array]}
        return {"description": self.doc, **array}


class Table(Struct, frozen=True, kw_only=True):
    """Known keys; read as a dictionary of those that are there, by their names in Python.

    `later` are keys of the design that this version does not honour: accepting them silently would be a lie.
    `words` may stand instead of the whole table and are read as themselves.
    """

    doc: str
    keys: dict[str, Kind]
    required: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    json: dict[str, Any] = {}

    def read(self, node: Node, path: str, report: Report) -> Any:
        """The keys that could be read, or BAD when it is no table."""
        if isinstance(node, Scalar) and node.text in self.words:
            return node.text
        if not isinstance(node, Mapping):
            or_word = "".join(f", or the word {word}" for word in self.words)
            report.add(path, f"is a {_shape(node)}, but must hold keys ({', '.join(self.keys)}){or_word}")
            return BAD
        values = {}
        for key, (name, value) in node.entries.items():
            report.saw(below := join(path, key), name.line)
            if (kind := self.keys.get(key)) is not None:
                if (read := kind.read(value, below, report)) is not BAD:
                    values[snake(key)] = read
            elif key in self.later:
                report.add(below, f"{key} is {NOT_YET}: remove it")
            else:
                report.add(below, f"is not a known key{meant(key, list(self.keys))}")
        for key in self.required:
            if key not in node.entries:
                report.add(join(path, key), f"is missing: {self.keys[key].doc}")
        return values

    def schema(self) -> dict[str, Any]:
        """An object without further keys."""
        table: dict[str, Any] = {
            "type": "object",
            "properties": {key: kind.schema() for key, kind in self.keys.items()},
            "additionalProperties": False,
            **({"required": list(self.required)} if self.required else {}),
            **self.json,
        }
        if self.words:
            table = {"anyOf": [{"enum": list(self.words)}, table]}
        return {"description": self.doc, **table}


class Named(Struct, frozen=True, kw_only=True):
    """Any names with values of one kind; read as a dictionary."""

    doc: str
    item: Kind

    def read(self, node: Node, path: str, report: Report) -> Any:
        """The entries that could be read, or BAD."""
        if not isinstance(node, Mapping):
            report.add(path, f"is a {_shape(node)}, but must hold names with values: write {{name: value}}")
            return BAD
        read = {}
        for key, (name, value) in node.entries.items():
            report.saw(below := join(path, key), name.line)
            read[key] = self.item.read(value, below, report)
        return {key: value for key, value in read.items() if value is not BAD}

    def schema(self) -> dict[str, Any]:
        """An object with any keys."""
        return {"description": self.doc, "type": "object", "additionalProperties": self.item.schema()}


def snake(key: str) -> str:
    """A key of the file as a name in Python: clusterIPsRoutable is cluster_ips_routable."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower()


def _shape(node: Node) -> str:
    """What a node is, in words."""
    if isinstance(node, Listing):
        return "list"
    if isinstance(node, Mapping):
        return "table of keys"
    return "key without a value" if node.kind == "null" else "single value"
