"""Which names of a service are longer than DNS allows, so that no answer tells them.

It is arithmetic on zones, cluster ids, hosts and ports; no name is made. Single labels need no look: what members call
services, namespaces, hosts and ports is a label before it gets here, and a port's that is too long was counted there.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from fedns.answers.compression import MAX_LABEL_BYTES, MAX_NAME_BYTES
from fedns.answers.rules import Zone
from fedns.federation.hosts import host_label
from fedns.federation.objects import Cluster, Conflict, Export, Port, Service, ServiceKey

NAME_TOO_LONG: Final = "name-too-long"
MAX_TEXT_CHARACTERS: Final = MAX_NAME_BYTES - 2
"""A name as text without the final dot: on the wire it has one more length, and the root."""
LONGEST_ADDRESSES: Final = {4: len("255-255-255-255"), 16: 39}
"""Characters of a host label that is made from an address of so many bytes, at most."""
_LONGEST_PORT: Final = len("_._sctp.") + MAX_LABEL_BYTES


def room(zones: Iterable[Zone], clusters: Iterable[Cluster]) -> int:
    """Characters that a namespace and a service may have together, so that every name of theirs surely fits."""
    above = max((len(_above(zone)) for zone in zones), default=0)
    cluster = max((len(each.name) for each in clusters), default=0)
    return MAX_TEXT_CHARACTERS - above - 2 - max(MAX_LABEL_BYTES + cluster + 2, _LONGEST_PORT)


def crowded(key: ServiceKey, characters: int) -> bool:
    """Whether names of this service could be too long; `characters` is the room of the configuration."""
    return len(key[0]) + len(key[1]) > characters


def too_long(service: Service, zones: tuple[Zone, ...]) -> tuple[Conflict, ...]:
    """One conflict for each member with names that do not fit, in the order of its exports; worked out once."""
    key = (NAME_TOO_LONG, zones)
    known: tuple[Conflict, ...] | None = service.memory.get(key)
    if known is None:
        homes = {_above(zone): zone for zone in zones if zone.kind != "reverse"}
        faults = ((export.cluster, _fault(export, service, homes)) for export in service.exports)
        known = tuple(Conflict(NAME_TOO_LONG, cluster, fault) for cluster, fault in faults if fault)
        service.memory[key] = known
    return known


def _fault(export: Export, service: Service, homes: Mapping[str, Zone]) -> str:
    """What of an export cannot be told, and where; "" where all fits."""
    told = []
    for above, zone in homes.items():
        left = MAX_TEXT_CHARACTERS - len(f"{service.name}.{service.namespace}.{above}")
        kinds = list(_kinds(export, zone, left, headless=service.headless))
        if kinds:
            told.append(f"{', '.join(kinds)} under {above}")
    return f"Names over {MAX_NAME_BYTES} bytes are left out: {'; '.join(told)}." if told else ""


def _kinds(export: Export, zone: Zone, left: int, *, headless: bool) -> Iterator[str]:
    """The kinds of names that are longer than the service's own by more than is left."""
    if left < 0:
        yield "the service"
    if zone.kind != "old":
        cluster = len(export.cluster) + 1
        if zone.kind == "federation" and cluster > left:
            yield "its cluster"
        if headless and _host_over(export, left - cluster - 1):
            yield "hosts"
    if any(_port(port) > left for port in export.ports if port.name):
        yield "ports"


def _port(port: Port) -> int:
    return len(f"_{port.name}._{port.protocol}.")


def _host_over(export: Export, most: int) -> bool:
    """Whether a host's label has more characters; single endpoints are only looked at where the kind leaves it open."""
    for part in export.slices:
        bound = MAX_LABEL_BYTES if part.hostnames else LONGEST_ADDRESSES[part.width]
        if bound > most and any(len(host_label(each.hostname, each.address)) > most for each in part.endpoints()):
            return True
    return False


def _above(zone: Zone) -> str:
    """What stands behind the namespace in a service's name."""
    if zone.kind == "old":
        return zone.name
    return f"{zone.federation}.svc.{zone.name}".removeprefix(".")
