"""Loading: every problem at once, each with key, line and a cure; flags over environment over file."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from fedns.settings.load import ConfigError, load, member, parse
from fedns.settings.schema import FAST, Address, Kubeconfig, Settings
from tests.settings.conftest import GOOD, Reading


def read(text: str, overrides: dict[str, Any] | None = None, environ: dict[str, str] | None = None) -> Settings:
    """The settings of a text, without its kubeconfig files."""
    return parse(text, Path("/etc"), overrides or {}, environ or {}, check_files=False)


BROKEN_FILES = {
    "empty": ("", "(file)", 1, "is empty"),
    "comment only": ("# nothing\n", "(file)", 1, "is empty"),
    "a list": ("- a\n", "(file)", 1, "must hold keys"),
    "a word": ("fedns\n", "(file)", 1, "must hold keys"),
    "tab": ("dns:\n\tworkers: 1\n", "(file)", 2, "never tabs"),
    "open bracket": ("dns: {listen: [\n", "(file)", 2, "is not YAML"),
    "bare IPv6": ("dns:\n  listen: [[::]:53]\n", "(file)", 2, "quotes"),
    "colon in a text": ("a: b: c\n", "(file)", 1, "mapping values are not allowed"),
    "two documents": (f"{GOOD}---\n{GOOD}", "(file)", 6, "second `---`"),
    "unknown anchor": ("a: *b\n", "(file)", 1, "write it out"),
    "recursion": ("a: &a [*a]\n", "(file)", 1, "write it out"),
    "deep": ("a: " + "[" * 200_000, "(file)", 1, "nested too deep"),
    "bomb": (
        "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
        + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(8)),
        "(file)",
        2,
        "write it out",
    ),
    "duplicate key": (f"{GOOD}dns: {{}}\ndns: {{}}\n", "dns", 7, "twice (first in line 6)"),
    "duplicate inner key": (f"{GOOD}dns: {{workers: 1, workers: 2}}\n", "dns.workers", 6, "twice"),
    "merge key": (f"{GOOD}dns: {{<<: {{workers: 1}}}}\n", "dns.<<", 6, "merging"),
    "list as key": (f"{GOOD}dns: {{[a]: 1}}\n", "dns", 6, "a key must be a word"),
}


@pytest.mark.parametrize(("text", "path", "line", "words"), BROKEN_FILES.values(), ids=BROKEN_FILES)
def test_a_broken_file_is_a_sentence(text: str, path: str, line: int, words: str, reading: Reading) -> None:
    """What is no YAML, or not one plain table, is told with its line."""
    (problem,) = reading.problems(text)
    assert words in problem.sentence
    assert problem.line == line
    assert problem.path == path or not path


def test_every_problem_is_told_at_once_in_the_order_of_the_file(reading: Reading) -> None:
    """One wrong key hides no other."""
    problems = reading.added("dns: {workers: many, lameduck: 5}\nlocal: {cluster: eu2}\ntypo: 1\nviews: []\n")
    assert [(each.line, each.path) for each in problems] == [
        (6, "dns.workers"), (6, "dns.lameduck"), (7, "local.cluster"), (8, "typo"), (9, "views"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"\xff\xfe", "UTF-8"), (b"a" * (8 * 1024 * 1024 + 1), "larger"), (None, "No such file")],
    ids=["not text", "too large", "missing"],
)
def test_an_unreadable_file_is_a_problem(content: bytes | None, words: str, tmp_path: Path) -> None:
    """A file that cannot be read is reported like anything else that is wrong."""
    path = tmp_path / "fedns.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        load(path)


def test_the_environment_wins_over_the_file_and_flags_over_both() -> None:
    """Flags, then environment, then file."""
    text, environ = f"{GOOD}dns: {{workers: 1, lameduck: 1s}}\n", {"FEDNS_DNS_WORKERS": "2", "FEDNS_DNS_LAMEDUCK": "2s"}
    settings = read(text, {"dns.workers": 3}, environ)
    assert (settings.dns.workers, settings.dns.lameduck) == (3, 2.0)


@pytest.mark.parametrize("value", ["127.0.0.1:53, [::1]:54", ["127.0.0.1:53", "[::1]:54"]], ids=["text", "list"])
def test_a_list_can_be_one_text(value: Any) -> None:
    """Outside the file, commas part the items of a list."""
    assert read(GOOD, {"dns.listen": value}).dns.listen == (Address("127.0.0.1", 53), Address("::1", 54))


def test_a_variable_names_its_key_in_capitals() -> None:
    """Words of a key are parted by underscores."""
    settings = read(GOOD, environ={"FEDNS_ZONES_CLUSTERSET_NEGATIVE_TTL": "9", "FEDNS_LOCAL_WHEN_STALE": "demote"})
    assert (settings.zones[0].negative_ttl, settings.local.when_stale) == (9, "demote")


def test_one_key_from_outside_replaces_a_word() -> None:
    """A key below `freshness: fast` counts, as it is said later."""
    assert read(f"{GOOD}freshness: fast\n").freshness == FAST
    assert (
        read(f"{GOOD}freshness: fast\n", environ={"FEDNS_FRESHNESS_WATCH_PERIOD": "20s"}).freshness.watch_period == 20
    )


def test_variables_of_others_are_left_alone() -> None:
    """Kubernetes sets FEDNS_PORT and the like for a Service called fedns."""
    others = {"FEDNS_PORT": "tcp://10.0.0.1:53", "FEDNS_CHILD": "{}", "FEDNS_DNS_TYPO": "1"}
    assert read(GOOD, environ=others) == read(GOOD)


@pytest.mark.parametrize(
    ("overrides", "environ", "path", "words"),
    [
        ({"dns.wrokers": 1}, {}, "dns.wrokers", "did you mean dns.workers?"),
        ({"dns.workers": "lots"}, {}, "dns.workers", "whole number"),
        ({}, {"FEDNS_DNS_LAMEDUCK": "soon"}, "dns.lameduck", "not a duration"),
    ],
    ids=["unknown", "bad flag", "bad variable"],
)
def test_what_comes_from_outside_is_checked(
    overrides: dict[str, Any], environ: dict[str, str], path: str, words: str
) -> None:
    """A wrong flag or variable is a problem of line 0."""
    with pytest.raises(ConfigError) as caught:
        read(GOOD, overrides, environ)
    (problem,) = caught.value.problems
    assert (problem.path, problem.line) == (path, 0)
    assert words in problem.sentence


KUBECONFIG = '{"current-context": "a", "contexts": [{"name": "a"}, {"name": "b"}]}'
PROGRAM = """{"current-context": "a", "contexts": [{"name": "a", "context": {"user": "u"}}],
  "users": [{"name": "u", "user": {"exec": {}}}]}"""
KUBECONFIGS = {
    "good": (KUBECONFIG, "", ""),
    "other context": (KUBECONFIG, ", context: b", ""),
    "no such context": (KUBECONFIG, ", context: c", "has no context c; it has a, b"),
    "missing": (None, "", "kubeconfig missing: there is no file"),
    "no YAML": ("{", "", "it is not plain YAML"),
    "something else": ("[]", "", "is not a kubeconfig"),
    "no current context": ('{"contexts": [{"name": "a"}]}', "", "has no current context: add context, one of a"),
    "too deep": ("[" * 200_000, "", "it is not plain YAML"),
    "no such date": ("a: 2026-13-45", "", "it is not plain YAML"),
    "anchors": ("contexts: &a [{name: a}]\nusers: *a\ncurrent-context: a\n", "", "it is not plain YAML"),
    "program": (PROGRAM, "", "add allowExec: true"),
    "allowed program": (PROGRAM, ", allowExec: true", ""),
    "dangling current context": ('{"current-context": "z", "contexts": [{"name": "a"}]}', "", "has no context z"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "more", "words"), KUBECONFIGS.values(), ids=KUBECONFIGS)
def test_kubeconfigs_are_looked_at(content: str | None, more: str, words: str, tmp_path: Path) -> None:
    """A kubeconfig is there, relative to the configuration, and has the context; the sentence says which it has."""
    (tmp_path / "fedns.yaml").write_text(GOOD.replace("us1.yaml", f"us1.yaml{more}"))
    if content is not None:
        (tmp_path / "us1.yaml").write_text(content)
    if not words:
        member = load(tmp_path / "fedns.yaml").clusters[1]
        assert member.kubeconfig
        assert member.kubeconfig.path == str(tmp_path / "us1.yaml")
        return
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "fedns.yaml")
    (problem,) = caught.value.problems
    assert words in problem.sentence
    assert problem.line == 5


def test_a_member_can_be_described_for_itself() -> None:
    """By the keys of an entry of the file; problems of its credentials stand at no line and quote nothing."""
    content = (
        '{"current-context": "a", "contexts": [{"name": "a", "context": {"user": "u", "cluster": "c"}}],'
        ' "users": [{"name": "u"}], "clusters": [{"name": "c", "cluster": {"server": "s"}}]}'
    )
    credentials = Kubeconfig(path="secret x/y", content=content)
    read = member("weight: 1\nsource: imports\nsources: [{name: b}]\n", {"name": "a", "weight": "2"}, credentials)
    assert (read.name, read.cluster.weight, [source.via for source in read.sources]) == ("a", 1, ["a"])
    assert read.kubeconfig == credentials
    assert member("name: c", {"name": "a"}, credentials).name == "c"
    broken = structs.replace(credentials, content="{")
    with pytest.raises(ConfigError) as caught:
        member("exports: [All, All]\nsources: []\ninCluster: true\n", {"name": "a"}, broken)
    assert [(each.path, each.line) for each in caught.value.problems] == [
        ("kubeconfig", 0), ("exports", 1), ("sources", 2), ("inCluster", 3),
    ]  # fmt: skip


def test_a_snapshot_can_be_switched_off() -> None:
    """By the word, in the file or by a variable; it has no file by default."""
    assert read(GOOD).snapshot is None
    assert read(f"{GOOD}snapshot: 'off'\n").snapshot is None
    assert read(f"{GOOD}snapshot: {{path: /a}}\n", environ={"FEDNS_SNAPSHOT": "off"}).snapshot is None
    kept = read(GOOD, environ={"FEDNS_SNAPSHOT_PATH": "/b"}).snapshot
    assert kept is not None
    assert kept.path == "/b"
