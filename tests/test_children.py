"""Children: each transport has its processes, and each process the sockets that it reads and no others."""

import asyncio
import json
import os
import signal
import socket
from pathlib import Path

import aiohttp
import dns.message
import pytest

from fedns.children import Listeners
from fedns.lab.processes import free_port, serving
from fedns.lab.world import SERVICE, World
from fedns.settings.child import Child
from fedns.settings.schema import Address, Dns, Https, Quic, Tls
from tests.lab.worlds import until
from tests.servers import browsers
from tests.servers.dialers import dialled
from tests.settings.certificates import write_pair

HERE = (Address("127.0.0.1", 0),)
PAIR = {"cert_file": "/a.crt", "key_file": "/a.key"}


@pytest.mark.parametrize("workers", [0, 2])
def test_every_part_has_its_own_sockets(workers: int) -> None:
    """Workers share theirs; HTTPS and QUIC have processes of their own, whether there are workers or not."""
    dns = Dns(
        listen=HERE,
        tls=Tls(listen=HERE, **PAIR),
        https=Https(listen=HERE, path="/ask", workers=2, **PAIR),
        quic=Quic(listen=HERE, **PAIR),
    )
    listeners = Listeners(dns, None)
    kinds = {each.fileno(): each.type for each in listeners.all()}
    parts = list(listeners.parts(workers))
    assert [each.name for each in parts[workers:]] == ["HTTPS process 1", "HTTPS process 2", "the QUIC process"]
    assert [each.module for each in parts[:workers]] == ["fedns.servers.worker"] * workers
    children = [_child(workers, **each.words) for each in parts]
    https, quic = children[-2:]
    assert [kinds[each] for each in https.tls] == [socket.SOCK_STREAM]
    assert (https.url_path, https.cert_file, https.udp, https.tcp) == ("/ask", "/a.crt", (), ())
    assert [kinds[each] for each in quic.udp] == [socket.SOCK_DGRAM]
    assert (quic.key_file, quic.tls, quic.tcp) == ("/a.key", (), ())
    plain = listeners.plain()
    own = {*plain["udp"], *plain["tcp"], *plain["tls"]}
    assert own | {*https.tls, *quic.udp} == set(kinds)
    assert not own & {*https.tls, *quic.udp}
    for each in listeners.all():
        each.close()


def test_nothing_more_than_is_configured() -> None:
    """Plain DNS alone has its workers, and no certificate."""
    listeners = Listeners(Dns(listen=HERE), None)
    assert [each.name for each in listeners.parts(1)] == ["worker 1"]
    assert "cert_file" not in listeners.plain()
    for each in listeners.all():
        each.close()


def _child(workers: int, **words: object) -> Child:
    told: dict[str, object] = {"config": "", "overrides": {}, "slot": 1, "slots": (), "listener": 0, "path": ""}
    return Child(**{**told, "lifeline": 0, "workers": workers, **words})  # type: ignore[arg-type]


@pytest.mark.parametrize("workers", [0, 1])
async def test_https_and_quic_are_served_and_replaced(tmp_path: Path, workers: int) -> None:
    """Beside the workers, or the control process that answers itself: from the same truth, and counted with them."""
    certificate, key = write_pair(tmp_path, "one")
    ports = {"https": free_port(), "quic": free_port()}
    async with World(tmp_path, members=1, workers=workers, port=free_port()) as world:
        await world.deploy()
        settings = json.loads(world.config.read_text())
        for name, port in ports.items():
            doors = {"listen": [f"127.0.0.1:{port}"], "certFile": str(certificate), "keyFile": str(key)}
            settings["dns"][name] = doors
        world.config.write_text(json.dumps(settings))
        await world.serve()
        query = dns.message.make_query(SERVICE, "A", id=0).to_wire()

        async def answered() -> bool:
            try:
                return await _over_https(ports["https"], certificate, query) and await _over_quic(
                    ports["quic"], certificate, query
                )
            except (OSError, EOFError):
                return False

        await until(answered)
        for module in ("fedns.servers.https", "fedns.servers.quic"):
            (before,) = serving(world.server_pid, module)
            os.kill(before, signal.SIGKILL)
            await until(lambda before=before, module=module: serving(world.server_pid, module) not in ([], [before]))
        await until(answered)
        async with aiohttp.ClientSession() as session:
            page = await (await session.get(f"http://127.0.0.1:{world.http_port}/metrics")).text()
    told = [line for line in page.splitlines() if line.startswith("fedns_dns_responses_total{")]
    assert all(any(f'proto="{name}",rcode="NOERROR"' in line for line in told) for name in ports)
    assert "fedns_worker_restarts_total 2.0" in page


async def _over_https(port: int, certificate: Path, query: bytes) -> bool:
    streams = await asyncio.open_connection("127.0.0.1", port, ssl=browsers.trusting(certificate))
    session = browsers.Session(*streams)
    answer = await session.answer(session.browser.post(query))
    session.writer.close()
    return bool(dns.message.from_wire(answer.body).answer)


async def _over_quic(port: int, certificate: Path, query: bytes) -> bool:
    async with dialled(("127.0.0.1", port), certificate) as dialer:
        return bool(dns.message.from_wire(await asyncio.wait_for(dialer.ask(query), 20)).answer)
