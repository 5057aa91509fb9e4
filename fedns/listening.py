"""The sockets that answers come from, as the supervisor opens them: bound, and ready to be inherited."""

import socket
from typing import Final

from fedns.handover import Succession
from fedns.settings.child import IP_PKTINFO
from fedns.settings.schema import Address

RECEIVE_BUFFER_BYTES: Final = 4 * 1024 * 1024
BACKLOG: Final = 1024
IP_MTU_DISCOVER: Final = 10
IPV6_MTU_DISCOVER: Final = 23
PMTUDISC_PROBE: Final = 3
"""Socket options of Linux, which Python 3.11 does not name."""
KINDS: Final = (socket.SOCK_STREAM, socket.SOCK_DGRAM)


def open_sockets(
    addresses: tuple[Address, ...], kinds: tuple[int, ...] = KINDS, *, succession: Succession | None = None
) -> list[socket.socket]:
    """A UDP and a TCP socket for each address, those of a predecessor where it has them.

    Raises OSError that names the address which cannot be had.
    """
    sockets = []
    for address in addresses:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        port = address.port
        for kind in kinds:
            if succession is not None and (taken := succession.take(kind, address.host, port)):
                sockets.append(taken)
                continue
            each = socket.socket(family, kind)
            if family == socket.AF_INET6:
                each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if kind == socket.SOCK_STREAM:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            else:
                prepare_udp(each)
            try:
                each.bind((address.host, port))
            except OSError as error:
                each.close()
                raise OSError(error.errno, f"cannot listen on {address.host} port {port}: {error}") from error
            # Port 0 (any free one) is the same for both, as clients expect.
            port = each.getsockname()[1]
            if kind == socket.SOCK_STREAM:
                each.listen(BACKLOG)
            each.setblocking(False)
            sockets.append(each)
    return sockets


def prepare_udp(each: socket.socket) -> None:
    """Room for packets while workers are replaced, the address that was asked with each, and no fragments.

    PROBE sets DF and believes no path MTU that a stranger's ICMP claims (RFC 9715 section 3.1).
    """
    each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    if each.family == socket.AF_INET6:
        each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        each.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_PROBE)
        each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DONTFRAG, 1)
    else:
        each.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        each.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_PROBE)
