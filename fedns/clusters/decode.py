"""Turns JSON objects of Kubernetes into facts, each object for itself: a bad one costs only itself.

What no server of names may believe is left out here and counted: odd names, namespaces and addresses that are not the
member's to give, special addresses. It knows nothing of watches, nor how facts join to services.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from fedns.clusters import shapes
from fedns.clusters.facts import (
    ExportFacts,
    Facts,
    ImportFacts,
    LeaseFacts,
    NamespaceFacts,
    NodeFacts,
    ServiceFacts,
    SliceFacts,
)
from fedns.clusters.values import AGELESS, FAMILIES, Values, number, seconds
from fedns.federation.locality import Node
from fedns.federation.objects import ServiceKey
from fedns.federation.traffic import KNOWN
from fedns.settings.schema import Trust

ANNOTATION_PREFIX: Final = "fedns.io/"
CLUSTERED: Final = "*"
"""What stands for the namespace of an object that is in none."""
_LOCAL: Final = frozenset({"endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"})
"""Who writes the slices of a cluster's own endpoints. They copy the labels of the Service, whatever these say."""
_MESH: Final = "endpointslice-mesh-controller.cilium.io"
_BAD: Final = (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError)
"""What decoding a stranger's object can raise; RecursionError from brackets nested too deep."""
_Slice = shapes.EndpointSlice | shapes.PodSlice


class Item(Struct, frozen=True, gc=False):
    """One object: `facts` is None where it says nothing here, or, with a `fault`, where it could not be understood.

    `version` is the resourceVersion as a number, 0 where it is none; `created` is Unix seconds, or AGELESS.
    `triggered` says when the change behind it happened (endpoints.kubernetes.io/last-change-trigger-time), in Unix
    seconds, 0 where that is unknown. `key` is (namespace, name), one tuple for all objects of that name.
    """

    namespace: str
    name: str
    version: int
    facts: Facts | None = None
    fault: str = ""
    created: int = AGELESS
    triggered: float = 0.0
    key: ServiceKey | None = None


