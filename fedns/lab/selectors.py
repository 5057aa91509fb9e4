"""Label and field selectors: from the text of a query parameter to a predicate over objects."""

import re
from collections.abc import Callable

from fedns.lab.kinds import Json
from fedns.lab.status import bad_request

Predicate = Callable[[Json], bool]

_SET = re.compile(r"^\s*(?P<key>[^\s!=,()]+)\s+(?P<verb>in|notin)\s*\((?P<values>[^()]*)\)\s*$")
_EQUAL = re.compile(r"^\s*(?P<key>[^\s!=,()]+)\s*(?P<verb>==|!=|=)\s*(?P<value>[^\s!=,()]*)\s*$")
_EXISTS = re.compile(r"^\s*(?P<not>!?)\s*(?P<key>[^\s!=,()]+)\s*$")
_FIELDS = ("metadata.name", "metadata.namespace")


def _parts(text: str) -> list[str]:
    """Split at commas outside parentheses."""
    return re.split(r",(?![^(]*\))", text)


def _label_term(term: str) -> Callable[[dict[str, str]], bool]:
    if match := _SET.match(term):
        key, wanted = match["key"], {value.strip() for value in match["values"].split(",")}
        if match["verb"] == "in":
            return lambda labels: labels.get(key) in wanted
        # A missing label satisfies `notin` and `!=`, as in Kubernetes.
        return lambda labels: labels.get(key) not in wanted
    if match := _EQUAL.match(term):
        key, value = match["key"], match["value"]
        if match["verb"] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if match := _EXISTS.match(term):
        key, wanted_there = match["key"], not match["not"]
        return lambda labels: (key in labels) is wanted_there
    raise bad_request(f"unable to parse requirement: found '{term}', expected: a label selector")


def labels(text: str) -> Predicate:
    """A predicate for `labelSelector`; an empty text lets everything pass."""
    terms = [_label_term(term) for term in _parts(text)] if text.strip() else []

    def matches(item: Json) -> bool:
        found = item["metadata"].get("labels") or {}
        return all(term(found) for term in terms)

    return matches


def _field_term(term: str) -> tuple[str, str, bool]:
    match = _EQUAL.match(term)
    if match is None:
        raise bad_request(f"invalid selector: '{term}'; can't understand '{term}'")
    if match["key"] not in _FIELDS:
        raise bad_request(f"field label not supported: {match['key']}")
    return match["key"].removeprefix("metadata."), match["value"], match["verb"] != "!="


def fields(text: str) -> Predicate:
    """A predicate for `fieldSelector`: metadata.name and metadata.namespace, with =, == and !=."""
    terms = [_field_term(term) for term in _parts(text)] if text.strip() else []

    def matches(item: Json) -> bool:
        return all((item["metadata"].get(key, "") == value) is equal for key, value, equal in terms)

    return matches


def both(label_text: str, field_text: str) -> Predicate:
    """The predicate of a request with both parameters."""
    by_label, by_field = labels(label_text), fields(field_text)
    return lambda item: by_label(item) and by_field(item)
