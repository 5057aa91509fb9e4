"""CoreDNS with `multicluster` and fedns with `source: imports` read the same API server, and answer alike.

Each difference that is meant is listed with the paragraph that justifies it; anything else fails.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from time import monotonic
from typing import Any, Final

import pytest
import pytest_asyncio
from dnslib import QTYPE, RCODE

from fedns.lab import kubeconfig
from fedns.lab.hub import SERVICE_LABEL, SOURCE_LABEL, Hub
from fedns.lab.processes import end, free_port
from fedns.lab.real import ADMIN_TOKEN, Server
from fedns.lab.simulator import Deployment
from fedns.lab.world import World
from tests.real.asking import through

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

SECONDS: Final = 60.0
ZONE: Final = "svc.clusterset.local"
VERSION: Final = "dns-version.clusterset.local"
PORTS: Final = (
    {"name": "http", "port": 80, "protocol": "TCP"},
    {"name": "dns", "port": 53, "protocol": "UDP"},
)
WHOLE: Final = {("web", "A"): 6, ("web", "AAAA"): 1, ("pets", "A"): 6, ("api", "A"): 1, ("six", "AAAA"): 3}
"""How many addresses each service has."""
Told = tuple[str, frozenset[tuple[str, str, str]]]
"""The rcode, and (owner, type, data without SRV's priority and weight) of the answer."""


def deployment(name: str, pods: str, **given: Any) -> Deployment:
    """Three pods of a service of the namespace shop."""
    return Deployment(namespace="shop", name=name, zones={"eu-a": 3}, pod_range=pods, ports=PORTS, **given)


def hub() -> Hub:
    """Services of two source clusters: headless with and without host names, of both families, empty, and with IPs."""
    unready = deployment("empty", "10.124.0.0/16", headless=True)
    unready.set_ready("eu-a", ready=False)
    return Hub(
        sources={
            "c1": [
                deployment("web", "10.121.0.0/16", headless=True),
                deployment("pets", "10.122.0.0/16", headless=True, hostnames=True),
                deployment("api", "10.123.0.0/16"),
                deployment("six", "fd00:1::/112", headless=True),
                unready,
            ],
            "c2": [
                deployment("web", "10.131.0.0/16", headless=True),
                deployment("pets", "10.132.0.0/16", headless=True, hostnames=True),
                deployment("api", "10.133.0.0/16"),
            ],
        },
        lease_seconds=600,
    )


def second_family() -> list[dict[str, Any]]:
    """IPv6 endpoints of `web` in c1: the service has both families."""
    labels = {SERVICE_LABEL: "web", SOURCE_LABEL: "c1", "endpointslice.kubernetes.io/managed-by": "test.example.com"}
    return [
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"namespace": "shop", "name": "c1-web-six", "labels": labels},
            "addressType": "IPv6",
            "ports": list(PORTS),
            "endpoints": [{"addresses": ["fd00:2::1"], "conditions": {"ready": True}}],
        }
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(
    control_plane: Path, coredns: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[int, int]]:
    """The ports of fedns and of CoreDNS, which follow the same real API server."""
    directory = tmp_path_factory.mktemp("multicluster")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBEBUILDER_ASSETS", str(control_plane))
        # All addresses for everybody: what nearness leaves out is D3's affair, and not CoreDNS's.
        policies = [{"match": {"namespaces": ["*"], "services": ["*"]}, "ladder": ["any"]}]
        world = World(
            directory,
            members=1,
            workers=1,
            port=free_port(),
            real=("eu1",),
            hubs={"eu1": hub()},
            settings={"policies": policies},
        )
        async with world:
            await world.deploy()
            server = world.clusters["eu1"]
            await server.put(second_family())
            await world.serve()
            assert isinstance(server, Server)
            started = monotonic()
            while not await whole(world.port):
                assert monotonic() - started < SECONDS
                await asyncio.sleep(0.1)
            async with running(coredns, directory, server) as port:
                yield world.port, port


@asynccontextmanager
async def running(coredns: Path, directory: Path, server: Server) -> AsyncIterator[int]:
    """The port of a CoreDNS that follows this API server."""
    port = free_port()
    kubeconfig.save(directory / "coredns.kubeconfig", server.kubeconfig(ADMIN_TOKEN))
    block = (
        f"clusterset.local:{port} {{\n bind 127.0.0.1\n errors\n kubernetes clusterset.local {{\n"
        f"  kubeconfig {directory / 'coredns.kubeconfig'} {server.name}\n  multicluster clusterset.local\n }}\n}}\n"
    )
    (directory / "Corefile").write_text(block)
    with (directory / "coredns.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            coredns, "-conf", directory / "Corefile", stdout=log, stderr=log, start_new_session=True
        )
    try:
        started = monotonic()
        while not await whole(port):
            assert process.returncode is None, (directory / "coredns.log").read_text()
            assert monotonic() - started < SECONDS, (directory / "coredns.log").read_text()
            await asyncio.sleep(0.1)
        yield port
    finally:
        await end(process)


