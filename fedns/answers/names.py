"""The grammar of names: the labels of a question into what they ask for, or nothing.

It knows the zones, the clusters and the regions of the configuration, and no service: a name that it accepts may still
not exist. Labels come lower-cased; they are read from the right, and where a dotted cluster id fits, the longest wins.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from fedns.answers.rules import Zone
from fedns.federation.objects import Cluster

Labels = tuple[str, ...]

EXPLAIN: Final = "_explain"
STATE: Final = "_state"
DIGEST: Final = "_digest"
ANCHORS: Final = {"_zone": "zone", "_region": "region", "_cluster": "cluster"}
"""What stands before the service in a pinned name, and which part of the federation the value names."""


_NIBBLES: Final = {digit: digit for digit in "0123456789abcdef"}
_OCTETS: Final = {str(value): f"{value:02x}" for value in range(256)}


class Subject(StrEnum):
    """What kind of thing a name stands for."""

    NOTHING = "nothing"
    """No name of ours can be spelt like this."""
    EMPTY = "empty"
    """It has no records, but names below it."""
    APEX = "apex"
    VERSION = "version"
    SERVER = "server"
    """The name server of a zone, which is this fedns."""
    NAMESPACE = "namespace"
    SERVICE = "service"
    """A service, or something below it: a port, a cluster, a host."""
    WHOAMI = "whoami"
    CLUSTERS = "clusters"
    STATE = "state"
    DIGEST = "digest"
    ADDRESS = "address"
    """An address of a reverse zone, or the first part of one."""


_SERVERS: Final[dict[Labels, Subject]] = {("dns",): Subject.EMPTY, ("ns", "dns"): Subject.SERVER}
"""The name server that the SOA and NS records of each zone name, and what lies above it."""


class Asked(Struct, frozen=True, kw_only=True):
    """What a name asks for; an empty string is "not said".

    `protocol` without `port` is the name above the ports of that protocol; `above_clusters` a name above dotted cluster
    ids or directives; `directive` says how binding `pinned_zone`, `pinned_region` or `cluster` is.
    """

    subject: Subject
    zone: Zone
    origin: Labels
    explain: bool = False
    namespace: str = ""
    service: str = ""
    region: str = ""
    area: str = ""
    """The topology zone of a zone rung: `zone` is a zone of DNS here."""
    port: str = ""
    protocol: str = ""
    cluster: str = ""
    host: str = ""
    above_clusters: bool = False
    directive: Literal["", "pin", "prefer"] = ""
    anchor: str = ""
    value: str = ""
    address: str = ""
    """The hexadecimal digits of an address in a reverse zone, as many as the name has."""
    width: int = 4
    """The bytes of a whole address there."""

    @property
    def bare(self) -> bool:
        """Whether it is a service's name, with nothing before it."""
        return self.subject is Subject.SERVICE and not (
            self.explain or self.protocol or self.cluster or self.above_clusters or self.directive
        )

    @property
    def home(self) -> Labels:
        """The labels of the service's own name, without region and zone."""
        federation = (self.zone.federation,) if self.zone.federation else ()
        return (self.service, self.namespace, *federation, "svc", *self.origin)


