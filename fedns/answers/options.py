"""The EDNS options of a query, out of the data of its OPT record: bounded in number, each whole and of legal shape.

Options that are not known here pass as they are; what the known ones mean is not this module's business.
"""

from struct import Struct as Layout
from typing import Final

from fedns.answers import codes

MAX_OPTIONS: Final = 32
"""EDNS options of one query."""

OPTION: Final = Layout("!HH")
"""What precedes the data of an option: code and length."""
_SUBNET: Final = Layout("!HBB")
_ADDRESS_BITS: Final = {0: 0, 1: 32, 2: 128}
"""By address family of a client subnet; with family 0 (no IANA family) clients say "no address at all"."""


def read_options(content: bytes) -> tuple[tuple[int, bytes], ...] | None:
    """The options, in their order; None when one is malformed or there are more than MAX_OPTIONS."""
    options: list[tuple[int, bytes]] = []
    at = 0
    while at < len(content):
        start = at + OPTION.size
        if start > len(content) or len(options) == MAX_OPTIONS:
            return None
        code, length = OPTION.unpack_from(content, at)
        at = start + length
        option = content[start:at]
        if (code == codes.COOKIE and not _is_cookie(option)) or (
            code == codes.CLIENT_SUBNET and not _is_subnet(option)
        ):
            return None
        options.append((code, option))
    return tuple(options) if at == len(content) else None


def subnet(option: bytes) -> tuple[bytes, int]:
    """The address (4 or 16 bytes, packed) and the prefix length of a well-formed client subnet."""
    family, length, _ = _SUBNET.unpack_from(option)
    return option[_SUBNET.size :].ljust(16 if family == 2 else 4, b"\0"), length


def _is_cookie(option: bytes) -> bool:
    """Whether it is a client cookie, alone or with a server cookie (RFC 7873 section 5.2.2)."""
    return len(option) == 8 or 16 <= len(option) <= 40


def _is_subnet(option: bytes) -> bool:
    """Whether it is a client subnet: as many bytes as its prefix needs, no bit beyond (RFC 7871 section 6)."""
    if len(option) < _SUBNET.size:
        return False
    family, prefix, scope = _SUBNET.unpack_from(option)
    address = option[_SUBNET.size :]
    if scope or prefix > _ADDRESS_BITS.get(family, -1) or len(address) != (prefix + 7) // 8:
        return False
    return prefix % 8 == 0 or not address[-1] & 0xFF >> prefix % 8
