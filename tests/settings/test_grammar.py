"""The grammar: samples, JSON schema, variables and documented keys all say the same."""

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from fedns.settings import grammar
from fedns.settings.kinds import Kind, Leaf, Many, Named, Table
from fedns.settings.load import load
from tests.settings.conftest import GOOD, Reading

CONFIG = Path(__file__).parents[2] / "config"


def keys(kind: Kind, path: str = "") -> set[str]:
    """Paths of all keys, lists as `[]`."""
    if isinstance(kind, Table):
        return {path} | {each for key, below in kind.keys.items() for each in keys(below, f"{path}.{key}".lstrip("."))}
    return keys(kind.item, f"{path}[]") | {path} if isinstance(kind, Many) and isinstance(kind.item, Table) else {path}


def given(value: Any, path: str = "") -> set[str]:
    """Paths of all keys of a document, lists of tables as `[]`."""
    if isinstance(value, dict) and not path.endswith("weights"):
        return {path} | {each for key, below in value.items() for each in given(below, f"{path}.{key}".lstrip("."))}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {path} | {each for below in value for each in given(below, f"{path}[]")}
    return {path}


def test_the_full_sample_has_every_key() -> None:
    """full.yaml shows all there is."""
    assert given(yaml.safe_load((CONFIG / "full.yaml").read_text())) == keys(grammar.FILE)


def test_the_minimal_sample_is_short() -> None:
    """Defaults make a file of two clusters ten lines long."""
    text = (CONFIG / "minimal.yaml").read_text()
    assert len(text.splitlines()) <= 10
    assert len(load(CONFIG / "minimal.yaml", check_files=False).clusters) == 2


@pytest.mark.parametrize("name", ["minimal", "full"])
def test_the_schema_accepts_the_samples(name: str) -> None:
    """Editors that use the schema find nothing wrong with them."""
    jsonschema.Draft7Validator.check_schema(grammar.json_schema())
    jsonschema.Draft7Validator(grammar.json_schema()).validate(yaml.safe_load((CONFIG / f"{name}.yaml").read_text()))


@pytest.mark.parametrize(
    "text",
    [
        "typo: 1", "dns: {workers: many}", "dns: {lameduck: 5}", "dns: {listen: []}", "dns: {tls: {}}",
        "migrations: [{service: a/b}]",
        "metrics: {}", "metrics: {listen: 53}", "freshness: slow", "freshness: {staleAfter: 5}",
        "policies: [{minReady: half}]", "policies: [{weights: {eu1: -1}}]", "logging: {level: loud}",
        "zones: {federation: {name: example.com}}", "clients: [{cluster: eu1}]", "zones: {clusterset: {ttl: '5'}}",
    ],
)  # fmt: skip
def test_the_schema_and_the_reader_refuse_the_same(text: str, reading: Reading) -> None:
    """What one refuses for its shape, the other refuses too."""
    assert reading.added(f"{text}\n")
    assert not jsonschema.Draft7Validator(grammar.json_schema()).is_valid(yaml.safe_load(f"{GOOD}{text}\n"))


def test_every_key_says_what_it_is_for() -> None:
    """No key is without its description."""
    silent = []

    def walk(kind: Kind, path: str) -> None:
        if not kind.doc:
            silent.append(path)
        for key, below in kind.keys.items() if isinstance(kind, Table) else ():
            walk(below, f"{path}.{key}")
        if isinstance(kind, Many | Named):
            walk(kind.item, f"{path}[]")

    walk(grammar.FILE, "")
    assert silent == []


def test_variables_are_unique_and_plain() -> None:
    """Every variable sets one key, and can be written in any shell."""
    names = [variable for variable, _ in grammar.variables()]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"FEDNS(_[A-Z][A-Z0-9]*)+", name) for name in names)
    assert dict(grammar.variables())["FEDNS_FRESHNESS"] == "freshness"


@pytest.mark.parametrize(
    ("path", "kind"), [("dns.workers", Leaf), ("dns.listen", Many), ("dns", Table), ("dns.listen.x", None), ("x", None)]
)
def test_keys_are_found_by_path(path: str, kind: type | None) -> None:
    """A dotted path leads to what the key holds."""
    assert isinstance(grammar.kind_at(path), kind or type(None))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("policies: [{minReady: 101%}]", "from 1% to 100%"),
        ("policies: [{minReady: 0}]", "out of bounds"),
        ("dns: {workers: 513}", "out of bounds"),
        (f"dns: {{nsid: {'a' * 129}}}", "128 bytes"),
    ],
)
def test_bounds_of_words_and_numbers(text: str, words: str, reading: Reading) -> None:
    """Numbers that may also be words have bounds too."""
    (problem,) = reading.added(f"{text}\n")
    assert words in problem.sentence


@pytest.mark.parametrize(("written", "workers"), [("auto", None), ("0", 0), ("512", 512)])
def test_workers_are_counted_or_left_to_the_machine(written: str, workers: int | None) -> None:
    """0 is a number like others: the control process answers itself."""
    kind = grammar.kind_at("dns.workers")
    assert isinstance(kind, Leaf)
    assert kind.check(written) == workers


@pytest.mark.parametrize("word", ["fromServices", "zone"])
def test_a_ladder_is_a_list_or_one_word(word: str, reading: Reading) -> None:
    """Another word gets a sentence with both."""
    (problem,) = reading.added(f"policies: [{{ladder: {word}}}]\n")
    assert problem.path == "policies[0].ladder"
    assert "must be a list: write [...], or the word fromService" in problem.sentence