class Grammar:
    """Reads names, for one configuration."""

    def __init__(self, zones: Iterable[Zone], clusters: Iterable[Cluster]) -> None:
        self._zones: dict[Labels, Zone] = {}
        self._federations: dict[tuple[Labels, str], Zone] = {}
        for zone in zones:
            origin = _labels(zone.name)
            self._zones.setdefault(origin, zone)
            self._federations.setdefault((origin, zone.federation.lower()), zone)
        self._deepest = max(map(len, self._zones), default=0)
        clusters = tuple(clusters)
        self._clusters = {_labels(cluster.name): cluster.name for cluster in clusters}
        self._regions = {_labels(cluster.region): cluster.region for cluster in clusters if cluster.region}

    def read(self, labels: Sequence[bytes]) -> Asked | None:
        """What the labels ask for; None when they are in no zone of ours."""
        text = tuple(label.decode("latin-1") for label in labels)
        for width in range(min(self._deepest, len(text)), -1, -1):
            zone = self._zones.get(text[len(text) - width :])
            if zone is not None:
                rest = text[: len(text) - width]
                return self._explained(Asked(subject=Subject.NOTHING, zone=zone, origin=text[len(rest) :]), rest)
        return None

    def tops(self, origin: Labels) -> frozenset[str]:
        """The labels directly below a clusterset or federation zone that names can end with, but for diagnostics."""
        deeper = {zone[-len(origin) - 1] for zone in self._zones if _is_above((zone,), origin)}
        return frozenset({"svc", "dns", "dns-version", *(region[-1] for region in self._regions), *deeper})

    def has(self, labels: Sequence[bytes]) -> bool:
        """Whether these labels are in a zone of ours."""
        return self.read(labels) is not None

    def _explained(self, asked: Asked, rest: Labels) -> Asked:
        if rest[:1] != (EXPLAIN,):
            return self._in_zone(asked, rest)
        inner = self._in_zone(asked, rest[1:])
        whole = inner.subject is Subject.SERVICE and bool(inner.port) == bool(inner.protocol)
        return replace(inner, explain=True) if whole else asked

    def _in_zone(self, asked: Asked, rest: Labels) -> Asked:
        """Read what stands left of the zone's own name."""
        if rest and asked.zone.kind == "reverse":
            return self._address(asked, rest)
        if not rest:
            return replace(asked, subject=Subject.APEX)
        if server := _SERVERS.get(rest):
            return replace(asked, subject=server)
        if rest == (DIGEST,) and asked.zone.kind != "old":
            return replace(asked, subject=Subject.DIGEST)
        if asked.zone.kind == "clusterset":
            if rest == ("dns-version",):
                return replace(asked, subject=Subject.VERSION)
            return self._in_tree(asked, rest[:-1]) if rest[-1] == "svc" else asked
        return self._old(asked, rest) if asked.zone.kind == "old" else self._in_federation(asked, rest)

    def _address(self, asked: Asked, rest: Labels) -> Asked:
        """Read `4.3` of `4.3.2.1.in-addr.arpa`, or the nibbles under ip6.arpa; a leading zero is another name."""
        labels = (*rest, *asked.origin)
        digits = reverse_digits(labels)
        if digits is None:
            return replace(asked, subject=_SERVERS.get(rest, Subject.NOTHING))
        return replace(asked, subject=Subject.ADDRESS, address=digits, width=reverse_width(labels))

    def _old(self, asked: Asked, rest: Labels) -> Asked:
        """Read `svc.ns`, with or without `_port._proto`: the old names knew no clusters, hosts or regions."""
        if len(rest) == 1:
            return replace(asked, subject=Subject.NAMESPACE, namespace=rest[0])
        inner = self._below(replace(asked, subject=Subject.SERVICE, namespace=rest[-1], service=rest[-2]), rest[:-2])
        return inner if inner and not (inner.cluster or inner.anchor or inner.above_clusters) else asked

    def _in_federation(self, asked: Asked, rest: Labels) -> Asked:
        if rest[-1] == "svc":
            return self._in_tree(asked, rest[:-1])
        if rest[-1].startswith("_"):
            return self._diagnostic(asked, rest)
        width, region = _longest(self._regions, rest)
        if not width:
            return replace(asked, subject=Subject.EMPTY) if _is_above(self._regions, rest) else asked
        inner = rest[:-width]
        if inner and inner[-1] != "svc":
            asked, inner = replace(asked, area=inner[-1]), inner[:-1]
        if not inner:
            return replace(asked, subject=Subject.EMPTY)
        return self._in_tree(replace(asked, region=region), inner[:-1]) if inner[-1] == "svc" else asked

    def _diagnostic(self, asked: Asked, rest: Labels) -> Asked:
        if rest == ("_whoami",):
            return replace(asked, subject=Subject.WHOAMI)
        if rest == ("_clusters",):
            return replace(asked, subject=Subject.CLUSTERS)
        if rest[-1] == STATE:
            cluster = self._clusters.get(rest[:-1], "")
            above = rest == (STATE,) or _is_above(self._clusters, rest[:-1])
            return replace(asked, subject=Subject.STATE, cluster=cluster) if cluster or above else asked
        return asked

    def _in_tree(self, asked: Asked, left: Labels) -> Asked:
        """Read what stands left of `svc`: the federation's label, then a namespace, a service, and what is below it."""
        if left and asked.zone.federation:
            zone = self._federations.get((asked.origin, left[-1]))
            if zone is None:
                return asked
            asked, left = replace(asked, zone=zone), left[:-1]
        if not left:
            return replace(asked, subject=Subject.EMPTY)
        if len(left) == 1:
            return replace(asked, subject=Subject.NAMESPACE, namespace=left[0])
        service = replace(asked, subject=Subject.SERVICE, namespace=left[-1], service=left[-2])
        return self._below(service, left[:-2]) or asked

    def _below(self, asked: Asked, below: Labels) -> Asked | None:
        """Read what stands left of a service's name; None when nothing can be spelt like this."""
        marked = next(
            (at for at, label in enumerate(below[:2]) if label[:1] != "_" or label in ANCHORS), len(below[:2])
        )
        words = [label[1:] for label in below[:marked]]
        if not all(words):
            return None
        if words:
            asked, below = replace(asked, port=words[0] if marked == 2 else "", protocol=words[-1]), below[marked:]
        if not below:
            return asked
        if below[-1] in ANCHORS:
            return self._pinned(asked, below)
        # The specification knows ports of services only, not of hosts.
        if words and asked.zone.kind == "clusterset":
            return None
        return self._member(asked, below)

    def _pinned(self, asked: Asked, below: Labels) -> Asked | None:
        """Read `<value>.pin._zone`; the directives stand before the service's own name only, not before a region's."""
        if asked.region or below[-2:-1] not in {(), ("pin",), ("prefer",)}:
            return None
        if len(below) < 3:
            return replace(asked, above_clusters=True) if not asked.protocol else None
        directive: Literal["pin", "prefer"] = "pin" if below[-2] == "pin" else "prefer"
        return replace(asked, directive=directive, anchor=ANCHORS[below[-1]], value=".".join(below[:-2]))

    def _member(self, asked: Asked, below: Labels) -> Asked | None:
        """Read `<cluster>` and `<host>.<cluster>`; they stand before the service's own name only."""
        if asked.region:
            return None
        width, cluster = _longest(self._clusters, below)
        if not width:
            return replace(asked, above_clusters=True) if _is_above(self._clusters, below) else None
        host = below[:-width]
        return replace(asked, cluster=cluster, host=host[0] if host else "") if len(host) < 2 else None


