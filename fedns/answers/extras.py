"""What a query says in its EDNS options, and what of it the reply says back, beside the answer itself.

The answer does not depend on these options, but for the place that a trusted client speaks for: so they are appended to
an answer that is encoded already.
"""

from typing import Final, NamedTuple

from fedns.answers import codes, counters
from fedns.answers.options import OPTION
from fedns.answers.packet import Query
from fedns.answers.replica import Replica
from fedns.answers.views import Spot, View

IDLE_TENTHS: Final = 300
"""How long an idle stream stays open once its client has asked about it (RFC 7828), in tenths of a second."""
KEEPALIVE: Final = OPTION.pack(codes.TCP_KEEPALIVE, 2) + IDLE_TENTHS.to_bytes(2)
"""The last option of a reply that promises to keep the stream open."""
PADDING_BYTES: Final = 468
"""Replies over TLS are padded to a multiple of this when asked (RFC 8467 section 4.1)."""
_WITH_KEEPALIVE: Final = ("", "dot")
"""Streams whose idle time is DNS's own matter: over HTTP and QUIC it is not (RFC 9250 section 5.5.2)."""
_OPT_BYTES: Final = 11


class Extras(NamedTuple):
    """What is special about one query.

    `options` are appended to the reply's OPT record; `cookie` is the content of the COOKIE option among them, empty for
    none; `proven` says that the client has shown that it is at its address; a `plain` query has no option but NSID.
    """

    spot: Spot
    options: bytes = b""
    cookie: bytes = b""
    proven: bool = False
    nsid: bool = False
    padded: bool = False
    plain: bool = False


def read_extras(query: Query, view: View, replica: Replica) -> Extras:
    """What the options of a query say to this server; the first of a kind counts."""
    if query.edns is None or not query.edns.options:
        return Extras(view.spot, plain=True)
    said = dict(reversed(query.edns.options))
    spot, echo = view.spot, b""
    if codes.CLIENT_SUBNET in said:
        spot = replica.views.spot(view, codes.CLIENT_SUBNET, said[codes.CLIENT_SUBNET])
        echo = spot.echo
    if codes.LOCATION in said:
        # A sidecar knows better than any prefix where it is.
        hinted = replica.views.spot(view, codes.LOCATION, said[codes.LOCATION])
        if hinted is not view.spot:
            spot = hinted
    options, cookie, proven = echo, b"", False
    if codes.COOKIE in said and replica.jar.on:
        cookie, proven = replica.jar.answer(view.client.address, said[codes.COOKIE])
        options += OPTION.pack(codes.COOKIE, len(cookie)) + cookie
        replica.counts[counters.GOOD_COOKIES] += proven
    if view.stream and view.secure in _WITH_KEEPALIVE and codes.TCP_KEEPALIVE in said:
        options += KEEPALIVE
    padded = bool(view.secure) and codes.PADDING in said
    nsid = codes.NSID in said
    plain = not said.keys() - {codes.NSID}
    return Extras(spot, options, cookie, proven, nsid, padded, plain)


def add_extras(reply: bytes, opt: bytes, extras: Extras) -> bytes:
    """A reply without its id, with more options; `opt` is the OPT record at its end, unless it lost its options."""
    options = extras.options
    if extras.padded:
        size = 2 + len(reply) + len(options) + OPTION.size
        options = OPTION.pack(codes.PADDING, -size % PADDING_BYTES) + bytes(-size % PADDING_BYTES) + options
    held = len(opt) - _OPT_BYTES if reply.endswith(opt) else 0
    at = len(reply) - held
    return reply[: at - 2] + (held + len(options)).to_bytes(2) + reply[at:] + options
