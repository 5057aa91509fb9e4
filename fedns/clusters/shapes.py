"""Kubernetes' JSON as structs: only the fields that names and addresses need. All else of an object is skipped unread.

Field names are spelt as Kubernetes spells them. A field that may be null says so; any other type is a fault of the
object.
"""
# ruff: noqa: N815 -- spelt as Kubernetes spells them

from typing import Final

import msgspec
from msgspec import Struct, field

from fedns.clusters.trust import LABEL

TRIGGER: Final = "endpoints.kubernetes.io/last-change-trigger-time"


class Labels(Struct, gc=False):
    """The labels that mean something: `service` and `source` are of the MCS API, `old_*` Submariner's before that."""

    export: str = field(name="fedns.io/export", default="")
    own_service: str = field(name="kubernetes.io/service-name", default="")
    manager: str = field(name="endpointslice.kubernetes.io/managed-by", default="")
    service: str = field(name="multicluster.kubernetes.io/service-name", default="")
    source: str = field(name="multicluster.kubernetes.io/source-cluster", default="")
    old_service: str = field(name="lighthouse.submariner.io/sourceName", default="")
    old_source: str = field(name="lighthouse.submariner.io/sourceCluster", default="")
    source_namespace: str = field(name="lighthouse.submariner.io/sourceNamespace", default="")


class Notes(Struct, gc=False):
    """The annotations that mean something in a slice; `provider` is Karmada's name of the cluster that it is from."""

    triggered: str = field(name=TRIGGER, default="")
    provider: str = field(name="endpointslice.karmada.io/provision-cluster", default="")


class Meta(Struct, gc=False):
    """What is said of every object."""

    name: str
    namespace: str = ""
    resourceVersion: str = ""
    creationTimestamp: str | None = None


class LabelledMeta(Meta, gc=False):
    """The same with labels."""

    labels: Labels | None = None


class SliceMeta(LabelledMeta, gc=False):
    """The same of a slice."""

    annotations: Notes | None = None


class ServiceMeta(LabelledMeta, gc=False):
    """The same of a Service, with all annotations."""

    annotations: dict[str, str] | None = None


class Bare(Struct, gc=False):
    """Which object it is, whatever else is in it."""

    metadata: Meta


class Port(Struct, frozen=True, gc=False):
    """A port of a Service, a slice or a ServiceImport."""

    port: int | None = None
    name: str | None = None
    protocol: str | None = None


class ServiceSpec(Struct, gc=False):
    """What a Service is."""

    type: str = "ClusterIP"
    clusterIP: str | None = None
    clusterIPs: list[str] | None = None
    ports: list[Port] | None = None
    trafficDistribution: str | None = None


class Ingress(Struct, gc=False):
    """An address of a load balancer, or the name of one in somebody else's DNS."""

    ip: str | None = None
    hostname: str | None = None


class Balancer(Struct, gc=False):
    """The addresses of a load balancer."""

    ingress: list[Ingress] | None = None


class ServiceStatus(Struct, gc=False):
    """What became of a Service."""

    loadBalancer: Balancer | None = None


class Service(Struct, gc=False):
    """v1 Service."""

    metadata: ServiceMeta
    spec: ServiceSpec
    status: ServiceStatus | None = None


class Conditions(Struct, gc=False):
    """The conditions of an endpoint."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class ForZone(Struct, gc=False):
    """A zone whose clients an endpoint is meant for."""

    name: str = ""


class Hints(Struct, gc=False):
    """Whom an endpoint is meant for, as kube-proxy reads it."""

    forZones: list[ForZone] | None = None


class Endpoint(Struct, gc=False):
    """An endpoint of a slice."""

    addresses: list[str] | None = None
    conditions: Conditions | None = None
    hostname: str | None = None
    zone: str | None = None
    hints: Hints | None = None


class EndpointSlice(Struct, gc=False):
    """discovery.k8s.io/v1 EndpointSlice."""

    metadata: SliceMeta
    addressType: str
    endpoints: list[Endpoint] | None = None
    ports: list[Port] | None = None


class TargetRef(Struct, gc=False):
    """What an endpoint is an address of."""

    kind: str | None = None
    name: str | None = None


class PodEndpoint(Endpoint, gc=False):
    """An endpoint with what it is an address of: read only where hosts are called by their pods."""

    targetRef: TargetRef | None = None


class PodSlice(Struct, gc=False):
    """The same EndpointSlice, with the pods."""

    metadata: SliceMeta
    addressType: str
    endpoints: list[PodEndpoint] | None = None
    ports: list[Port] | None = None

    def plain(self) -> EndpointSlice:
        """As if each pod's name were a hostname, where there is none; an endpoint of anything else has none."""
        for each in self.endpoints or ():
            ref = each.targetRef
            if not each.hostname and ref and ref.kind == "Pod" and LABEL.fullmatch(ref.name or ""):
                each.hostname = ref.name
        return EndpointSlice(self.metadata, self.addressType, [*(self.endpoints or ())], self.ports)


class ServiceExport(Struct, gc=False):
    """multicluster.x-k8s.io ServiceExport: it says all by being there."""

    metadata: Meta


class ImportSpec(Struct, gc=False):
    """What a ServiceImport is; v1alpha1 and v1beta1 are alike here."""

    type: str
    ips: list[str] | None = None
    ports: list[Port] | None = None
    trafficDistribution: str | None = None


class ServiceImport(Struct, gc=False):
    """multicluster.x-k8s.io ServiceImport."""

    metadata: Meta
    spec: ImportSpec


class LeaseSpec(Struct, gc=False):
    """How long a Lease lasts."""

    renewTime: str | None = None
    leaseDurationSeconds: int | None = None


class Lease(Struct, gc=False):
    """coordination.k8s.io/v1 Lease."""

    metadata: LabelledMeta
    spec: LeaseSpec | None = None


class NotedMeta(Meta, gc=False):
    """What is said of an object, with all annotations."""

    annotations: dict[str, str] | None = None


class Namespace(Struct, gc=False):
    """v1 Namespace: little else is in it."""

    metadata: NotedMeta


class NodeLabels(Struct, gc=False):
    """The label that says where a node is."""

    zone: str = field(name="topology.kubernetes.io/zone", default="")


class NodeMeta(Meta, gc=False):
    """What is said of a node."""

    labels: NodeLabels | None = None


class NodeSpec(Struct, gc=False):
    """The addresses of a node's pods."""

    podCIDR: str | None = None
    podCIDRs: list[str] | None = None


class NodeAddress(Struct, gc=False):
    """One address of a node itself."""

    type: str = ""
    address: str = ""


class NodeStatus(Struct, gc=False):
    """What of a node's status does not change with every heartbeat."""

    addresses: list[NodeAddress] | None = None


class Node(Struct, gc=False):
    """v1 Node."""

    metadata: NodeMeta
    spec: NodeSpec | None = None
    status: NodeStatus | None = None


BARE: Final = msgspec.json.Decoder(Bare)
SERVICE: Final = msgspec.json.Decoder(Service)
SLICE: Final = msgspec.json.Decoder(EndpointSlice)
POD_SLICE: Final = msgspec.json.Decoder(PodSlice)
EXPORT: Final = msgspec.json.Decoder(ServiceExport)
IMPORT: Final = msgspec.json.Decoder(ServiceImport)
LEASE: Final = msgspec.json.Decoder(Lease)
NAMESPACE: Final = msgspec.json.Decoder(Namespace)
NODE: Final = msgspec.json.Decoder(Node)
