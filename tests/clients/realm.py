"""What real clients look for: services of one family, of both, of many endpoints, and none."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final

from fedns.answers.rules import Rules, Zone
from fedns.answers.wire import Generation, Members, NewRules, Replace, ToWorker
from fedns.federation.health import Timers
from fedns.federation.locality import Location
from fedns.federation.objects import READY, SERVING, Cluster, Endpoint, Export, Port, pack
from tests.answers.replicas import fresh

ZONE: Final = "svc.clusterset.local"
SEARCH: Final = f"shop.{ZONE} {ZONE} clusterset.local"
SERVICES: Final = {
    "web": ("10.1.0.1", "10.1.0.2", "10.1.0.3"),
    "dual": ("10.2.0.1", "10.2.0.2", "fd00::1", "fd00::2"),
    "six": ("fd00::6",),
    "large": tuple(f"10.3.{at >> 8}.{at & 255}" for at in range(300)),
}
PORTS: Final = (Port("http", 80),)
RULES: Final = Rules(
    zones=(Zone(name="clusterset.local", kind="clusterset"),),
    clusters=(Cluster(name="eu1"),),
    local=Location(cluster="eu1"),
    timers=Timers(suspect_after=3600.0, stale_after=3600.0, expire_after=7200.0),
)


def messages(now: float) -> Iterator[ToWorker]:
    """All that a worker is told."""
    yield NewRules(RULES)
    yield Members((fresh("eu1", now),))
    exports = tuple(_export(name, addresses) for name, addresses in SERVICES.items())
    yield Replace("eu1", exports, first=True, last=True)
    yield Generation("clients", 1, 1)


def _export(name: str, addresses: tuple[str, ...]) -> Export:
    pods = (Endpoint(ip_address(each).packed, READY | SERVING) for each in addresses)
    return Export("eu1", "shop", name, 1, headless=True, ports=PORTS, slices=pack(PORTS, pods))
