"""Pages of services, endpoints and conflicts: in the order of names, bounded, and whole when walked to the end."""

import pytest
from msgspec import structs

from fedns.control.directory import Directory
from fedns.federation.objects import READY, SERVING, TERMINATING, Endpoint, Port, pack
from tests.control.stage import Control, Followed, export

PORTS = (Port("http", 80), Port("", 9, "UDP"))


@pytest.fixture
def directory(control: Control) -> Directory:
    """Five services, one of two members that disagree, one with an address of its own."""
    points = (
        Endpoint(bytes([10, 0, 0, 1]), READY | SERVING, "a", "pet-0"),
        Endpoint(bytes([10, 0, 0, 2]), SERVING | TERMINATING),
    )
    own = structs.replace(export("eu1", "web"), ports=PORTS, slices=pack(PORTS, points))
    address = {"headless": False, "cluster_ips": (bytes([10, 96, 0, 1]),), "load_balancer_ips": (bytes(15) + b"\1",)}
    names = ("c", "d", "e")
    control.pipeline.replaced("eu1", [own, structs.replace(export("eu1", "ip"), **address)])
    control.pipeline.replaced("us1", [export("us1", "web"), *(export("us1", name) for name in names)])
    control.pipeline.tick()
    return Directory(control.truth, control.pipeline.conflicts, lambda: {"eu1": Followed()})


def test_services(directory: Directory) -> None:
    """Each with its type, its members in order of precedence, and how much of it is ready."""
    page = directory.services("shop/w", "", 10)
    assert page == {
        "services": [
            {
                "namespace": "shop",
                "name": "web",
                "type": "Headless",
                "clusters": ["eu1", "us1"],
                "ports": ["http:80/TCP", ":9/UDP"],
                "ready": 2,
                "endpoints": 3,
                "conflicts": ["PortConflict"],
            }
        ],
        "next": None,
    }
    assert directory.services("shop/i", "", 10)["services"][0]["type"] == "ClusterSetIP"


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6])
def test_a_walk_shows_every_service_once(directory: Directory, limit: int) -> None:
    """Whatever the size of the pages; the last one says that it is the last."""
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = directory.services("", after, limit)
        assert len(page["services"]) <= limit
        seen += [each["name"] for each in page["services"]]
        after = page["next"]
    assert seen == ["c", "d", "e", "ip", "web"]


def test_endpoints(directory: Directory) -> None:
    """Addresses of the members in order of precedence, what is known of each, page by page."""
    page = directory.endpoints("shop/web", "", 2)
    assert page is not None
    told = {"cluster": "eu1", "kind": "PodIP", "ports": ["http:80/TCP", ":9/UDP"]}
    first = {"address": "10.0.0.1", "host": "pet-0", "zone": "a", "ready": True, "serving": True, "terminating": False}
    second = {"address": "10.0.0.2", "host": "10-0-0-2", "zone": None, "ready": False, "serving": True}
    assert page["endpoints"] == [told | first, told | second | {"terminating": True}]
    rest = directory.endpoints("shop/web", page["next"], 2)
    assert rest is not None
    assert ([each["cluster"] for each in rest["endpoints"]], rest["next"]) == (["us1"], None)
    assert directory.endpoints("shop/none", "", 2) is None


def test_addresses_of_a_whole_service(directory: Directory) -> None:
    """They have no host, and nobody says whether they are ready."""
    page = directory.endpoints("shop/ip", "", 9)
    assert page is not None
    assert [(each["kind"], each["address"], each["ready"]) for each in page["endpoints"]] == [
        ("ClusterIP", "10.96.0.1", None),
        ("LoadBalancer", "::1", None),
        ("PodIP", "10.0.0.1", True),
    ]
    assert page["endpoints"][2]["host"] is None


def test_conflicts(directory: Directory) -> None:
    """What members disagree about, and what one exports in vain."""
    page = directory.conflicts("", "", 10)
    assert [(each["name"], each["kind"], each["cluster"]) for each in page["conflicts"]] == [
        ("outside", "InvalidServiceType", "eu1"),
        ("web", "PortConflict", "us1"),
    ]
    assert (page["pending"], page["next"]) == (0, None)
    assert directory.conflicts("", "", 1)["next"] == "shop/outside"
