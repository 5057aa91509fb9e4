"""The keys of `dns`: where fedns answers, whom, and how it defends itself."""

import socket
from typing import Final

from fedns.settings import values
from fedns.settings.kinds import Kind, Leaf, Many, Table


def _workers(written: str) -> int | None:
    if written == "auto":
        return None
    return int(values.whole("", 0, 512).check(written))


def _nsid(written: str) -> str:
    name = {"auto": socket.gethostname(), "off": ""}.get(written, written)
    if len(name.encode()) > 128:
        raise ValueError("is too long: 128 bytes at most, it goes into every answer that asks for it")
    return name


def _certified(doc: str, port: int, **more: Kind) -> Table:
    """A transport with TLS, and its own addresses, certificate and key."""
    listen = Many(doc=f"default 0.0.0.0:{port} and [::]:{port}", item=values.listen("address and port"), empty=False)
    return Table(
        doc=doc,
        keys={
            "listen": listen,
            "certFile": values.text("the certificate and its chain, PEM; read again when it changes"),
            "keyFile": values.text("its private key, PEM"),
            **more,
        },
        required=("certFile", "keyFile"),
    )


DNS: Final = Table(
    doc="the DNS server",
    keys={
        "listen": Many(doc="UDP and TCP", item=values.listen("address and port"), empty=False),
        "workers": Leaf(
            doc="worker processes; auto: as many as CPUs may be used; 0: the control process answers itself",
            check=_workers,
            json={"type": "integer", "minimum": 0, "maximum": 512},
            expected="auto or a whole number",
            accepts=("int",),
            words=("auto",),
        ),
        "allow": values.cidrs("who may ask; others get REFUSED", empty=False),
        "nsid": Leaf(
            doc="name of this server for NSID (RFC 5001): auto is the host name, off sends none",
            check=_nsid,
            json={"type": "string", "minLength": 1, "maxLength": 128},
            words=("auto", "off"),
        ),
        "advertise": Many(
            doc="addresses of this server as its zones name them; default those of listen, where it names any",
            item=values.target("an address"),
        ),
        "tls": _certified("DNS over TLS (RFC 7858); without this, there is none", 853),
        "https": _certified(
            "DNS over HTTPS (RFC 8484), with the extra doh; without this, there is none",
            443,
            path=values.url_path("where queries are answered; default /dns-query"),
            workers=values.whole("processes for it, beside the workers; default 1", 1, 64),
        ),
        "quic": _certified("DNS over QUIC (RFC 9250), with the extra doq; without this, there is none", 853),
        "cookies": Table(
            doc="DNS cookies (RFC 7873, 9018); the word off: none",
            keys={
                "secretFile": values.text(
                    "secrets shared by all replicas, 32 hexadecimal digits a line: the first makes, all check"
                ),
            },
            words=("off",),
        ),
        "rateLimit": Table(
            doc="how much one prefix of clients gets over UDP without a cookie; without this, there is no limit",
            keys={
                "responsesPerSecond": values.whole("default 200", 1, 1_000_000),
                "slip": values.whole("one in so many over the limit is answered with TC; 0: none; default 2", 0, 10),
                "ipv4Prefix": values.whole("clients with so many bits in common are one; default 24", 8, 32),
                "ipv6Prefix": values.whole("the same for IPv6; default 56", 16, 128),
                "window": values.duration("debt of so long at most is remembered; default 15s"),
                "exempt": values.cidrs("who is never limited; default loopback and private ranges"),
            },
        ),
        "queryLog": Table(
            doc="a line for queries on standard output; without this, there is none",
            keys={
                "sample": values.whole("one in so many; default 1: each", 1, 1_000_000),
                "only": values.choice("default all; failures: any response code but NOERROR", "all", "failures"),
                "format": values.choice("default text", "text", "json"),
            },
        ),
        "dnstap": Table(
            doc="queries and replies as dnstap to a collector; without this, there is none",
            keys={
                "socket": values.text("the Unix socket at which the collector listens"),
                "identity": values.text("name of this server in it; default the name for NSID, or the host name"),
                "sample": values.whole("one in so many; default 1: each", 1, 1_000_000),
                "only": values.choice("default all; failures: any response code but NOERROR", "all", "failures"),
            },
            required=("socket",),
        ),
        "lameduck": values.duration("how long it goes on answering after a signal to stop", zero=True),
    },
    later=("proxyProtocol",),
)
