"""What no single key can tell: contradictions between keys, and names of clusters that are not there.

Works on the values that could be read, so it finds its problems in a file that has others.
"""

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any, Final

from fedns.federation.migrations import floor
from fedns.settings.build import LISTENERS
from fedns.settings.kinds import snake
from fedns.settings.nodes import Report, join, meant

_FROM: Final = ("secrets", "clusterProfiles")
_WAYS: Final = ("kubeconfig", "inCluster")
"""The ways to reach a cluster; one that is there but could not be read has been reported already."""

_DOORS: Final = {
    "dns": ("UDP", "TCP"),
    "dns.tls": ("TCP",),
    "dns.https": ("TCP",),
    "dns.quic": ("UDP",),
}
"""Where DNS is answered, and over what."""

Values = dict[str, Any]
"""A table that was read: values by their names in Python; what could not be read is missing."""


def check(values: Values, report: Report) -> None:
    """Report everything that contradicts something else."""
    clusters = _tables(values, "clusters")
    _names(clusters, report)
    _clusters(clusters, report)
    _discovery(values, clusters, report)
    _unknown_clusters(values, [table["name"] for _, table in _known(clusters) if "name" in table], report)
    _zones_of_clients(values, report)
    _prefixes(_tables(values, "clients"), report)
    _listeners(values, report)
    _zones(values.get("zones", {}), report)
    _freshness(values.get("freshness", {}), report)
    if values.get("failover", {}).get("budget", 1) < 1 and not values.get("state"):
        report.add("failover.budget", "who is to confirm could not be heard: add state: {path: ...}, which keeps it")
    _migrations(_tables(values, "migrations"), report)
    _twice([each.target for each in values.get("drains", ())], "drains", report)
    for at, policy in _tables(values, "policies"):
        if isinstance(ladder := policy.get("ladder", ()), tuple):
            _twice(ladder, f"{at}.ladder", report)


def _tables(values: Values, key: str, above: str = "") -> list[tuple[str, Values]]:
    """The tables of a list with their paths; what is no table was read as an empty one, and is passed over."""
    return [(f"{join(above, key)}[{at}]", table) for at, table in enumerate(values.get(key, ())) if table]


def _known(clusters: list[tuple[str, Values]]) -> list[tuple[str, Values]]:
    """All clusters that have a name: the members, then the sources that they tell of."""
    return clusters + [source for at, cluster in clusters for source in _tables(cluster, "sources", at)]


def _names(clusters: list[tuple[str, Values]], report: Report) -> None:
    """No two clusters have one name, whether they are followed or told of."""
    first: dict[str, str] = {}
    for at, cluster in _known(clusters):
        name = cluster.get("name")
        if name is None or (other := first.setdefault(name, at)) == at:
            continue
        if at.startswith(join(other, "sources[")):
            sentence = f"{name} is the member itself, and its entry stands for it: remove it from sources"
        else:
            sentence = f"two clusters are called {name} (the other in line {report.line(other)})"
        report.add(join(at, "name"), sentence)


def _clusters(clusters: list[tuple[str, Values]], report: Report) -> None:
    """Every member can be reached in exactly one way, and fedns runs in one cluster at most."""
    inside = ""
    for at, cluster in clusters:
        if "kubeconfig" in cluster and cluster.get("in_cluster"):
            report.add(f"{at}.inCluster", "kubeconfig and inCluster exclude each other: keep one of them")
        elif not any(report.seen(f"{at}.{key}") and cluster.get(snake(key)) is not False for key in _WAYS):
            report.add(at, "says nothing of its API server: give kubeconfig: {path: ...} or inCluster: true")
        if cluster.get("in_cluster"):
            if inside:
                report.add(f"{at}.inCluster", f"fedns runs inside one cluster only, and {inside} says it too")
            inside = inside or at
        _told(at, cluster, report)


def member(values: Values, report: Report) -> None:
    """Report what contradicts something else in a member that is described for itself, with its keys at the top."""
    _names([("", values)], report)
    _told("", values, report)


def _told(at: str, cluster: Values, report: Report) -> None:
    """What a member tells of: its own exports, or what it imported from others."""
    source = cluster.get("source", "" if report.seen(join(at, "source")) else "exports")
    if source == "imports" and report.seen(path := join(at, "exports")):
        report.add(path, "says what exports a service, but with source: imports none is exported here: remove one")
    if source == "exports" and report.seen(path := join(at, "sources")):
        report.add(path, "says where imported services come from, but none are imported: add source: imports")
    _twice(cluster.get("exports", ()), join(at, "exports"), report)
    _probes(at, cluster, report)
    for place, table in [(at, cluster), *_tables(cluster, "sources", at)]:
        _twice(table.get("addresses", ()), join(place, "addresses"), report)
    for key in ("namespaces", "cidrs"):
        _twice(cluster.get("trust", {}).get(key, ()), join(at, f"trust.{key}"), report)


