"""The process that answers DNS over HTTPS: as a worker, with a door of its own, so that workers never load HTTP."""

from functools import partial
from typing import Final

from fedns.answers.replica import Replica
from fedns.servers.stream import StreamDoor
from fedns.servers.tap import Tap
from fedns.servers.tls import Certificate
from fedns.servers.web import ALPN, Web
from fedns.servers.worker import Doors, life
from fedns.settings.child import Child, inherited

MOST: Final = 512
"""Connections of one process: each remembers compressed headers and streams of both sides."""


def opened(child: Child, replica: Replica) -> Doors:
    """The door of HTTPS."""
    sockets = inherited(child.tls)
    certificate = Certificate(child.cert_file, child.key_file, ALPN, "DNS over HTTPS")
    tap = Tap(replica)
    speaks = partial(Web, path=child.url_path)
    door = StreamDoor(sockets, replica, certificate, tap=tap, secure="https", speaks=speaks, most=MOST)
    return Doors(child, replica, sockets, [door], tap)


def main() -> None:
    """A process for HTTPS."""
    life("https", opened)


if __name__ == "__main__":
    main()
