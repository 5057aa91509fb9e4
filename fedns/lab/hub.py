"""What a hub holds of its source clusters: from their deployments to ServiceImports, labelled slices and leases.

Plays the part of any Multi-Cluster Services implementation (KEP-1645). Makes objects only, as `simulator` does.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Final

from msgspec import Struct

from fedns.lab.kinds import Json
from fedns.lab.simulator import Deployment

SERVICE_LABEL: Final = "multicluster.kubernetes.io/service-name"
SOURCE_LABEL: Final = "multicluster.kubernetes.io/source-cluster"
_MANAGER: Final = {"endpointslice.kubernetes.io/managed-by": "lab-hub.example.com"}
_LEASES: Final = "kube-system"


class Hub(Struct, frozen=True, kw_only=True):
    """The deployments of each source cluster, as they are when asked; ClusterSetIPs come from `ip_range` in order.

    `version` is that of the ServiceImports. A source cluster's lease lasts `lease_seconds` from each `objects`.
    """

    sources: Mapping[str, Sequence[Deployment]]
    ip_range: str = "10.250.0.0/16"
    version: str = "v1beta1"
    lease_seconds: int = 30

    def objects(self) -> list[Json]:
        """Everything the hub's API server holds, in an order in which it can be created."""
        slices = [
            self._slice(cluster, item)
            for cluster, deployments in self.sources.items()
            for deployment in deployments
            for item in deployment.objects()
            if deployment.exported and item["kind"] == "EndpointSlice"
        ]
        return [*self.namespaces(), *self.imports(), *slices, *map(self.lease, self.sources)]

    def namespaces(self) -> list[Json]:
        """The namespaces of all services."""
        names = sorted({namespace for namespace, _ in self._services()})
        return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names]

    def imports(self) -> list[Json]:
        """One ServiceImport for each service that any source exports."""
        ips = ip_network(self.ip_range)
        found = []
        for at, ((namespace, name), given) in enumerate(sorted(self._services().items())):
            headless = next(iter(given.values())).headless
            ports = {(each["name"], each["port"]): each for deployment in given.values() for each in deployment.ports}
            spec: Json = {"type": "Headless" if headless else "ClusterSetIP", "ports": list(ports.values())}
            if not headless:
                spec["ips"] = [str(ips[at + 1])]
            found.append(
                {
                    "apiVersion": f"multicluster.x-k8s.io/{self.version}",
                    "kind": "ServiceImport",
                    "metadata": {"name": name, "namespace": namespace},
                    "spec": spec,
                    "status": {"clusters": [{"cluster": cluster} for cluster in sorted(given)]},
                }
            )
        return found

    def lease(self, cluster: str) -> Json:
        """A source cluster's word, given now."""
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": f"source-{cluster}", "namespace": _LEASES, "labels": {SOURCE_LABEL: cluster}},
            "spec": {
                "holderIdentity": cluster,
                "leaseDurationSeconds": self.lease_seconds,
                "renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            },
        }

    def _services(self) -> dict[tuple[str, str], dict[str, Deployment]]:
        services: dict[tuple[str, str], dict[str, Deployment]] = {}
        for cluster, deployments in self.sources.items():
            for each in deployments:
                if each.exported:
                    services.setdefault((each.namespace, each.name), {})[cluster] = each
        return services

    def _slice(self, cluster: str, item: Json) -> Json:
        """A source's slice as the hub has it: it names no local service, but the service and the cluster it is of."""
        meta = item["metadata"]
        labels = {SERVICE_LABEL: meta["labels"]["kubernetes.io/service-name"], SOURCE_LABEL: cluster} | _MANAGER
        return item | {
            "metadata": {"name": f"{cluster}-{meta['name']}", "namespace": meta["namespace"], "labels": labels}
        }