def _probes(at: str, cluster: Values, report: Report) -> None:
    """Each asks one thing."""
    for place, table in [(at, cluster), *_tables(cluster, "sources", at)]:
        path = join(place, "dataPath")
        asked = [kind for kind in ("tcp", "http", "dns") if report.seen(join(path, kind))]
        if report.seen(path) and len(asked) != 1 and table.get("data_path") is not None:
            report.add(path, f"asks {' and '.join(asked) or 'nothing'}: give one of tcp, http and dns")


def _discovery(values: Values, clusters: list[tuple[str, Values]], report: Report) -> None:
    """Secrets, profiles and Nodes are read in the cluster that fedns calls its own: one that it follows."""
    if values.get("clients_from", {}).get("nodes"):
        _followed("clientsFrom.nodes", values, clusters, report)
    if not report.seen("clustersFrom"):
        return
    _providers(values.get("clusters_from", {}).get("cluster_profiles", {}), report)
    if any(report.seen(f"clustersFrom.{key}") for key in _FROM):
        _followed("clustersFrom", values, clusters, report)
    else:
        report.add("clustersFrom", f"says nothing: give {' or '.join(_FROM)}, or remove it")


def _followed(at: str, values: Values, clusters: list[tuple[str, Values]], report: Report) -> None:
    local = values.get("local", {}).get("cluster")
    names = [table["name"] for _, table in clusters if "name" in table]
    told_of = {table.get("name") for _, table in _known(clusters)} - set(names)
    if not report.seen("local.cluster"):
        report.add(at, "is read in the local cluster: add local: {cluster: ...}")
    elif local in told_of:
        sentence = f"{at} is read in the local cluster, but {local} is only told of: name one of {', '.join(names)}"
        report.add("local.cluster", sentence)


def _providers(profiles: Values, report: Report) -> None:
    """Each has a name of its own, and one way to credentials; paths do not depend on where fedns was started."""
    at = "clustersFrom.clusterProfiles"
    for place, provider in _tables(profiles, "providers", at):
        if len({"exec", "token_file"} & provider.keys()) != 1:
            report.add(place, "must have exec or tokenFile, one of them: what gives the credentials")
        if not provider.get("token_file", "/").startswith("/"):
            report.add(f"{place}.tokenFile", "must be a whole path, from / on")
        command = provider.get("exec", {}).get("command", "")
        if "/" in command and not command.startswith("/"):
            report.add(f"{place}.exec.command", "must be a whole path, from / on, or a name that is found on PATH")
    _twice([each.get("name", "") for each in profiles.get("providers", ())], f"{at}.providers", report)


def _twice(items: Iterable[str], path: str, report: Report) -> None:
    """No word stands twice in a list."""
    seen: set[str] = set()
    for item in items:
        if item in seen:
            report.add(path, f"{item} stands twice in the list: remove one")
        seen.add(item)


def _unknown_clusters(values: Values, names: list[str], report: Report) -> None:
    """Whoever names a cluster names one that is configured, or may be discovered; the local one is configured."""
    named = [("local.cluster", values.get("local", {}).get("cluster"))]
    if not report.seen("clustersFrom"):
        named += [(f"forced.{cluster}", cluster) for cluster in values.get("forced", {})]
        named += [(f"{at}.cluster", client.get("cluster")) for at, client in _tables(values, "clients")]
        named += [(f"drains[{at}]", each.cluster) for at, each in enumerate(values.get("drains", ()))]
        for at, each in _tables(values, "migrations"):
            named += [(f"{at}.{key}", each.get(key)) for key in ("from", "to")]
        for at, policy in _tables(values, "policies"):
            named += [(f"{at}.weights.{cluster}", cluster) for cluster in policy.get("weights", {})]
    for path, name in named if names else ():
        if name is not None and name not in names:
            report.add(path, f"no cluster is called {name}{meant(name, names)}")


def _zones_of_clients(values: Values, report: Report) -> None:
    """A zone is (region, name): it says nothing where the region is unknown."""
    regions = {cluster.get("name"): cluster.get("region") for _, cluster in _known(_tables(values, "clusters"))}
    places = [("local", values.get("local", {})), *_tables(values, "clients")]
    for at, place in places:
        if "zone" in place and not place.get("region"):
            name = place.get("cluster")
            if name is None:
                cure = "cluster" if at == "local" else "cluster or region"
                report.add(f"{at}.zone", f"a zone is known together with its region only: add {cure}")
            elif name in regions and not regions[name]:
                report.add(f"{at}.zone", f"a zone is known together with its region only: give {name} its region")
    for at, _ in _tables(values, "clients"):
        if not any(report.seen(f"{at}.{key}") for key in ("cluster", "zone", "region", "jurisdiction", "network")):
            report.add(at, "says of these clients nothing about their place: add cluster, or region and others")


