"""Members from Secrets of the local cluster: to join is one `kubectl apply`, to leave one `kubectl delete`.

A Secret has the credentials in `data.kubeconfig` and, in `data.cluster`, the keys of an entry of `clusters:` as YAML.
"""

from typing import Final

import msgspec
from msgspec import Raw, Struct

from fedns.clusters.decode import Item
from fedns.clusters.listing import Resource
from fedns.control.described import BAD, LONGEST, Meta, Read, Source, Telling, attempt, bare
from fedns.settings.load import ConfigError, Problem, member
from fedns.settings.schema import Kubeconfig, Member, Secrets

NAME_LABEL: Final = "fedns.io/cluster-name"


class SecretFacts(Struct, frozen=True):
    """What of a Secret describes a member; `created` in Unix seconds, None for a key that is missing."""

    created: int
    name: str
    kubeconfig: bytes | None
    cluster: bytes | None

    def __repr__(self) -> str:
        """Never what is in it."""
        return f"SecretFacts({self.name!r})"


def source(where: Secrets) -> Source:
    """The Secrets of a namespace."""
    path = f"/api/v1/namespaces/{where.namespace}/secrets"
    return Source("secret", where.namespace, Resource("secrets", (path,), selector=where.label_selector), decode)


def read(key: str, facts: SecretFacts) -> Read:
    """What one Secret (NAMESPACE/NAME) says for itself."""

    def make() -> Member:
        kubeconfig = _text("kubeconfig", facts.kubeconfig)
        cluster = _text("cluster", facts.cluster or b"")
        return member(cluster, {"name": facts.name}, Kubeconfig(path=f"secret {key}", content=kubeconfig))

    return attempt(facts.created, make)


def _text(name: str, content: bytes | None) -> str:
    if content is None:
        raise ConfigError([Problem(name, 0, f"is missing: the Secret must have data.{name}")])
    if len(content) > LONGEST:
        raise ConfigError([Problem(name, 0, f"is longer than {LONGEST >> 10} KiB")])
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ConfigError([Problem(name, 0, "is not UTF-8 text")]) from None


def decode(raw: Raw) -> Item:
    """A Secret; all but two keys of its `data` is left out."""
    item = bare(raw)
    if item.fault:
        return item
    try:
        found = _SECRET.decode(raw)
        created = found.metadata.created
    except BAD as fault:
        return Item(item.namespace, item.name, item.version, fault=str(fault)[:120])
    name = (found.metadata.labels or {}).get(NAME_LABEL, item.name)
    told = found.data or _Content()
    facts = SecretFacts(created, name, told.kubeconfig, told.cluster)
    return Telling(item.namespace, item.name, item.version, read=read(f"{item.namespace}/{item.name}", facts))


class _Content(Struct):
    kubeconfig: bytes | None = None
    cluster: bytes | None = None


class _Secret(Struct):
    metadata: Meta
    data: _Content | None = None


_SECRET: Final = msgspec.json.Decoder(_Secret)
