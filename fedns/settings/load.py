"""Reads the configuration: flags over environment over file, and every problem of it at once.

YAML is composed to nodes, not constructed: a node knows its line and how it was written, and duplicate keys and words
like `no` are still there to be seen. This is the only module that knows YAML.
"""

from collections.abc import Iterator
from collections.abc import Mapping as Mapping_
from pathlib import Path
from typing import Any, Final

import yaml

from fedns.settings import build, checks, extras, files, grammar, kubeconfigs, membership
from fedns.settings.kinds import BAD
from fedns.settings.nodes import Listing, Mapping, Node, Problem, Report, Scalar, ScalarKind, free, join, meant
from fedns.settings.schema import Kubeconfig, Member, Settings

__all__ = ["ConfigError", "Problem", "load", "member", "parse"]

MAX_BYTES: Final = 8 * 1024 * 1024
MAX_NODES: Final = 500_000
"""This many nodes are read, no more."""
MAX_DEPTH: Final = 50
_BROKEN: Final = (yaml.YAMLError, ValueError, RecursionError)
"""What constructing the values of a strange YAML text can raise: dates and numbers that are none, among others."""
_ELSEWHERE: Final = {
    "kubeconfig": "credentials stand beside it (of a Secret: in data.kubeconfig): remove it",
    "inCluster": "is for the cluster that fedns runs in, which the configuration file names: remove it",
}
"""Keys of a member that the one described for itself must not have."""
_KINDS: Final[dict[str, ScalarKind]] = {
    "tag:yaml.org,2002:bool": "bool",
    "tag:yaml.org,2002:int": "int",
    "tag:yaml.org,2002:float": "float",
    "tag:yaml.org,2002:null": "null",
    "tag:yaml.org,2002:timestamp": "date",
}