def _prefixes(clients: list[tuple[str, Values]], report: Report) -> None:
    """One prefix is at one place."""
    first: dict[str, str] = {}
    for at, client in clients:
        for cidr in client.get("cidrs", ()):
            if cidr in first:
                line = report.line(first[cidr])
                report.add(f"{at}.cidrs", f"{cidr} is given twice (first in line {line}): a prefix is at one place")
            first.setdefault(cidr, f"{at}.cidrs")


def _migrations(migrations: list[tuple[str, Values]], report: Report) -> None:
    """A service is on one way, which leads elsewhere; its condition is about where it goes."""
    first: dict[Any, str] = {}
    for at, each in migrations:
        key = each.get("service")
        if key is not None and (other := first.setdefault(key, at)) != at:
            report.add(f"{at}.service", f"{'/'.join(key)} moves already (line {report.line(other)}): remove one")
        if "to" in each and each["to"] == each.get("from"):
            report.add(f"{at}.to", f"is where it comes from: {each['to']} cannot move to itself")
        try:
            floor(each.get("pause_if", ""), each.get("to", ""))
        except ValueError as error:
            report.add(f"{at}.pauseIf", str(error))


def _listeners(values: Values, report: Report) -> None:
    """No address is opened twice; those for HTTP may share one."""
    dns, first = values.get("dns", {}), dict[tuple[Any, str], str]()
    for above, kinds in _DOORS.items():
        table = dns if above == "dns" else dns.get(above.removeprefix("dns."), {})
        for at, address in enumerate(table.get("listen", ())):
            path = f"{above}.listen[{at}]"
            others = [other for kind in kinds if (other := first.setdefault((address, kind), path)) != path]
            cure = "remove one" if others and others[0].startswith(f"{above}.listen") else "give it another port"
            if others:
                report.add(path, f"{address} is taken already, by {others[0]}: {cure}")
    for key in LISTENERS:
        if other := first.get((values.get(key, {}).get("listen"), "TCP"), ""):
            report.add(f"{key}.listen", f"{values[key]['listen']} is taken already, by {other}: give it another port")


def _zones(zones: Values, report: Report) -> None:
    """No two zones have one name, but for labels of one zone; those that lead to the federation zone need it."""
    clusterset = zones.get("clusterset", {}).get("name", "clusterset.local")
    first: dict[tuple[str, str], str] = {}
    for path, federal in [("zones.federation", zones.get("federation", {})), *_tables(zones, "federations", "zones")]:
        name, label = federal.get("name", ""), federal.get("federation", "")
        if name == clusterset:
            report.add(f"{path}.name", f"{clusterset} is the clusterset zone already: give it another name")
        if name and label and (twin := first.setdefault((name, label), path)) != path:
            report.add(
                f"{path}.federation", f"{label} in {name} stands already in line {report.line(twin)}: remove one"
            )
    for key in ("reverse", "clusterLocal", "federations"):
        if report.seen(f"zones.{key}") and not report.seen("zones.federation"):
            report.add(f"zones.{key}", "leads to names of the federation zone, which is not configured: add federation")
    prefixes = [(f"zones.reverse[{at}]", ip_network(cidr)) for at, cidr in enumerate(zones.get("reverse", ()))]
    for at, (path, network) in enumerate(prefixes):
        for other, wider in prefixes[:at]:
            if network.version == wider.version and network.overlaps(wider):
                report.add(path, f"{network} overlaps {wider} (in line {report.line(other)}): keep the shorter prefix")


def _freshness(freshness: Values | str, report: Report) -> None:
    """Suspect comes before stale, and stale before expired."""
    if isinstance(freshness, str):
        return
    order = (("suspectAfter", 6.0), ("staleAfter", 10.0), ("expireAfter", 300.0))
    values = [freshness.get(f"{key.removesuffix('After')}_after", default) for key, default in order]
    for at in (1, 2):
        if values[at] < values[at - 1]:
            earlier, later = order[at - 1][0], order[at][0]
            given = later if report.seen(f"freshness.{later}") else earlier
            sentence = f"{later} ({values[at]:g}s) comes before {earlier} ({values[at - 1]:g}s): it must not be shorter"
            report.add(f"freshness.{given}", sentence)
