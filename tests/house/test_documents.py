"""Documents say what is so: commands exist, links lead somewhere, options and metrics are all there and no others."""

import ast
import re
import shlex
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from fedns.cli.main import fedns as commands
from fedns.settings.grammar import json_schema
from tests.house import tree

DEV_WORDS = set(re.findall(r"^(\w+)\)", (tree.ROOT / "dev").read_text(encoding="utf-8"), re.MULTILINE)) | {"check"}


def shell_commands() -> list[tuple[str, str]]:
    """(document, command line) for all lines of shell blocks that start `./dev` or fedns."""
    return [
        (document.name, line)
        for document in tree.DOCUMENTS
        for block in tree.blocks(document, "sh")
        for line in block.splitlines()
        if line.startswith(("./dev ", "fedns "))
    ]


@pytest.mark.parametrize(("document", "line"), shell_commands())
def test_commands_exist(document: str, line: str) -> None:
    """Each command line in a document is one that `dev` or fedns has, with options that it has."""
    program, *words = shlex.split(line, comments=True)
    if program == "./dev" and words[0] in DEV_WORDS:
        return
    command: click.Command = commands
    context = click.Context(command)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        below = command.get_command(context, words[0])
        if below is None and command.invoke_without_command:
            break
        assert below is not None, f"{document}: {line}: no command {words[0]}"
        command, words = below, words[1:]
    options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert {word for word in words if word.startswith("-")} <= options, f"{document}: {line}"


def test_readme_tells_the_two_commands() -> None:
    """A new user finds the two commands in the README."""
    told = [line.partition("#")[0].strip() for _, line in shell_commands()]
    assert {"./dev lab", "./dev test"} <= set(told)


@pytest.mark.parametrize("document", tree.DOCUMENTS, ids=lambda path: path.relative_to(tree.ROOT).as_posix())
def test_links_lead_somewhere(document: Path) -> None:
    """A relative link names a file that is there."""
    links = re.findall(r"\]\(([^)#\s]+)\)", document.read_text(encoding="utf-8"))
    dead = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert not dead


@pytest.mark.parametrize("document", tree.DOCUMENTS, ids=lambda path: path.relative_to(tree.ROOT).as_posix())
def test_named_modules_exist(document: Path) -> None:
    """A module that a document names is there: paths in backticks that end in .py, with or without fedns/."""
    paths = re.findall(r"`((?:[\w.]+/)*[\w.]+\.py)(?:: \w+)?`", document.read_text(encoding="utf-8"))
    placeholders = {"fedns/a/b.py", "tests/a/test_b.py"}
    gone = [
        p for p in paths if p not in placeholders and not any((top / p).exists() for top in (tree.ROOT, tree.SOURCES))
    ]
    assert not gone


def documented_options() -> set[str]:
    """The options in the tables of docs/configuration.md that have a column of defaults."""
    text = (tree.ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    tables = re.findall(r"^\| option \| default .*\n((?:\|.*\n)+)", text, re.MULTILINE)
    return {name for table in tables for name in re.findall(r"^\| `([\w.\[\]]+)` \|", table, re.MULTILINE)}


def options(schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """The paths of all leaves of a JSON schema, as docs/configuration.md writes them."""
    for part in schema.get("anyOf", []):
        if part.get("type") == "object":
            yield from options(part, path)
            return
    if "properties" in schema:
        for key, value in schema["properties"].items():
            yield from options(value, f"{path}.{key}" if path else key)
    elif schema.get("type") == "array" and "properties" in schema["items"]:
        yield from options(schema["items"], f"{path}[]")
    else:
        yield path


def test_options_are_documented() -> None:
    """docs/configuration.md has exactly the options that the schema has."""
    assert documented_options() == set(options(json_schema())) - {"apiVersion", "kind"}


def test_configuration_blocks_are_yaml() -> None:
    """Every YAML block in a document can be read."""
    found = [block for document in tree.DOCUMENTS for block in tree.blocks(document, "yaml")]
    assert found
    assert all(yaml.safe_load(block) for block in found)


def metrics_in_code() -> set[str]:
    """The metric names that the collector makes: first arguments of its makers and of metric families."""
    names = set()
    for call in chain(*(ast.walk(tree.modules()[f"control/{name}.py"]) for name in ("metrics", "traffic"))):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.args):
            continue
        first = call.args[0]
        if isinstance(first, ast.Constant) and re.search(r"gauge|counter|histogram", call.func.id, re.IGNORECASE):
            name = f"fedns_{str(first.value).removeprefix('fedns_')}"
            counts = "counter" in call.func.id.lower() and not name.endswith("_total")
            names.add(f"{name}_total" if counts else name)
    return names


def test_metrics_are_documented() -> None:
    """docs/metrics.md has exactly the metrics that the collector has."""
    text = (tree.ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(fedns_\w+)` \|", text, re.MULTILINE)) == metrics_in_code()


def test_alerts_use_metrics_that_exist() -> None:
    """No alert, manifest or dashboard asks for a metric that is not there."""
    files = [p for p in [*tree.DOCUMENTS, *(tree.ROOT / "deploy").rglob("*")] if p.is_file()]
    suffix = re.compile(r"_(bucket|sum|count)$")
    used = {name for p in files for name in re.findall(r"\bfedns_[a-z_]+[a-z]", p.read_text(encoding="utf-8"))}
    assert {suffix.sub("", name) for name in used} <= metrics_in_code()
