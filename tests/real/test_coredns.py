"""A real CoreDNS in front of fedns, as a cluster has it: its stub domains forward to fedns."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest
import pytest_asyncio
from dnslib import QTYPE

from fedns.client import Ask, Reply, ask
from fedns.lab.processes import end, free_port
from fedns.lab.simulator import Deployment
from fedns.lab.world import World
from tests.real.asking import Seen, addresses, look, seen, settles, through

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]

START_SECONDS = 20.0
FRONT = "front.dns"
STRICT, FEDERATED = f"{FRONT}.svc.clusterset.local", f"{FRONT}.myfed.svc.example.com"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def front(world: World) -> Deployment:
    """The headless service `front.dns` of the local member with named pods, settled."""
    local = world.plan[0]
    made = Deployment(
        namespace="dns",
        name="front",
        zones={local.zones[0]: 3},
        pod_range="10.190.0.0/16",
        headless=True,
        hostnames=True,
    )
    await world.clusters[local.name].put(made.objects())
    await settles(lambda: look(world, STRICT), addresses(made.addresses()))
    return made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def port(world: World, coredns: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[int]:
    """The port of a CoreDNS that forwards both zones to fedns, answering."""
    directory, port = tmp_path_factory.mktemp("coredns"), free_port()
    blocks = (
        f"{zone}:{port} {{\n bind 127.0.0.1\n errors\n forward . 127.0.0.1:{world.port}\n}}\n"
        for zone in ("clusterset.local", "example.com")
    )
    (directory / "Corefile").write_text("".join(blocks))
    with (directory / "coredns.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            coredns, "-conf", directory / "Corefile", stdout=log, stderr=log, start_new_session=True
        )
    try:
        started = monotonic()
        while await through(port, STRICT) is None:
            assert process.returncode is None, (directory / "coredns.log").read_text()
            assert monotonic() - started < START_SECONDS
            await asyncio.sleep(0.05)
        yield port
    finally:
        await end(process)


async def told(port: int, name: str, qtype: str = "A", *, stream: bool = False) -> Reply:
    """The reply of CoreDNS."""
    return await ask(Ask(name, qtype, ("127.0.0.1", port), stream=stream))


@pytest.mark.parametrize("name", [STRICT, FEDERATED])
@pytest.mark.parametrize("stream", [False, True], ids=["udp", "tcp"])
async def test_addresses_come_through(front: Deployment, port: int, name: str, stream: bool) -> None:
    """A through CoreDNS is what fedns tells a client at the place of CoreDNS."""
    reply = await told(port, name, stream=stream)
    assert seen(reply) == addresses(front.addresses())
    assert all(record.ttl <= 5 for record in reply.message.rr)


@pytest.mark.parametrize("name", [STRICT, FEDERATED])
async def test_ports_come_through(front: Deployment, port: int, name: str) -> None:
    """SRV through CoreDNS names every pod and its port, and each target resolves to that pod, through CoreDNS too."""
    reply = await told(port, f"_http._tcp.{name}", "SRV")
    records = [record.rdata for record in reply.message.rr if record.rtype == QTYPE.SRV]
    assert [record.port for record in records] == [80] * 3
    targets = [seen(await told(port, str(record.target))) for record in records]
    assert set(targets) == {addresses([each]) for each in front.addresses()}


@pytest.mark.parametrize("name", ["nothing.dns.svc.clusterset.local", "nothing.dns.myfed.svc.example.com"])
async def test_a_name_that_is_not_comes_through(front: Deployment, port: int, name: str) -> None:
    """NXDOMAIN keeps its SOA, from which CoreDNS's cache learns how long to remember it."""
    assert front.addresses()
    reply = await told(port, name)
    assert seen(reply).rcode == "NXDOMAIN"
    (soa,) = reply.message.auth
    assert soa.rtype == QTYPE.SOA
    assert name.endswith(str(soa.rname).rstrip("."))
    assert 0 < soa.rdata.times[4] <= 5


@pytest.mark.parametrize("name", [STRICT, FEDERATED])
async def test_a_type_that_is_not_comes_through(front: Deployment, port: int, name: str) -> None:
    """A name without this type is NOERROR with the SOA, and never a name that does not exist."""
    assert front.addresses()
    reply = await told(port, name, "AAAA")
    assert (seen(reply).rcode, reply.message.rr) == ("NOERROR", [])
    assert [record.rtype for record in reply.message.auth] == [QTYPE.SOA]


async def test_a_change_comes_through(world: World, front: Deployment, port: int) -> None:
    """A new pod is told through CoreDNS as soon as fedns tells it: nothing on the way keeps the old answer."""
    front.scale(world.plan[0].zones[0], 4)
    await world.clusters[world.plan[0].name].put(front.objects())

    async def question() -> Seen:
        return seen(await through(port, FEDERATED))

    await settles(question, addresses(front.addresses()))
