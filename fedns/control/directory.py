"""Services, their endpoints and their conflicts as pages of plain values, in the order of their names.

A page has a bound, and says where the next one begins: what is asked for is never all at once. It only reads.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import ip_address
from itertools import islice
from typing import Any, Final

from fedns.control.conflicts import Conflicts
from fedns.control.feeds import Feed
from fedns.control.truth import Truth
from fedns.federation.hosts import host_label
from fedns.federation.objects import READY, SERVING, TERMINATING, Export, Port, Service, ServiceKey, Slice

PAGE: Final = 500
"""Entries of a page at most."""
MESSAGES: Final = {
    "InvalidServiceType": "The Service is an ExternalName, which has no addresses that a member could export.",
    "NoService": "There is a ServiceExport, but no Service of its name.",
}
"""What the reasons of the Multi-Cluster Services API mean here."""


class Directory:
    """What the control process holds, for people; `feeds` are those of the members that are followed."""

    def __init__(self, truth: Truth, conflicts: Conflicts, feeds: Callable[[], Mapping[str, Feed]]) -> None:
        self._truth = truth
        self._conflicts = conflicts
        self._feeds = feeds

    def services(self, prefix: str, after: str, limit: int) -> dict[str, Any]:
        """Services whose `namespace/name` begins with a prefix, behind the name `after`."""
        names, more = _page(map("/".join, self._truth.catalog.keys()), prefix, after, limit)
        found = (self._truth.catalog.service(_key(name)) for name in names)
        return {"services": [_service(each) for each in found if each], "next": more}

    def endpoints(self, name: str, after: str, limit: int) -> dict[str, Any] | None:
        """Addresses of one service, behind the first `after` ones; None where there is no such service."""
        service = self._truth.catalog.service(_key(name))
        if service is None:
            return None
        lines = (line for export in service.exports for line in _addresses(export, headless=service.headless))
        first = int(after or 0)
        found = list(islice(lines, first, first + limit + 1))
        more = str(first + limit) if len(found) > limit else None
        return {"service": name, "endpoints": found[:limit], "next": more}

    def conflicts(self, prefix: str, after: str, limit: int) -> dict[str, Any]:
        """What members disagree about, export in vain, or name too long; `pending` services are yet to be looked at."""
        told: dict[str, list[dict[str, str]]] = {}
        for key, conflicts in self._conflicts.held.items():
            told["/".join(key)] = [_conflict(key, each.kind, each.cluster, each.message) for each in conflicts]
        for cluster, feed in self._feeds().items():
            for key, reason in feed.rejected.items():
                told.setdefault("/".join(key), []).append(_conflict(key, reason, cluster, MESSAGES[reason]))
        names, more = _page(told, prefix, after, limit)
        found = [each for name in names for each in told[name]]
        return {"conflicts": found, "pending": self._conflicts.pending, "next": more}


def _page(names: Iterable[str], prefix: str, after: str, limit: int) -> tuple[list[str], str | None]:
    """The names of one page, and after which one the next page begins."""
    fitting = sorted(name for name in names if name.startswith(prefix))
    first = bisect_right(fitting, after)
    page = fitting[first : first + limit]
    return page, page[-1] if first + limit < len(fitting) else None


def _key(name: str) -> ServiceKey:
    namespace, _, own = name.partition("/")
    return namespace, own


def _service(service: Service) -> dict[str, Any]:
    slices = [each for export in service.exports for each in export.slices]
    return {
        "namespace": service.namespace,
        "name": service.name,
        "type": "Headless" if service.headless else "ClusterSetIP",
        "clusters": [export.cluster for export in service.exports],
        "ports": list(map(_port, service.ports)),
        "ready": sum(map(_ready, slices)),
        "endpoints": sum(each.count for each in slices),
        "conflicts": sorted({each.kind for each in service.conflicts}),
    }


def _ready(part: Slice) -> int:
    """How many endpoints of a slice are ready; a column of one byte stands for all."""
    ready = sum(conditions & READY for conditions in part.conditions)
    return ready * part.count if len(part.conditions) == 1 else ready


def _addresses(export: Export, *, headless: bool) -> Iterator[dict[str, Any]]:
    kinds = {
        "ClusterSetIP": export.cluster_set_ips,
        "ClusterIP": export.cluster_ips,
        "LoadBalancer": export.load_balancer_ips,
    }
    for kind, packed in kinds.items():
        for address in packed:
            yield _address(export, kind, address, export.ports)
    for name in export.load_balancer_names:
        yield _address(export, "LoadBalancer", name, export.ports)
    for part in export.slices:
        for each in part.endpoints():
            yield _address(export, "PodIP", each.address, part.ports) | {
                "host": host_label(each.hostname, each.address) if headless else None,
                "zone": each.zone or None,
                "ready": bool(each.conditions & READY),
                "serving": bool(each.conditions & SERVING),
                "terminating": bool(each.conditions & TERMINATING),
            }


def _address(export: Export, kind: str, address: bytes | str, ports: Iterable[Port]) -> dict[str, Any]:
    return {
        "cluster": export.cluster,
        "kind": kind,
        "address": address if isinstance(address, str) else str(ip_address(address)),
        "host": None,
        "zone": None,
        "ready": None,
        "serving": None,
        "terminating": None,
        "ports": list(map(_port, ports)),
    }


def _port(port: Port) -> str:
    return f"{port.name}:{port.number}/{port.protocol}"


def _conflict(key: ServiceKey, kind: str, cluster: str, message: str) -> dict[str, str]:
    return {"namespace": key[0], "name": key[1], "kind": kind, "cluster": cluster, "message": message}
