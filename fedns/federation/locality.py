"""Where a client is: from its address to a location, by the longest configured prefix."""

from msgspec import Struct


class Location(Struct, frozen=True):
    """Where the asking client is; an empty string is "not known". `rule` says how it was found, for `_whoami`."""

    cluster: str = ""
    zone: str = ""
    region: str = ""
    jurisdiction: str = ""
    network: str = ""
    rule: str = ""


class ClientRule(Struct, frozen=True, kw_only=True):
    """Clients of these prefixes are at this place (configuration: one entry of `clients`).

    What the rule leaves empty follows from its cluster: region, jurisdiction and network.
    """

    cidrs: tuple[str, ...]
    cluster: str = ""
    zone: str = ""
    region: str = ""
    jurisdiction: str = ""
    network: str = ""
