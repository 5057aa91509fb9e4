"""Which processes one fedns has beside its control process, and which sockets each of them inherits."""

import socket
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from fedns.handover import Succession
from fedns.listening import open_sockets
from fedns.settings.schema import Dns, Https, Quic, Tls

_STREAM: Final = (socket.SOCK_STREAM,)
_DATAGRAM: Final = (socket.SOCK_DGRAM,)

Words = dict[str, Any]
"""What a child is told beyond what all are told, by the names of `Child`."""


class Part(NamedTuple):
    """One process that answers."""

    name: str
    module: str
    words: Words


class Listeners:
    """All sockets that DNS is answered on, those of a predecessor where it has them.

    Raises OSError that names the address which cannot be had.
    """

    def __init__(self, dns: Dns, succession: Succession | None) -> None:
        self._dns = dns
        self._plain = open_sockets(dns.listen, succession=succession)
        secure: tuple[tuple[Tls | Https | Quic | None, tuple[int, ...]], ...] = (
            (dns.tls, _STREAM),
            (dns.https, _STREAM),
            (dns.quic, _DATAGRAM),
        )
        self._tls, self._https, self._quic = (
            open_sockets(each.listen, kinds, succession=succession) if each is not None else []
            for each, kinds in secure
        )

    def all(self) -> list[socket.socket]:
        """Every socket."""
        return [*self._plain, *self._tls, *self._https, *self._quic]

    def plain(self) -> Words:
        """What a worker is told: UDP, TCP and TLS."""
        return {
            "udp": tuple(each.fileno() for each in self._plain if each.type == socket.SOCK_DGRAM),
            "tcp": tuple(each.fileno() for each in self._plain if each.type == socket.SOCK_STREAM),
            "tls": _numbers(self._tls),
            **_pair(self._dns.tls),
        }

    def parts(self, workers: int) -> Iterator[Part]:
        """The workers, then what speaks HTTPS, then what speaks QUIC.

        A QUIC connection lives in one process, and any packet of it may come to whoever reads the socket: so there is
        one process for QUIC.
        """
        for at in range(1, workers + 1):
            yield Part(f"worker {at}", "fedns.servers.worker", self.plain())
        https, quic = self._dns.https, self._dns.quic
        if https is not None:
            words = {"udp": (), "tcp": (), "tls": _numbers(self._https), **_pair(https), "url_path": https.path}
            for at in range(1, https.workers + 1):
                yield Part(f"HTTPS process {at}", "fedns.servers.https", words)
        if quic is not None:
            words = {"udp": _numbers(self._quic), "tcp": (), **_pair(quic)}
            yield Part("the QUIC process", "fedns.servers.quic", words)


def _numbers(sockets: list[socket.socket]) -> tuple[int, ...]:
    return tuple(each.fileno() for each in sockets)


def _pair(secure: Tls | Https | Quic | None) -> Words:
    return {} if secure is None else {"cert_file": secure.cert_file, "key_file": secure.key_file}
