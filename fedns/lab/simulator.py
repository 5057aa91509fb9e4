"""What runs in a simulated member: deployments whose pods come, become ready and go, as the API objects they cause.

Plays the parts of the deployment, endpoint slice and namespace controllers. Makes objects only: whoever holds an API
server, simulated or real, puts them there.
"""

from collections.abc import Iterable
from ipaddress import ip_network

from msgspec import Struct, field

from fedns.lab.kinds import Json

SLICE_SIZE = 100
"""Endpoints in one EndpointSlice, as kube-controller-manager fills them."""

_HTTP = ({"name": "http", "port": 80, "protocol": "TCP"},)


class Pod(Struct, kw_only=True):
    """One pod with its address; `number` counts from 0 and never comes again."""

    number: int
    address: str
    zone: str
    ready: bool = True
    terminating: bool = False


class Deployment(Struct, kw_only=True):
    """A service with its pods over zones: `zones` says how many each zone starts with.

    Pods get addresses from `pod_range` in order, each one once. With `hostnames` they are named like those of a
    StatefulSet, name-0, name-1, ...
    """

    namespace: str
    name: str
    zones: dict[str, int]
    pod_range: str
    headless: bool = False
    hostnames: bool = False
    exported: bool = True
    ports: tuple[Json, ...] = _HTTP
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    slices: list[list[Pod]] = field(default_factory=list)
    _made: list[Pod] = field(default_factory=list)

    def __post_init__(self) -> None:
        for zone, count in self.zones.items():
            self.scale(zone, count)

    @property
    def pods(self) -> list[Pod]:
        """The pods that exist, oldest first."""
        return sorted((pod for pods in self.slices for pod in pods), key=lambda pod: pod.number)

    def places(self) -> dict[str, str]:
        """The zone of every pod that has ever been: address -> zone."""
        return {pod.address: pod.zone for pod in self._made}

    def addresses(self, zone: str = "") -> list[str]:
        """The addresses of ready pods, of one zone or of all."""
        return [pod.address for pod in self.pods if pod.ready and (not zone or pod.zone == zone)]

    def scale(self, zone: str, count: int) -> None:
        """Have `count` pods in the zone: new ones are ready at once, the newest go first."""
        present = [pod for pod in self.pods if pod.zone == zone]
        for _ in range(count - len(present)):
            self._start(zone)
        for pod in present[count:]:
            for pods in self.slices:
                if pod in pods:
                    pods.remove(pod)
        self.zones[zone] = count

    def set_ready(self, zone: str, ready: bool) -> None:
        """Let all pods of a zone pass or fail their readiness probes."""
        for pod in self.pods:
            if pod.zone == zone:
                pod.ready = ready

    def terminate(self, zone: str) -> None:
        """Delete all pods of a zone gracefully: not ready, still serving, terminating; `scale` then ends them."""
        for pod in self.pods:
            if pod.zone == zone:
                pod.ready, pod.terminating = False, True

    def objects(self) -> list[Json]:
        """Everything the API server holds of this deployment, in an order in which it can be created."""
        namespace: Json = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
        slices = [self._slice(at, pods) for at, pods in enumerate(self.slices or [[]])]
        return [namespace, self._service(), *slices, *([self._export()] if self.exported else [])]

    def _start(self, zone: str) -> None:
        number = len(self._made)
        address = str(ip_network(self.pod_range)[number + 1])
        pod = Pod(number=number, address=address, zone=zone)
        self._made.append(pod)
        for pods in self.slices:
            if len(pods) < SLICE_SIZE:
                pods.append(pod)
                return
        self.slices.append([pod])

    def _meta(self, name: str, labels: dict[str, str], annotations: dict[str, str]) -> Json:
        meta: Json = {"name": name, "namespace": self.namespace}
        return meta | ({"labels": labels} if labels else {}) | ({"annotations": annotations} if annotations else {})

    def _service(self) -> Json:
        spec: Json = {"selector": {"app": self.name}, "ports": list(self.ports)}
        if self.headless:
            spec["clusterIP"] = "None"
        meta = self._meta(self.name, {"app": self.name} | self.labels, self.annotations)
        return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}

    def _slice(self, at: int, pods: Iterable[Pod]) -> Json:
        labels = {
            "app": self.name,
            "kubernetes.io/service-name": self.name,
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        } | ({"service.kubernetes.io/headless": ""} if self.headless else {})
        ports = [{"name": each["name"], "port": each["port"], "protocol": each["protocol"]} for each in self.ports]
        return {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": self._meta(f"{self.name}-{at}", labels, {}),
            "addressType": f"IPv{ip_network(self.pod_range).version}",
            "ports": ports,
            "endpoints": [self._endpoint(pod) for pod in pods],
        }

    def _endpoint(self, pod: Pod) -> Json:
        name = f"{self.name}-{pod.number}"
        endpoint: Json = {
            "addresses": [pod.address],
            "conditions": {
                "ready": pod.ready,
                "serving": pod.ready or pod.terminating,
                "terminating": pod.terminating,
            },
            "zone": pod.zone,
            "nodeName": f"node-{pod.zone}",
            "targetRef": {"kind": "Pod", "namespace": self.namespace, "name": name},
        }
        return endpoint | ({"hostname": name} if self.hostnames else {})

    def _export(self) -> Json:
        return {
            "apiVersion": "multicluster.x-k8s.io/v1alpha1",
            "kind": "ServiceExport",
            "metadata": self._meta(self.name, {}, {}),
        }
