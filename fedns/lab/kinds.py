"""The resource types that a simulated API server serves, as one table.

Knows names only: what a type's objects may hold stands in `admission`, how they print in `tables`.
"""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")

Json = dict[str, Any]
"""One object as JSON has it."""


class Kind(Struct, frozen=True, kw_only=True):
    """One resource type; `versions` starts with the preferred one.

    `builtin` types differ from custom ones as in a real server: their list items carry no kind, they accept strategic
    merge patches.
    """

    group: str
    versions: tuple[str, ...]
    name: str
    plural: str
    namespaced: bool = True
    builtin: bool = True
    short: tuple[str, ...] = ()
    status: bool = False
    verbs: tuple[str, ...] = ALL_VERBS

    @property
    def resource(self) -> str:
        """`endpointslices.discovery.k8s.io`: what messages of a real server call it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def api_version(self, version: str) -> str:
        """What `apiVersion` says in that version."""
        return f"{self.group}/{version}" if self.group else version


NAMESPACES = Kind(
    group="", versions=("v1",), name="Namespace", plural="namespaces", namespaced=False, short=("ns",), status=True
)
NODES = Kind(group="", versions=("v1",), name="Node", plural="nodes", namespaced=False, short=("no",), status=True)
PODS = Kind(group="", versions=("v1",), name="Pod", plural="pods", short=("po",), status=True)
SERVICES = Kind(group="", versions=("v1",), name="Service", plural="services", short=("svc",), status=True)
ENDPOINT_SLICES = Kind(group="discovery.k8s.io", versions=("v1",), name="EndpointSlice", plural="endpointslices")
SERVICE_EXPORTS = Kind(
    group="multicluster.x-k8s.io",
    versions=("v1beta1", "v1alpha1"),
    name="ServiceExport",
    plural="serviceexports",
    builtin=False,
    short=("svcex",),
    status=True,
)
SERVICE_IMPORTS = Kind(
    group="multicluster.x-k8s.io",
    versions=("v1beta1", "v1alpha1"),
    name="ServiceImport",
    plural="serviceimports",
    builtin=False,
    short=("svcim",),
    status=True,
)
CLUSTER_PROFILES = Kind(
    group="multicluster.x-k8s.io",
    versions=("v1alpha1",),
    name="ClusterProfile",
    plural="clusterprofiles",
    builtin=False,
    status=True,
)
LEASES = Kind(group="coordination.k8s.io", versions=("v1",), name="Lease", plural="leases")
CRDS = Kind(
    group="apiextensions.k8s.io",
    versions=("v1",),
    name="CustomResourceDefinition",
    plural="customresourcedefinitions",
    namespaced=False,
    short=("crd", "crds"),
    status=True,
)
ACCESS_REVIEWS = Kind(
    group="authorization.k8s.io",
    versions=("v1",),
    name="SelfSubjectAccessReview",
    plural="selfsubjectaccessreviews",
    namespaced=False,
    verbs=("create",),
)
RULES_REVIEWS = Kind(
    group="authorization.k8s.io",
    versions=("v1",),
    name="SelfSubjectRulesReview",
    plural="selfsubjectrulesreviews",
    namespaced=False,
    verbs=("create",),
)

KINDS = (
    NAMESPACES,
    NODES,
    PODS,
    SERVICES,
    CRDS,
    ACCESS_REVIEWS,
    RULES_REVIEWS,
    ENDPOINT_SLICES,
    LEASES,
    CLUSTER_PROFILES,
    SERVICE_EXPORTS,
    SERVICE_IMPORTS,
)


def by_path(group: str, version: str, plural: str) -> Kind | None:
    """The type behind a URL, if it is served in that version."""
    for kind in KINDS:
        if kind.group == group and kind.plural == plural and version in kind.versions:
            return kind
    return None


def by_object(item: Json) -> Kind | None:
    """The type that an object says it is of."""
    group, _, version = str(item.get("apiVersion", "")).rpartition("/")
    for kind in KINDS:
        if kind.group == group and kind.name == item.get("kind") and version in kind.versions:
            return kind
    return None


def groups(kinds: Iterable[Kind]) -> dict[str, tuple[str, ...]]:
    """The named API groups of some types and their versions, preferred first."""
    return {kind.group: kind.versions for kind in kinds if kind.group}