class ConfigError(Exception):
    """A configuration that cannot be used; `problems` are all of them, in the order of the file."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"line {each.line}: {each.path}: {each.sentence}" for each in problems))
        self.problems = problems


def load(
    path: Path,
    overrides: Mapping_[str, Any] | None = None,
    environ: Mapping_[str, str] | None = None,
    *,
    check_files: bool = True,
) -> Settings:
    """The settings of a file; `overrides` are values by dotted path (`dns.workers`). Raises ConfigError.

    Without `check_files`, the kubeconfig files need not be there.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ConfigError([Problem("(file)", 1, f"is larger than {MAX_BYTES} bytes")])
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError([Problem("(file)", 1, f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError([Problem("(file)", line, "is not UTF-8 text: save it as UTF-8")]) from error
    return parse(text, path.absolute().parent, overrides or {}, environ or {}, check_files=check_files)


def parse(
    text: str,
    directory: Path,
    overrides: Mapping_[str, Any],
    environ: Mapping_[str, str],
    *,
    check_files: bool,
) -> Settings:
    """The settings of a text; relative paths start at `directory`."""
    report = Report()
    tree = _compose(text, report, f"kind: {grammar.KIND}")
    if tree is None:
        raise ConfigError([Problem("(file)", 1, f"is empty: start with `apiVersion: {grammar.API_VERSION}`")])
    # Kubernetes puts variables like FEDNS_PORT into pods when a Service is called fedns: unknown ones are not ours.
    for variable, path in grammar.variables():
        if variable in environ:
            _put(tree, path, environ[variable], f"environment variable {variable}", report)
    for path, value in overrides.items():
        _put(tree, path, value, "flag", report)
    values = grammar.FILE.read(tree, "", report)
    if values is not BAD:
        checks.check(values, report)
        read: dict[str, Any] = {}
        for table in _files(values):
            table["path"] = str(directory / table["path"])
        for at, kubeconfig in _kubeconfigs(values):
            if check_files:
                _check_kubeconfig(at, kubeconfig, read, report)
        _files_of_dns(values.get("dns", {}), directory, report, check_files=check_files)
    if report.problems:
        raise ConfigError(sorted(report.problems, key=lambda problem: problem.line))
    return build.settings(values)


def member(text: str, defaults: Mapping_[str, str], credentials: Kubeconfig) -> Member:
    """One member from the text of its keys, and credentials whose content is at hand. Raises ConfigError.

    `defaults` are values of keys that the text does not have, the name among them. Problems of the credentials have the
    path `kubeconfig` and quote nothing of them.
    """
    report = Report()
    tree = _compose(text, report, "region: ...") or Mapping({}, 0)
    for key, reason in _ELSEWHERE.items():
        if key in tree.entries:
            report.add(key, reason, tree.entries.pop(key)[0].line)
    for key, value in defaults.items():
        tree.entries.setdefault(key, (Scalar(key, "text", 0), free(value)))
    values = membership.CLUSTER.read(tree, "", report)
    checks.member(values, report)
    try:
        sentences = () if credentials.own else tuple(kubeconfigs.check_alone(_content(credentials.content)))
    except _BROKEN:
        sentences = ("is not plain YAML",)  # no more: what a parser says may quote a token
    for sentence in sentences:
        report.add("kubeconfig", sentence, 0)
    if report.problems:
        raise ConfigError(sorted(report.problems, key=lambda problem: problem.line))
    return build.member(values, credentials)


def _compose(text: str, report: Report, first: str) -> Mapping | None:
    """The whole text as one table, None for one without content; `first` is a line that one can begin with.

    Raises ConfigError where it is no YAML or no table.
    """
    try:
        _bound(text)
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise ConfigError([_syntax(error)]) from error
    if root is None:
        return None
    tree = _Tree(report).convert(root, "")
    if not isinstance(tree, Mapping):
        raise ConfigError([Problem("(file)", tree.line, f"must hold keys: start with `{first}`")])
    return tree


def _syntax(error: yaml.YAMLError) -> Problem:
    """A syntax error as a problem, with the usual cures."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    cure = ""
    if "cannot start any token" in what:
        cure = "; indent with spaces, never tabs, and quote texts that start with a sign"
    elif "mapping values are not allowed" in what:
        cure = "; look for a wrong indentation, or put a text with a colon in quotes"
    elif "expected a single document" in what or "another document" in what:
        cure = "; keep one document, without a second `---`"
    elif "expected ',' or" in what or "did not find expected" in what:
        cure = "; look for a missing bracket or quote, and put addresses like [::]:53 in quotes"
    return Problem("(file)", mark.line + 1 if mark else 1, f"is not YAML: {what}{cure}")


class _Tree:
    """Turns YAML's nodes into ours."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._left = MAX_NODES

    def convert(self, node: yaml.Node, path: str) -> Node:
        """A node and all below it; raises ConfigError for too many."""
        line = node.start_mark.line + 1
        self._left -= 1
        if self._left < 0:
            raise ConfigError([Problem(path or "(file)", line, f"has more than {MAX_NODES} values: it is too large")])
        if isinstance(node, yaml.ScalarNode):
            kind = _KINDS.get(node.tag, "text") if not node.style else "text"
            return Scalar(node.value, kind, line)
        if isinstance(node, yaml.SequenceNode):
            return Listing([self.convert(each, f"{path}[{at}]") for at, each in enumerate(node.value)], line)
        assert isinstance(node, yaml.MappingNode)
        return Mapping(dict(self._entries(node, path)), line)

    def _entries(self, node: yaml.MappingNode, path: str) -> Iterator[tuple[str, tuple[Scalar, Node]]]:
        """The keys of a table, each once."""
        first: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self._report.add(path or "(file)", "a key must be a word, not a list or a table", line)
                continue
            below = join(path, key.value)
            if key.tag == "tag:yaml.org,2002:merge":
                self._report.add(below, "merging with << is not supported: write the keys out", line)
                continue
            if key.value in first:
                self._report.add(below, f"is given twice (first in line {first[key.value]}): keep one", line)
                continue
            first[key.value] = line
            yield key.value, (Scalar(key.value, "text", line), self.convert(value, below))


def _put(tree: Mapping, path: str, value: Any, origin: str, report: Report) -> None:
    """Set the key at a dotted path; the nodes it makes have line 0."""
    if grammar.kind_at(path) is None:
        known = [each for each in grammar.paths(grammar.FILE) if each.count(".") == path.count(".")]
        report.add(path, f"({origin}) is not a key that can be set so{meant(path, known)}", 0)
        return
    *tables, last = path.split(".")
    for key in tables:
        name, table = tree.entries.setdefault(key, (Scalar(key, "text", 0), Mapping({}, 0)))
        if not isinstance(table, Mapping):
            # A word like `fast`, or something that is wrong anyway: what comes later counts.
            table = Mapping({}, 0)
            tree.entries[key] = (name, table)
        tree = table
    tree.entries[last] = (Scalar(last, "text", 0), free(value))


def _files(values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The tables that name a file."""
    kept = (values.get("snapshot"), values.get("state"))
    yield from (table for table in kept if isinstance(table, dict) and "path" in table)
    yield from (table for _, table in _kubeconfigs(values))


def _kubeconfigs(values: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Paths and tables of all kubeconfig entries that name a file."""
    for at, cluster in enumerate(values.get("clusters", ())):
        if "path" in cluster.get("kubeconfig", {}):
            yield f"clusters[{at}].kubeconfig", cluster["kubeconfig"]


def _files_of_dns(dns: dict[str, Any], directory: Path, report: Report, *, check_files: bool) -> None:
    """Paths from here on, and the secrets of cookies; a file that is of no use is reported."""
    _certified(dns, directory, report, check_files=check_files)
    if "socket" in (tap := dns.get("dnstap", {})):
        tap["socket"] = str(directory / tap["socket"])
    cookies = dns.get("cookies", {})
    if "secret_file" not in cookies:
        return
    cookies["secret_file"] = str(directory / cookies["secret_file"])
    try:
        if check_files:
            cookies["secrets"] = files.cookie_secrets(Path(cookies["secret_file"]))
    except ValueError as error:
        report.add("dns.cookies.secretFile", str(error))


def _certified(dns: dict[str, Any], directory: Path, report: Report, *, check_files: bool) -> None:
    """The transports with TLS: paths from here on; a pair of no use, and packages that are missing, are reported."""
    for transport in ("tls", "https", "quic"):
        pair = dns.get(transport, {})
        for key in {"cert_file", "key_file"} & pair.keys():
            pair[key] = str(directory / pair[key])
        if not (check_files and transport in dns):
            continue
        if sentence := extras.missing(transport):
            report.add(f"dns.{transport}", sentence)
        try:
            if {"cert_file", "key_file"} <= pair.keys():
                files.server_context(pair["cert_file"], pair["key_file"])
        except ValueError as error:
            report.add(f"dns.{transport}.certFile", str(error))


def _check_kubeconfig(at: str, kubeconfig: dict[str, Any], read: dict[str, Any], report: Report) -> None:
    """The file is there and has the context; `read` holds what was read, for one file may have many contexts."""
    path = kubeconfig["path"]
    try:
        content = read.get(path)
        if content is None:
            content = read[path] = _content(Path(path).read_bytes())
    except FileNotFoundError:
        report.add(f"{at}.path", f"kubeconfig missing: there is no file {path}")
    except OSError as error:
        report.add(f"{at}.path", f"the kubeconfig {path} cannot be read: {error.strerror}")
    except _BROKEN:
        report.add(f"{at}.path", f"the kubeconfig {path} cannot be read: it is not plain YAML")
    else:
        allowed = kubeconfig.get("allow_exec", False)
        for key, sentence in kubeconfigs.check(content, path, kubeconfig.get("context", ""), allow_exec=allowed):
            report.add(f"{at}.{key}", sentence)


def _content(text: str | bytes) -> Any:
    """The plain values of a kubeconfig; raises one of `_BROKEN`."""
    _bound(text)
    return yaml.load(text, Loader=yaml.CSafeLoader)


def _bound(text: str | bytes) -> None:
    """Raise YAMLError for a text so deep that composing it, which recurses in C, would end the process.

    So for anchors: a few of them can make a small file a huge tree, or one without an end.
    """
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        wrong = "it is nested too deep" if depth > MAX_DEPTH else ""
        if isinstance(event, yaml.AliasEvent):
            wrong = "it uses an anchor (*): write it out"
        if wrong:
            raise yaml.MarkedYAMLError(problem=wrong, problem_mark=event.start_mark)  # type: ignore[arg-type]
