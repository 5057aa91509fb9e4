"""Children: each transport has its processes, and each process the sockets that it reads and no others."""

import socket

import pytest

from fedns.children import Listeners
from fedns.settings.child import Child
from fedns.settings.schema import Address, Dns, Https, Quic, Tls

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