def reverse_width(labels: Labels) -> int:
    """The bytes of the addresses under in-addr.arpa (4) and ip6.arpa (16)."""
    return 16 if labels[-2:] == ("ip6", "arpa") else 4


def reverse_digits(labels: Labels) -> str | None:
    """The hexadecimal digits that a name under in-addr.arpa or ip6.arpa spells; None when it spells no address."""
    parts = labels[-3::-1]
    known, longest = (_NIBBLES, 32) if reverse_width(labels) == 16 else (_OCTETS, 4)
    if len(parts) > longest or not all(part in known for part in parts):
        return None
    return "".join(known[part] for part in parts)


def reverse_prefix(zone: str) -> tuple[int, str]:
    """The width in bytes of the addresses in a reverse zone, and the hexadecimal digits that they begin with."""
    labels = _labels(zone)
    return reverse_width(labels), reverse_digits(labels) or ""


def _labels(name: str) -> Labels:
    name = name.removesuffix(".").lower()
    return tuple(name.split(".")) if name else ()


def _longest(table: Mapping[Labels, str], labels: Labels) -> tuple[int, str]:
    """How many of the last labels name an entry of the table, as many as possible, and the entry."""
    for width in range(len(labels), 0, -1):
        found = table.get(labels[-width:])
        if found is not None:
            return width, found
    return 0, ""


def _is_above(table: Iterable[Labels], labels: Labels) -> bool:
    """Whether the labels are the end of a longer entry: a name that exists because of what lies below it."""
    return any(len(labels) < len(entry) and entry[len(entry) - len(labels) :] == labels for entry in table)