async def whole(port: int) -> bool:
    """Whether all services are told of: imports and slices arrive one after the other."""
    counts = {}
    for service, qtype in WHOLE:
        reply = await through(port, f"{service}.shop.{ZONE}", qtype)
        counts[service, qtype] = len(reply.message.rr) if reply is not None else 0
    return counts == WHOLE


def questions() -> Iterator[tuple[str, str]]:
    """Names and types: services, ports, clusters, hosts, their parts, others that are not there."""
    hosts = (
        "10-121-0-1.c1.web",
        "10-131-0-1.c2.web",
        "10-121-0-1.c2.web",
        "pets-0.c1.pets",
        "pets-0.c2.pets",
        "fd00-1--1.c1.six",
        "fd00-2--1.c1.web",
        "no.c1.pets",
        "pets-0.pets",
        "10-123-0-1.c1.api",
        "10-124-0-1.c1.empty",
        "a.pets-0.c1.pets",
    )
    services = ("web", "pets", "api", "six", "empty", "none")
    below = ("_http._tcp.", "_dns._udp.", "_http._udp.", "_no._tcp.", "_HTTP._TCP.", "_tcp.", "c1.", "c2.", "c3.")
    names = [*hosts, *services, *(f"{left}{service}" for left, service in product(below, services)), "WEB"]
    names = [f"{name}.shop.{ZONE}" for name in names]
    names += [
        f"shop.{ZONE}",
        f"none.{ZONE}",
        ZONE,
        "clusterset.local",
        VERSION,
        f"web.none.{ZONE}",
    ]
    return product(names, ("A", "AAAA", "SRV", "TXT", "MX"))


async def told(port: int, name: str, qtype: str) -> Told:
    """What a server says, without what the specification leaves free; asked again while a busy machine is silent."""
    reply, started = await through(port, name, qtype), monotonic()
    while reply is None:
        assert monotonic() - started < SECONDS
        reply = await through(port, name, qtype)
    found = set()
    for record in reply.message.rr:
        data = str(record.rdata).lower()
        if record.rtype == QTYPE.SRV:
            data = " ".join(data.split()[2:])
        found.add((str(record.rname).lower(), str(QTYPE[record.rtype]), data))
    return str(RCODE[reply.message.header.rcode]), frozenset(found)


NODATA: Final[Told] = ("NOERROR", frozenset())
NXDOMAIN: Final[Told] = ("NXDOMAIN", frozenset())
EXISTING: Final = {f"shop.{ZONE}", ZONE, "clusterset.local", VERSION}
Pair = tuple[str, str, Told, Told]
"""Name and type of a question, what fedns tells, what CoreDNS tells."""


def above(pair: Pair) -> bool:
    """RFC 8020 section 2: a name with names below it exists, though it has no records: `_tcp.web`, `c1.web`."""
    name, _, ours, theirs = pair
    return name.partition(".")[0] in {"_tcp", "c1", "c2"} and (ours, theirs) == (NODATA, NXDOMAIN)


def typeless(pair: Pair) -> bool:
    """RFC 2308 section 2.2: a name that exists has no data of other types, and is not denied (CoreDNS denies TXT)."""
    name, _, ours, theirs = pair
    return name in EXISTING and (ours, theirs) == (NODATA, NXDOMAIN)


def version(pair: Pair) -> bool:
    """KEP-1645, DNS, schema version: the clusterset's is 1.0.0; 1.1.0 is that of Kubernetes' own names."""
    name, qtype, ours, theirs = pair
    versions = [[text for _, _, text in each[1]] for each in (ours, theirs)]
    return (name, qtype) == (VERSION, "TXT") and versions == [['"1.0.0"'], ['"1.1.0"']]


def port_address(pair: Pair) -> bool:
    """KEP-1645, DNS, SRV records: a port's name has SRV records; addresses stand at the service's and the hosts'."""
    name, qtype, ours, theirs = pair
    return name[0] == "_" and qtype in {"A", "AAAA"} and ours == NODATA and theirs[0] == "NOERROR"


def cluster_host(pair: Pair) -> bool:
    """KEP-1645, DNS, ClusterSetIP services: names by cluster must not be; names of hosts are those of headless ones."""
    name, _, ours, theirs = pair
    return name == f"10-123-0-1.c1.api.shop.{ZONE}" and ours == NXDOMAIN and theirs[0] == "NOERROR"


REASONS: Final = (above, typeless, version, port_address, cluster_host)


async def test_they_answer_alike(both: tuple[int, int]) -> None:
    """Rcode and records of every name and type are the same, or the difference is listed; no reason is in vain."""
    fedns, coredns = both
    different, used, compared = [], set(), 0
    for name, qtype in questions():
        ours, theirs = await told(fedns, name, qtype), await told(coredns, name, qtype)
        compared += 1
        reason = next((each for each in REASONS if each((name, qtype, ours, theirs))), None)
        if ours == theirs:
            continue
        if reason is None:
            different.append(f"{name} {qtype}: fedns {ours}, CoreDNS {theirs}")
        else:
            used.add(reason)
    assert compared > 300
    assert not different, "\n".join(different)
    assert used == set(REASONS)
