"""How near a service itself wants its clients to be served: from what Kubernetes knows of it to a ladder.

For policies that say `ladder: fromService`. The ladder follows from `spec.trafficDistribution` of the export that has
precedence (KEP-4444, KEP-3015). Inside the client's own cluster, hints of endpoints (KEP-2433) say who counts for which
zone, on the terms of kube-proxy.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import structs

from fedns.federation.locality import Location
from fedns.federation.objects import READY, Service
from fedns.federation.terms import Bunch, Candidate, Policy, Rung

SAME_ZONE: Final = "PreferSameZone"
SAME_NODE: Final = "PreferSameNode"
KNOWN: Final = {SAME_ZONE: SAME_ZONE, "PreferClose": SAME_ZONE, SAME_NODE: SAME_NODE}
"""What a Service may say, as it is called here: PreferClose is the old word. Any other is an implementation's own."""

_BEYOND: Final = (Rung.CLUSTER, Rung.REGION, Rung.JURISDICTION, Rung.ANY)
_NEAR: Final = (Rung.ZONE, *_BEYOND)


def resolved(policy: Policy, service: Service) -> Policy:
    """The policy with the ladder that the service asks for, where it leaves that to the service.

    PreferSameNode is the zone: nobody here knows the node of every client. Kubernetes prefers no zone by default, but
    for endpoints that have hints.
    """
    if not policy.from_service:
        return policy
    first = service.exports[0]
    hinted = any(part.hints is not None for export in service.exports for part in export.slices)
    return structs.replace(
        policy,
        ladder=_NEAR if first.traffic or hinted else _BEYOND,
        hints=("first" if first.traffic else "only") if hinted else "",
        said=f"trafficDistribution={first.traffic or 'none'} export={first.cluster} hints={'yes' if hinted else 'no'}",
    )


def obeyed(bunches: Iterable[Bunch], location: Location, policy: Policy) -> bool:
    """Whether hints count for this client: each ready endpoint of its cluster has some, and one is for its zone."""
    if not (policy.hints and location.cluster and location.zone):
        return False
    own = [each[0] for each in bunches if each[0].cluster == location.cluster and each[0].conditions & READY]
    return all(each.hinted for each in own) and any(location.zone in each.hinted for each in own)


def seen(candidate: Candidate, location: Location, policy: Policy, *, hints: bool) -> Candidate:
    """A candidate as it counts for the zone of this client, with or without hints in its cluster."""
    if not policy.hints:
        return candidate
    if hints and candidate.cluster == location.cluster:
        return structs.replace(candidate, zones=candidate.hinted)
    return structs.replace(candidate, zones=()) if policy.hints == "only" else candidate
