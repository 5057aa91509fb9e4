"""Drains: what an operator has taken out, as text and as values, and what that means for one service.

A drain needs nobody's consent: it holds while the cluster concerned is dead.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from msgspec import Struct

from fedns.federation.objects import ServiceKey


class Drain(Struct, frozen=True, kw_only=True):
    """A cluster, one of its zones, or one service in it is taken out; `force` also where nothing else is left."""

    cluster: str
    zone: str = ""
    namespace: str = ""
    service: str = ""
    force: bool = False

    @property
    def target(self) -> str:
        """What is drained, as it is written: CLUSTER, CLUSTER/ZONE or NAMESPACE/SERVICE@CLUSTER."""
        if self.service:
            return f"{self.namespace}/{self.service}@{self.cluster}"
        return f"{self.cluster}/{self.zone}" if self.zone else self.cluster


class Away(NamedTuple):
    """What of one cluster is drained for one service: all of it, or zones; and what of that by force."""

    whole: bool = False
    forced: bool = False
    zones: frozenset[str] = frozenset()
    forced_zones: frozenset[str] = frozenset()


STAYING: Final = Away()
"""Nothing is drained."""


def drain(target: str, *, force: bool = False) -> Drain:
    """A drain from its target as it is written; raises ValueError with a sentence."""
    what, at, cluster = target.partition("@")
    if at:
        namespace, slash, service = what.partition("/")
        if all((namespace, slash, service, cluster)) and not set("/@") & set(service + cluster):
            return Drain(cluster=cluster, namespace=namespace, service=service, force=force)
    else:
        cluster, slash, zone = target.partition("/")
        if cluster and bool(slash) == bool(zone) and "/" not in zone:
            return Drain(cluster=cluster, zone=zone, force=force)
    raise ValueError(f"{target!r} is nothing to drain: write CLUSTER, CLUSTER/ZONE or NAMESPACE/SERVICE@CLUSTER")


def away(drains: Iterable[Drain], key: ServiceKey) -> dict[str, Away]:
    """What is drained for one service, by cluster; clusters where nothing is are missing."""
    found: dict[str, Away] = {}
    for each in drains:
        if each.service and (each.namespace, each.service) != key:
            continue
        whole, forced, zones, forced_zones = found.get(each.cluster, STAYING)
        if each.zone:
            zones |= {each.zone}
            forced_zones |= {each.zone} if each.force else set()
        else:
            whole, forced = True, forced or each.force
        found[each.cluster] = Away(whole, forced, zones, forced_zones)
    return found