class Decoder:
    """Decodes one member's objects, within its `trust`; `refused` counts what was left out, by reason.

    With `pods`, an endpoint without a hostname has its pod's name as one.
    """

    def __init__(self, trust: Trust | None = None, *, pods: bool = False) -> None:
        self._values = values = Values(trust or Trust())
        self._slices: msgspec.json.Decoder[Any] = shapes.POD_SLICE if pods else shapes.SLICE
        self.refused = values.refused

    def readers(self, *, imported: bool) -> dict[str, Callable[[Raw], Item]]:
        """What reads the objects of each resource, by its name; with `imported`, slices are of other clusters."""
        return {
            "services": self.service,
            "slices": self.imported_slice if imported else self.slice,
            "exports": self.export,
            "imports": self.imported,
            "leases": self.lease,
            "namespaces": self.space,
            "nodes": self.node,
        }

    def service(self, raw: Raw) -> Item:
        """A Service."""
        return self._item(raw, shapes.SERVICE, self._service)

    def slice(self, raw: Raw) -> Item:
        """An EndpointSlice of the member's own endpoints."""
        return self._item(raw, self._slices, self._own_slice)

    def export(self, raw: Raw) -> Item:
        """A ServiceExport."""
        return self._item(raw, shapes.EXPORT, lambda _, version, created: ExportFacts(version, created))

    def imported(self, raw: Raw) -> Item:
        """A ServiceImport."""
        return self._item(raw, shapes.IMPORT, self._import)

    def imported_slice(self, raw: Raw) -> Item:
        """An EndpointSlice of another cluster's endpoints."""
        return self._item(raw, self._slices, self._imported_slice)

    def lease(self, raw: Raw) -> Item:
        """A Lease of a source cluster."""
        return self._item(raw, shapes.LEASE, self._lease)

    def space(self, raw: Raw) -> Item:
        """A Namespace."""
        return self._item(raw, shapes.NAMESPACE, self._space, clustered=True)

    def node(self, raw: Raw) -> Item:
        """A Node."""
        return self._item(raw, shapes.NODE, self._node, clustered=True)

    def bare(self, raw: Raw, *, clustered: bool = False) -> Item:
        """Only which object it is, for a deletion: all other fields may be broken."""
        return self._item(raw, shapes.BARE, lambda _, __, ___: None, clustered=clustered)

    def _item(
        self,
        raw: Raw,
        decoder: msgspec.json.Decoder[Any],
        read: Callable[[Any, int, int], Facts | None],
        *,
        clustered: bool = False,
    ) -> Item:
        values = self._values
        try:
            found = decoder.decode(raw)
        except _BAD as failure:
            return self._failed(raw, failure, clustered=clustered)
        meta: shapes.Meta = found.metadata
        name, version = meta.name, number(meta.resourceVersion)
        namespace = CLUSTERED if clustered else values.label(meta.namespace)
        if not namespace or not 0 < len(name) <= 253:
            return self._nameless(version)
        created = values.created(meta.creationTimestamp or "")
        if not clustered and not values.boundary.namespace(namespace):
            self.refused["namespace"] += 1
            return Item(namespace, name, version, None, "", created)
        notes = getattr(meta, "annotations", None)
        triggered = _triggered(notes) if notes else 0.0
        facts = read(found, version, created)
        key = None if isinstance(facts, SliceFacts) else values.same((namespace, name))
        return Item(namespace, name, version, facts, "", created, triggered, key)

    def _failed(self, raw: Raw, failure: Exception, *, clustered: bool) -> Item:
        """What is known of an object that could not be understood."""
        self.refused["object"] += 1
        fault = str(failure)[:120] or type(failure).__name__
        try:
            meta: shapes.Meta = shapes.BARE.decode(raw).metadata
        except _BAD:
            return Item("", "", 0, fault=f"no object: {fault}")
        version = number(meta.resourceVersion)
        namespace = CLUSTERED if clustered else self._values.label(meta.namespace)
        if not namespace or not 0 < len(meta.name) <= 253:
            return self._nameless(version)
        return Item(namespace, meta.name, version, fault=fault)

    def _nameless(self, version: int) -> Item:
        self.refused["name"] += 1
        return Item("", "", version, fault="not a name")

    def _service(self, found: shapes.Service, version: int, created: int) -> ServiceFacts | None:
        meta, spec = found.metadata, found.spec
        if not self._named(meta.name):
            return None
        texts = spec.clusterIPs or ([spec.clusterIP] if spec.clusterIP else [])
        headless = spec.clusterIP == "None" or texts[:1] == ["None"]
        balancer = found.status.loadBalancer if found.status else None
        ingress = (balancer.ingress if balancer else None) or []
        return ServiceFacts(
            version=version,
            headless=headless,
            external=spec.type == "ExternalName",
            labelled=meta.labels is not None and meta.labels.export == "true",
            created=created,
            ports=self._values.ports(spec.ports),
            cluster_ips=() if headless else self._values.addresses(texts),
            load_balancer_ips=self._values.addresses([entry.ip for entry in ingress if entry.ip]),
            load_balancer_names=self._values.names(
                [entry.hostname for entry in ingress if entry.hostname and not entry.ip]
            ),
            traffic=KNOWN.get(spec.trafficDistribution or "", ""),
            annotations=_own(meta.annotations),
        )

    def _own_slice(self, found: _Slice, version: int, _: int) -> SliceFacts | None:
        labels = found.metadata.labels
        if labels is None or not self._values.label(labels.own_service) or _foreign(found.metadata):
            return None
        return self._slice(found, version, labels.own_service, "")

    def _imported_slice(self, found: _Slice, version: int, _: int) -> SliceFacts | None:
        meta, labels = found.metadata, found.metadata.labels
        if labels is None or labels.manager in _LOCAL:
            return None
        service, cluster = labels.service or labels.old_service, labels.source or labels.old_source
        # Submariner's broker holds copies of all slices in one namespace of its own: a slice speaks for its own only.
        if not (cluster and self._values.label(service)) or labels.source_namespace not in {"", meta.namespace}:
            return None
        return (
            self._slice(found, version, service, self._values.same(cluster)) if self._values.sourced(cluster) else None
        )

    def _slice(self, found: _Slice, version: int, service: str, cluster: str) -> SliceFacts | None:
        if found.addressType not in FAMILIES:
            self.refused["addressType"] += 1
            return None
        meta, values = found.metadata, self._values
        owner = values.same((values.label(meta.namespace), values.label(service)))
        whole = found.plain() if isinstance(found, shapes.PodSlice) else found
        return SliceFacts(version, meta.name, owner, values.columns(whole), cluster)

    def _import(self, found: shapes.ServiceImport, version: int, created: int) -> ImportFacts | None:
        spec = found.spec
        if not self._named(found.metadata.name):
            return None
        if spec.type not in {"ClusterSetIP", "Headless"}:
            self.refused["type"] += 1
            return None
        headless = spec.type == "Headless"
        ips = () if headless else self._values.addresses(spec.ips or [])
        traffic = KNOWN.get(spec.trafficDistribution or "", "")
        return ImportFacts(version, headless, created, self._values.ports(spec.ports), ips, traffic)

    def _lease(self, found: shapes.Lease, version: int, _: int) -> LeaseFacts | None:
        cluster, spec = found.metadata.labels.source if found.metadata.labels else "", found.spec
        if not cluster or spec is None or not self._values.sourced(cluster):
            return None
        return LeaseFacts(version, self._values.same(cluster), spec.renewTime or "", spec.leaseDurationSeconds or 0)

    def _space(self, found: shapes.Namespace, version: int, _: int) -> NamespaceFacts | None:
        name, notes = found.metadata.name, _own(found.metadata.annotations)
        spoken = self._values.label(name) and self._values.boundary.namespace(name)
        return NamespaceFacts(version, notes) if notes and spoken else None

    def _node(self, found: shapes.Node, version: int, created: int) -> NodeFacts:
        meta, spec, status = found.metadata, found.spec or shapes.NodeSpec(), found.status or shapes.NodeStatus()
        texts = spec.podCIDRs or ([spec.podCIDR] if spec.podCIDR else [])
        own = [each.address for each in status.addresses or () if each.type == "InternalIP"]
        zone = meta.labels.zone if meta.labels is not None else ""
        zone = self._values.same(zone) if len(zone) <= 63 else ""
        return NodeFacts(version, Node(meta.name, created, zone, self._values.prefixes([*texts, *own])))

    def _named(self, name: str) -> bool:
        """Whether a service may have this name."""
        if self._values.label(name):
            return True
        self.refused["name"] += 1
        return False


def _own(notes: dict[str, str] | None) -> tuple[tuple[str, str], ...]:
    """The annotations that are for fedns."""
    return tuple(sorted((key, text) for key, text in (notes or {}).items() if key.startswith(ANNOTATION_PREFIX)))


def _triggered(notes: "shapes.Notes | dict[str, str]") -> float:
    text = notes.get(shapes.TRIGGER, "") if isinstance(notes, dict) else notes.triggered
    return max(0.0, seconds(text)) if text else 0.0


def _foreign(meta: shapes.SliceMeta) -> bool:
    """Whether a mesh has put another cluster's endpoints among the member's own (Cilium, Karmada)."""
    labels = meta.labels
    if labels is None or labels.manager in _LOCAL:
        return False
    return bool(labels.source) or labels.manager == _MESH or bool(meta.annotations and meta.annotations.provider)
