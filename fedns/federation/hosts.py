"""The label under which one endpoint of a headless service has a name of its own."""

from ipaddress import ip_address
from typing import Final

_NUMBERS: Final = tuple(map(str, range(256)))
"""The text of each byte: looked up in half the time that making it takes, once for each pod."""


def host_label(hostname: str, address: bytes) -> str:
    """The label of an endpoint's own name: its hostname, else its address with dashes (as CoreDNS makes it).

    IPv6 text is canonical (RFC 5952), so that all replicas agree; a dash never ends the label (`2001-db8--0`).
    """
    if hostname:
        return hostname
    if len(address) == 4:
        one, two, three, four = address
        return f"{_NUMBERS[one]}-{_NUMBERS[two]}-{_NUMBERS[three]}-{_NUMBERS[four]}"
    text = str(ip_address(address)).replace(".", "-").replace(":", "-")
    return f"{text}0" if text.endswith("-") else text
