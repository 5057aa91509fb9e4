"""What one object of a member says, as slim values; the decoder makes them, shelves hold them by the hundred thousand.

All are outside the garbage collector's rounds (`gc=False`). `version` is the object's resourceVersion as a number, 0
for none. `weight` is what an object counts against a quota, `cut` what is left of it where there is only so much room.
"""

from msgspec import Struct
from msgspec.structs import replace

from fedns.federation.locality import Node
from fedns.federation.objects import Port, ServiceKey, Slice, column


class ServiceFacts(Struct, frozen=True, gc=False):
    """A Service: `labelled` when a label exports it; `created` in Unix seconds."""

    version: int
    headless: bool
    external: bool
    labelled: bool
    created: int
    ports: tuple[Port, ...]
    cluster_ips: tuple[bytes, ...]
    load_balancer_ips: tuple[bytes, ...]
    annotations: tuple[tuple[str, str], ...]
    load_balancer_names: tuple[str, ...] = ()
    traffic: str = ""


class SliceFacts(Struct, frozen=True, gc=False):
    """An EndpointSlice, the service that it belongs to, and the cluster whose endpoints it holds ("": the member's)."""

    version: int
    name: str
    owner: ServiceKey
    slices: tuple[Slice, ...]
    source: str = ""


class ExportFacts(Struct, frozen=True, gc=False):
    """A ServiceExport: that it exists, and since when (Unix seconds)."""

    version: int
    created: int


class ImportFacts(Struct, frozen=True, gc=False):
    """A ServiceImport: `created` in Unix seconds."""

    version: int
    headless: bool
    created: int
    ports: tuple[Port, ...]
    ips: tuple[bytes, ...]
    traffic: str = ""


class LeaseFacts(Struct, frozen=True, gc=False):
    """A Lease that a source cluster's agent renews: the text of its last renewal, and how many seconds that lasts."""

    version: int
    source: str
    renewed: str
    seconds: int


class NamespaceFacts(Struct, frozen=True, gc=False):
    """A Namespace with `fedns.io/*` annotations, sorted by key; one that has none says nothing."""

    version: int
    annotations: tuple[tuple[str, str], ...]


class NodeFacts(Struct, frozen=True, gc=False):
    """A Node: where clients are that have its addresses. Its heartbeats change nothing of this."""

    version: int
    node: Node


Facts = ServiceFacts | SliceFacts | ExportFacts | ImportFacts | LeaseFacts | NamespaceFacts | NodeFacts


def weight(facts: Facts | None) -> int:
    """What an object counts: a slice as many as its endpoints, and one where it has none; all others one."""
    if isinstance(facts, SliceFacts):
        return max(1, sum(each.count for each in facts.slices))
    return int(facts is not None)


def cut(facts: Facts, room: int) -> Facts | None:
    """What of these facts fits: the first endpoints of a slice, in its own order, and of all others all or nothing."""
    if weight(facts) <= room:
        return facts
    if room < 1 or not isinstance(facts, SliceFacts):
        return None
    kept = []
    for each in facts.slices:
        if room:
            kept.append(_first(each, room))
            room -= kept[-1].count
    return replace(facts, slices=tuple(kept))


def _first(part: Slice, count: int) -> Slice:
    return replace(
        part,
        addresses=part.addresses[: count * part.width],
        conditions=column(part.conditions[:count]),
        places=column(part.places[:count]),
        hostnames=part.hostnames[:count],
        hints=part.hints and replace(part.hints, places=column(part.hints.places[:count])),
    )
