"""Which names of a service are over the limits of DNS, at the byte: the service, its cluster, hosts and ports."""

import pytest

from fedns.answers import records
from fedns.answers.lengths import crowded, room, too_long
from fedns.answers.rules import Zone
from fedns.federation.catalog import Catalog
from fedns.federation.hosts import host_label
from fedns.federation.objects import READY, Cluster, Endpoint, Export, Port, Service, pack

STRICT = Zone(name=".".join(["z" * 60, "y" * 60, "x" * 20]), kind="clusterset")
FEDERAL = Zone(name=".".join(["z" * 60, "y" * 60, "x" * 16]), kind="federation", federation="fed")
OLD = Zone(name=f"fed.svc.{'c' * 63}.{'d' * 63}.local", kind="old", federation="fed")
REVERSE = Zone(name="10.in-addr.arpa", kind="reverse", federation="fed")
ABOVE = {"clusterset": f"svc.{STRICT.name}", "federation": f"fed.svc.{FEDERAL.name}", "old": OLD.name}
CLUSTER = "eu1"
V4 = bytes([10, 0, 0, 1])
V6 = bytes.fromhex("20010db8000000000000000000000001")


def service(name: str, *hosts: tuple[bytes, str], port: str = "", headless: bool = True) -> Service:
    """A service of one member in the namespace `n...`."""
    ports = (Port(port, 80),)
    slices = pack(ports, (Endpoint(address, READY, hostname=host) for address, host in hosts))
    catalog = Catalog()
    catalog.replace(CLUSTER, [Export(CLUSTER, "n" * 50, name, 1, headless, ports, slices=slices)])
    found = catalog.service(("n" * 50, name))
    assert found is not None
    return found


def fits(*labels: str) -> bool:
    """Whether the name that these labels spell is a legal one."""
    try:
        records.name(".".join(labels))
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("headless", [True, False])
@pytest.mark.parametrize("zone", [STRICT, FEDERAL, OLD], ids=lambda zone: zone.kind)
@pytest.mark.parametrize(
    ("hosts", "port"),
    [
        ([], ""),
        ([], "http"),
        ([], "p" * 62),
        ([(V4, "")], ""),
        ([(V6, "")], ""),
        ([(V4, "h" * 63), (V6, "")], "http"),
        ([(V4, "pet-0"), (V4, "")], ""),
    ],
    ids=["nothing", "port", "long port", "IPv4", "IPv6", "long host", "short host"],
)
def test_what_is_told_does_not_fit(zone: Zone, hosts: list[tuple[bytes, str]], port: str, headless: bool) -> None:
    """For every length of a service's name: exactly the kinds of names that are no names are told."""
    above = ABOVE[zone.kind]
    for length in range(1, 64):
        home = ("s" * length, "n" * 50, above)
        expected = [] if fits(*home) else ["the service"]
        if zone.kind == "federation" and not fits(CLUSTER, *home):
            expected.append("its cluster")
        labels = [host_label(host, address) for address, host in hosts] if headless and zone.kind != "old" else []
        if not all(fits(each, CLUSTER, *home) for each in labels):
            expected.append("hosts")
        if port and not fits(f"_{port}", "_TCP", *home):
            expected.append("ports")
        told = too_long(service(home[0], *hosts, port=port, headless=headless), (zone, REVERSE))
        texts = [each.message for each in told]
        what = f"Names over 255 bytes are left out: {', '.join(expected)} under {above}."
        assert texts == ([what] if expected else [])
        if told:
            assert (told[0].kind, told[0].cluster) == ("name-too-long", CLUSTER)
            assert crowded(("n" * 50, home[0]), room((zone,), (Cluster(name=CLUSTER),)))


def test_every_zone_is_told_and_only_once_worked_out() -> None:
    """One conflict of a member names all zones where something does not fit."""
    found = service("s" * 20, (V4, "a"), (V4, "h" * 63))
    told = too_long(found, (STRICT, FEDERAL))
    assert [each.message for each in told] == [
        f"Names over 255 bytes are left out: hosts under {ABOVE['clusterset']}; hosts under {ABOVE['federation']}."
    ]
    assert too_long(found, (STRICT, FEDERAL)) is told


def test_ordinary_zones_have_room_for_all() -> None:
    """With zones and clusters of usual length, no service has to be looked at."""
    zones = (Zone(name="clusterset.local", kind="clusterset"),)
    assert not crowded(("n" * 63, "s" * 63), room(zones, (Cluster(name="eu1"),)))
    assert not crowded(("n" * 63, "s" * 63), room((), ()))
