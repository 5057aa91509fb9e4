"""dnstap (https://dnstap.info): an exchange of query and reply as two messages in protobuf.

The encoding is written out here: a dozen numbers and byte strings, in one direction. A library for it would be loaded
by every worker, and be larger than what it does. fedns is called by clients and asks nobody, so the types are those for
clients, as CoreDNS has them.
"""

from typing import Final, NamedTuple

from fedns.answers import counters

CONTENT_TYPE: Final = b"protobuf:dnstap.Dnstap"
_CLIENT_QUERY, _CLIENT_RESPONSE = 5, 6
_PROTOCOLS: Final = {"udp": 1, "tcp": 2, "dot": 3, "https": 4, "quic": 7}
"""Values of SocketProtocol in dnstap.proto."""
_BILLION: Final = 1_000_000_000
_VARINT, _BYTES, _FIXED32 = 0, 2, 5
"""Wire types of protobuf."""


class Exchange(NamedTuple):
    """One query with its reply; addresses are packed, times are nanoseconds of the Unix clock."""

    transport: int
    client: tuple[bytes, int]
    server: tuple[bytes, int]
    asked: int
    answered: int
    packet: bytes
    reply: bytes


def messages(exchange: Exchange, identity: bytes, version: bytes) -> tuple[bytes, bytes]:
    """CLIENT_QUERY and CLIENT_RESPONSE, each a Dnstap message."""
    (client, client_port), (server, server_port) = exchange.client, exchange.server
    ends = (
        _number(2, 1 if len(client) == 4 else 2)
        + _number(3, _PROTOCOLS[counters.TRANSPORTS[exchange.transport]])
        + _text(4, client)
        + _text(5, server)
        + _number(6, client_port)
        + _number(7, server_port)
        + _moment(8, exchange.asked)
    )
    query = _number(1, _CLIENT_QUERY) + ends + _text(10, exchange.packet)
    reply = _number(1, _CLIENT_RESPONSE) + ends + _moment(12, exchange.answered) + _text(14, exchange.reply)
    head = _text(1, identity) + _text(2, version)
    return head + _text(14, query) + _number(15, 1), head + _text(14, reply) + _number(15, 1)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _text(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(value)) + value


def _moment(field: int, nanoseconds: int) -> bytes:
    """Seconds in this field, the rest in the next."""
    seconds, rest = divmod(nanoseconds, _BILLION)
    return _number(field, seconds) + _varint((field + 1) << 3 | _FIXED32) + rest.to_bytes(4, "little")


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
