"""Members from ClusterProfiles of the local cluster, the inventory of SIG-Multicluster (KEP-4322, KEP-5339).

The profile's status says where the API server is, for each access provider one way; the configuration says with which
credentials to go there. What a member is comes, in this order, from the annotation `fedns.io/cluster` (the keys of an
entry of `clusters:`, as YAML), labels `fedns.io/KEY`, and those properties that the configuration names: these may be
the member's own words. How healthy the profile calls the cluster says nothing here: fedns looks for itself.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from fedns.clusters.credentials import CredentialsError
from fedns.clusters.decode import Item
from fedns.clusters.kubeconfig import way
from fedns.clusters.listing import Resource
from fedns.control.described import BAD, LONGEST, Meta, Read, Source, Telling, attempt, bare
from fedns.settings.load import ConfigError, Problem, member
from fedns.settings.schema import ClusterProfiles, Kubeconfig, Member, Provider

ANNOTATION: Final = "fedns.io/cluster"
NAME_LABEL: Final = "fedns.io/cluster-name"
LABELLED: Final = ("region", "jurisdiction", "network", "weight", "capacity", "cost")
"""Keys of a member that a label `fedns.io/KEY` can give."""
_GROUP: Final = "/apis/multicluster.x-k8s.io"
_VERSIONS: Final = ("v1alpha2", "v1alpha1")


def source(where: ClusterProfiles) -> Source:
    """The ClusterProfiles of a namespace; their definition may be missing, and come later."""
    paths = tuple(f"{_GROUP}/{version}/namespaces/{where.namespace}/clusterprofiles" for version in _VERSIONS)
    resource = Resource("clusterprofiles", paths, optional=True, selector=where.label_selector)
    return Source("cluster profile", where.namespace, resource, lambda raw: _decode(raw, where))


def _decode(raw: Raw, where: ClusterProfiles) -> Item:
    """A ClusterProfile."""
    item = bare(raw)
    if item.fault:
        return item
    try:
        found = _PROFILE.decode(raw)
        created = found.metadata.created
    except BAD as fault:
        return Item(item.namespace, item.name, item.version, fault=str(fault)[:120])
    return Telling(item.namespace, item.name, item.version, read=_read(found, created, where))


def _read(found: "_Profile", created: int, where: ClusterProfiles) -> Read:
    """What one ClusterProfile says for itself."""

    def make() -> Member:
        text = (found.metadata.annotations or {}).get(ANNOTATION, "")
        if len(text) > LONGEST:
            raise ConfigError([Problem(ANNOTATION, 0, f"is longer than {LONGEST >> 10} KiB")])
        meta = found.metadata
        content = json.dumps(_kubeconfig(found, where))
        credentials = Kubeconfig(path=f"cluster profile {meta.namespace}/{meta.name}", content=content, own=True)
        return member(text, dict(_defaults(found, where)), credentials)

    return attempt(created, make)


def _defaults(found: "_Profile", where: ClusterProfiles) -> Iterator[tuple[str, str]]:
    """What a member is where its annotation does not say it; what comes later counts more."""
    yield "name", found.metadata.name
    properties = {each.name: each.value for each in found.status.properties or ()}
    for key, name in where.properties.items():
        if name in properties:
            yield key, properties[name]
    labels = found.metadata.labels or {}
    if NAME_LABEL in labels:
        yield "name", labels[NAME_LABEL]
    for key in LABELLED:
        if f"fedns.io/{key}" in labels:
            yield key, labels[f"fedns.io/{key}"]


def _kubeconfig(found: "_Profile", where: ClusterProfiles) -> dict[str, Any]:
    """The way to the API server and the credentials for it; raises ConfigError.

    `credentialProviders` is what `accessProviders` was called at first.
    """
    ways = {each.name: each for each in (*(found.status.old or ()), *(found.status.access or ()))}
    for provider in where.providers:
        if provider.name in ways:
            break
    else:
        cure = f"name one of {', '.join(sorted(ways))} in clusterProfiles.providers" if ways else "it has none yet"
        raise ConfigError(
            [Problem("status.accessProviders", 0, f"has no provider that the configuration names: {cure}")]
        )
    cluster = {key: value for key, value in ways[provider.name].cluster.items() if value is not None}
    try:
        way(cluster, provider.name)
    except CredentialsError as fault:
        raise ConfigError([Problem("status.accessProviders", 0, str(fault))]) from None
    name = found.metadata.name
    if "/" in name:  # it becomes part of a path; no API server of Kubernetes has such a name
        raise ConfigError([Problem("metadata.name", 0, "is no name")])
    return {
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": provider.name}}],
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": provider.name, "user": _user(provider, name)}],
    }


def _user(provider: Provider, name: str) -> dict[str, Any]:
    """Credentials as a kubeconfig has them."""
    if provider.exec is None:
        return {"tokenFile": provider.token_file.replace("{name}", name)}
    run = provider.exec
    return {
        "exec": {
            "apiVersion": run.api_version,
            "command": run.command,
            "args": list(run.args),
            "env": [{"name": key, "value": value} for key, value in run.env.items()],
            "provideClusterInfo": True,
            "interactiveMode": "Never",
        }
    }


class _Property(Struct):
    name: str
    value: str


class _Provider(Struct):
    name: str
    cluster: dict[str, Any] = {}


class _Status(Struct):
    properties: list[_Property] | None = None
    access: list[_Provider] | None = msgspec.field(name="accessProviders", default=None)
    old: list[_Provider] | None = msgspec.field(name="credentialProviders", default=None)


class _Profile(Struct):
    metadata: Meta
    status: _Status = msgspec.field(default_factory=_Status)


_PROFILE: Final = msgspec.json.Decoder(_Profile)
