"""Every key of the configuration: what it holds, what it is for, and which are for later versions.

With `membership`, which has the keys of the members, the one source of truth of reading, of the JSON schema and of the
names of environment variables.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from fedns.federation.drains import Drain, drain
from fedns.federation.health import Freshness
from fedns.federation.migrations import service_key, steps
from fedns.federation.placement import Rung
from fedns.settings import membership, serving, values
from fedns.settings.kinds import Kind, Leaf, Many, Named, Table

API_VERSION: Final = "fedns.io/v1alpha1"
KIND: Final = "FednsConfig"


def _min_ready(written: str) -> int | str:
    if percent := re.fullmatch(r"([0-9]{1,3})%", written):
        if not 1 <= int(percent[1]) <= 100:
            raise ValueError(f"{written} is out of bounds: give a percentage from 1% to 100%")
        return f"{int(percent[1])}%"
    return int(values.whole("", 1, 1_000_000).check(written))


def _drain(written: str) -> Drain:
    target, space, word = written.partition(" ")
    if space and word != "--force":
        raise ValueError(f"{word!r} is no word that may follow: only --force is")
    return drain(target, force=bool(space))


def _schedule(written: str) -> str:
    steps(written)
    return written


def _moment(written: str) -> float:
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        raise ValueError(f"{written!r} is no date and time: write 2026-11-24T16:00:00Z") from None
    if found.tzinfo is None:
        raise ValueError(f"{written} has no time zone: write {written}Z for UTC")
    return found.timestamp()


def _listener(doc: str) -> Table:
    return Table(doc=doc, keys={"listen": values.listen("address and port, or off", off=True)}, required=("listen",))


_TTL_SECONDS: Final = 86_400


def _federation(doc: str) -> Table:
    return Table(
        doc=doc,
        keys={
            "name": values.dns_name("name of the zone, for example example.com"),
            "federation": values.dns_name("the federation's own label in names, for example myfed", labels=1),
            "ttl": values.whole("seconds; default 5", 0, _TTL_SECONDS),
            "negativeTTL": values.whole("seconds that a negative answer may be kept; default 5", 0, _TTL_SECONDS),
        },
        required=("name", "federation"),
    )


_ZONES: Final = Table(
    doc="the zones that are served",
    keys={
        "clusterset": Table(
            doc="the zone of the Multi-Cluster Services DNS specification; always served",
            keys={
                "name": values.dns_name("name of the zone; default clusterset.local"),
                "ttl": values.whole("seconds; default 5", 0, _TTL_SECONDS),
                "negativeTTL": values.whole("seconds that a negative answer may be kept; default 5", 0, _TTL_SECONDS),
            },
        ),
        "federation": _federation("the zone with locations in its names and with diagnostics; served when configured"),
        "federations": Many(
            doc="further federations: other labels in that zone, or zones of their own",
            item=_federation("as federation"),
        ),
        "reverse": Many(
            doc="prefixes whose addresses have names, in the federation zone (PTR)",
            item=values.reverse("a prefix of addresses"),
        ),
        "clusterLocal": Table(
            doc="the in-cluster names of federation v1, svc.ns.<federation>.svc.<name>, for old clients",
            keys={"name": values.dns_name("the clusters' own domain; default cluster.local")},
        ),
    },
)

_CLIENT: Final = Table(
    doc="where the clients of some prefixes are; the longest prefix wins",
    keys={
        "cidrs": values.cidrs("the prefixes", empty=False),
        "cluster": values.text("their cluster: region, jurisdiction and network follow from it"),
        "zone": values.text("their zone"),
        "region": values.text("their region"),
        "jurisdiction": values.text("their jurisdiction"),
        "network": values.text("their network"),
    },
    required=("cidrs",),
)

_FRESHNESS: Final = Table(
    doc="how long what is known of a member counts; the word fast: 500ms, 500ms, 1s, 2s, 300s, 1s, 30s",
    keys={
        "probeInterval": values.duration("default 2s"),
        "probeTimeout": values.duration("default 2s"),
        "suspectAfter": values.duration("no sign of life for so long: short TTLs; default 6s"),
        "staleAfter": values.duration("no sign of life for so long: others come first; default 10s"),
        "expireAfter": values.duration("no sign of life for so long: the last resort only; default 300s"),
        "recoverAfter": values.duration("so long alive without a break: fresh again; default 5s"),
        "watchPeriod": values.duration("about how long one watch lasts; default 30s"),
        "unsyncedAfter": values.duration(
            "a member that never came up holds negative answers back so long; default 10m"
        ),
    },
    words=("fast",),
)

_ISOLATION: Final = Table(
    doc="when fedns takes itself, not the members, for cut off: then nothing expires",
    keys={
        "share": values.share("more than this part of the remote members went at once; 1: never; default 0.5"),
        "window": values.duration("within so long of each other; default 30s"),
    },
)

_FAILOVER: Final = Table(
    doc="how much silent members may move at once; what would move more waits for somebody who confirms it",
    keys={
        "budget": values.share(
            "at most this part of all services changes cluster within the window; default 1: no limit"
        ),
        "window": values.duration("within so long; default 5m"),
    },
)

_POLICY: Final = Table(
    doc="how some services are placed; the first policy that matches counts",
    keys={
        "match": Table(
            doc="which services",
            keys={
                "namespaces": Many(doc="default all", item=values.text("a namespace, or *"), empty=False),
                "services": Many(doc="default all", item=values.text("a service, or *"), empty=False),
            },
        ),
        "ladder": Many(
            doc="what counts as near, nearest first; default [zone, cluster, region, jurisdiction, any]; or the word"
            " fromService: as trafficDistribution of the Service and hints of its endpoints say",
            item=values.choice("a rung", *Rung),
            empty=False,
            words=("fromService",),
        ),
        "minReady": Leaf(
            doc="ready endpoints that a rung needs to take everything: a number, or a percentage of its own; default 1",
            check=_min_ready,
            json={"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": "^[0-9]{1,3}%$"}]},
            expected="a whole number or a percentage like 50%",
            accepts=("int", "text"),
        ),
        "spill": values.choice("what a rung that is short of endpoints passes on", "proportional", "none"),
        "jurisdictions": Many(doc="clusters of these only; empty: anywhere", item=values.text("a jurisdiction")),
        "weights": Named(doc="shares by cluster; 0: backup", item=values.whole("the share", 0, 1_000_000)),
        "whenAllUnhealthy": values.choice("answer with what was last known, or with nothing", "open", "closed"),
        "ttl": values.whole("seconds; default: the zone's", 0, _TTL_SECONDS),
        "maxAnswers": values.whole("addresses in one answer at most; 0: no limit", 0, 4096),
        "largeAnswers": values.choice("too many for UDP: a subset, or truncated for TCP", "subset", "truncate"),
    },
)

_DRAIN: Final = Leaf(
    doc="CLUSTER, CLUSTER/ZONE or NAMESPACE/SERVICE@CLUSTER; with --force behind it also where nobody else can answer",
    check=_drain,
    json={"type": "string", "minLength": 1},
    expected="a cluster, a zone or a service in a cluster",
)

_MIGRATION: Final = Table(
    doc="one service that moves from one cluster to another",
    keys={
        "service": Leaf(
            doc="NAMESPACE/SERVICE", check=service_key, json={"type": "string", "pattern": "^[^/]+/[^/]+$"}
        ),
        "from": values.text("the cluster that it leaves"),
        "to": values.text("the cluster that it goes to"),
        "start": Leaf(
            doc="from when its times count: date and time with a zone, like 2026-11-24T16:00:00Z",
            check=_moment,
            json={"type": "string", "minLength": 1},
            expected="a date and time",
            accepts=("text", "date"),
        ),
        "schedule": Leaf(
            doc="percent and times from the start, like 10% now, 50% +30m, 100% +2h",
            check=_schedule,
            json={"type": "string", "minLength": 1},
        ),
        "pauseIf": values.text("when it waits, like ready(eu1) < 3"),
    },
    required=("service", "from", "to", "start", "schedule"),
)

_LOCAL: Final = Table(
    doc="where this fedns runs: where a client is that no entry of clients names",
    keys={
        "cluster": values.text("its cluster"),
        "zone": values.text("its zone"),
        "whenStale": values.choice("keep or demote its endpoints while its API is away", "keep", "demote"),
    },
)

_SNAPSHOT: Final = Table(
    doc="what is known is kept in a file, so that a restart answers at once; the word off (default): it is not",
    keys={
        "path": values.text("the file; a relative path starts at this file's directory"),
        "interval": values.duration("written once in so long at most, and only when something changed; default 10s"),
        "maxAge": values.duration("what was known longer ago is not used; default 24h"),
    },
    required=("path",),
    words=("off",),
)

_MEMORY: Final = Table(
    doc="how much memory each process may have: one with more is replaced, when the others can do without it",
    keys={
        "worker": values.quantity("each worker; default: no limit", 16 << 20, 1 << 40),
        "control": values.quantity("the control process; default: no limit", 16 << 20, 1 << 40),
    },
)

_REPLICAS: Final = Table(
    doc="other replicas of this fedns: what they serve is compared with what is served here",
    keys={
        "addresses": Many(
            doc="where they answer DNS; a name stands for all its addresses",
            item=values.endpoint("host and port"),
            empty=False,
        ),
        "interval": values.duration("how often they are asked; default 5s"),
        "bound": values.duration("how long they may differ; default staleAfter and recoverAfter together"),
    },
    required=("addresses",),
)

_LOGGING: Final = Table(
    doc="what is logged",
    keys={
        "level": values.choice("how much; default info", "debug", "info", "warning", "error"),
        "format": values.choice("default text", "text", "json"),
    },
)

FILE: Final = Table(
    doc="the configuration of fedns",
    keys={
        "apiVersion": values.choice(f"always {API_VERSION}", API_VERSION),
        "kind": values.choice(f"always {KIND}", KIND),
        "dns": serving.DNS,
        "metrics": _listener("/metrics for Prometheus; default 0.0.0.0:9153"),
        "health": _listener("/health: this process only; default 0.0.0.0:8080"),
        "ready": _listener("/ready: 503 until the clusters are synced; default 0.0.0.0:8181"),
        "admin": _listener("/api/v1, for people and for the other commands of fedns; default 127.0.0.1:8053"),
        "diagnostics": Table(
            doc="names that explain answers",
            keys={"allow": values.cidrs("who may ask; default loopback and private ranges")},
            required=("allow",),
        ),
        "zones": _ZONES,
        "local": _LOCAL,
        "clusters": Many(doc="the member clusters", item=membership.CLUSTER, empty=False),
        "clustersFrom": membership.CLUSTERS_FROM,
        "clients": Many(doc="where clients are", item=_CLIENT),
        "clientsFrom": Table(
            doc="what else tells where clients are",
            keys={"nodes": values.boolean("true: Nodes of the local cluster, by their addresses, podCIDRs and zones")},
        ),
        "ecsFrom": values.cidrs("resolvers and sidecars that are believed where their clients are; default nobody"),
        "freshness": _FRESHNESS,
        "isolation": _ISOLATION,
        "failover": _FAILOVER,
        "forced": Named(
            doc="how fresh some clusters are taken for, whatever is known of them: fresh, stale or expired",
            item=values.choice("a state", Freshness.FRESH, Freshness.STALE, Freshness.EXPIRED),
        ),
        "policies": Many(doc="placement of services", item=_POLICY),
        "migrations": Many(doc="services that move from one cluster to another", item=_MIGRATION),
        "drains": Many(doc="what is taken out of the answers", item=_DRAIN),
        "state": Table(
            doc="where drains that are ordered at run time are kept; without it, none can be",
            keys={"path": values.text("a file in a directory that fedns may write to")},
            required=("path",),
        ),
        "snapshot": _SNAPSHOT,
        "memory": _MEMORY,
        "replicas": _REPLICAS,
        "logging": _LOGGING,
    },
    required=("apiVersion", "kind", "clusters"),
    later=("views",),
)


def json_schema() -> dict[str, Any]:
    """The JSON schema (draft-07) of a configuration file."""
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": KIND, **FILE.schema()}


def variables() -> Iterator[tuple[str, str]]:
    """(environment variable, path of its key), for every key that is not inside a list."""
    for path in paths(FILE):
        yield "FEDNS_" + re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", path).replace(".", "_").upper(), path


def paths(table: Table, prefix: str = "") -> Iterator[str]:
    """Paths of all keys that can be set as one text: single values, lists of them, and words instead of a table."""
    for key, kind in table.keys.items():
        if isinstance(kind, Table):
            if kind.words:
                yield prefix + key
            yield from paths(kind, f"{prefix}{key}.")
        elif isinstance(kind, Leaf) or (isinstance(kind, Many) and isinstance(kind.item, Leaf)):
            yield prefix + key


def kind_at(path: str) -> Kind | None:
    """What the key at a dotted path holds; None if there is no such key."""
    found: Kind = FILE
    for key in path.split("."):
        if not isinstance(found, Table) or key not in found.keys:
            return None
        found = found.keys[key]
    return found
