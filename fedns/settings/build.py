"""From the tables of a configuration without problems to the settings."""

import socket
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Any, Final

from msgspec import structs

from fedns.answers.rules import Dnstap, QueryLog, RateLimit, Zone
from fedns.federation.failover import Failover
from fedns.federation.health import Freshness, Timers
from fedns.federation.isolation import Isolation
from fedns.federation.locality import ClientRule
from fedns.federation.migrations import Migration
from fedns.federation.objects import AddressKind, Cluster
from fedns.federation.placement import Policy, Rung
from fedns.settings.schema import (
    BELIEVED,
    FAST,
    PRIVATE,
    ClientsFrom,
    ClusterProfiles,
    ClustersFrom,
    Cookies,
    Dns,
    Exec,
    Https,
    Kept,
    Kubeconfig,
    Local,
    Logging,
    Lookup,
    Member,
    Memory,
    PathProbe,
    Provider,
    Quic,
    Replicas,
    Secrets,
    Settings,
    Tls,
    Trust,
)

Values = dict[str, Any]
LISTENERS: Final = ("metrics", "health", "ready", "admin")
"""The HTTP servers, each with an address of its own."""
_OF_CLUSTER = {field.name for field in structs.fields(Cluster)} - {"addresses"}
_OF_MEMBER: Final = ("in_cluster", "source", "exports", "host_names", "namespace_annotations")
IMPORTED: Final = (AddressKind.CLUSTER_SET_IP, AddressKind.POD_IP, AddressKind.GATEWAY)
"""The kinds of address of services that are known by imports, where nothing else is said."""


def settings(values: Values) -> Settings:
    """Settings from values by their names in Python; what is missing takes its default."""
    listeners = {key: values[key]["listen"] for key in LISTENERS if key in values}
    more: Values = {"diagnostics": values["diagnostics"]["allow"]} if "diagnostics" in values else {}
    if "clusters_from" in values:
        more["clusters_from"] = _clusters_from(values["clusters_from"])
    if (kept := values.get("snapshot", "off")) != "off":
        more["snapshot"] = Kept(**kept)
    clients_from = ClientsFrom(**values.get("clients_from", {}))
    local = Local(**values.get("local", {}))
    members = tuple(member(cluster) for cluster in values["clusters"])
    if clients_from.nodes:
        members = tuple(structs.replace(each, nodes=each.name == local.cluster) for each in members)
    return Settings(
        clusters=members,
        zones=_zones(values.get("zones", {})),
        dns=_dns(values.get("dns", {})),
        local=local,
        clients=tuple(ClientRule(**client) for client in values.get("clients", ())),
        clients_from=clients_from,
        freshness=_timers(values.get("freshness", {})),
        isolation=Isolation(**values.get("isolation", {})),
        failover=Failover(**values.get("failover", {})),
        forced={name: Freshness(state) for name, state in values.get("forced", {}).items()},
        policies=tuple(_policy(policy) for policy in values.get("policies", ())),
        drains=values.get("drains", ()),
        migrations=tuple(_migration(each) for each in values.get("migrations", ())),
        state=values.get("state", {}).get("path", ""),
        memory=Memory(**values.get("memory", {})),
        replicas=Replicas(**values.get("replicas", {})),
        logging=Logging(**values.get("logging", {})),
        ecs_from=values.get("ecs_from", ()),
        **listeners,
        **more,
    )


def _dns(dns: Values) -> Dns:
    """The DNS server; cookies are on unless the one word is `off`, a rate limit is off unless there is a table."""
    more: Values = {"nsid": socket.gethostname(), **dns}
    # Zones name this server by the addresses that were chosen for it, not by those of all interfaces.
    chosen = dict.fromkeys(ip_address(each.host) for each in dns.get("listen", ()))
    more.setdefault("advertise", tuple(each.packed for each in chosen if not (each.is_unspecified or each.is_loopback)))
    for key, kind in (("tls", Tls), ("https", Https), ("quic", Quic)):
        if key in dns:
            more[key] = kind(**dns[key])
    if "cookies" in dns:
        more["cookies"] = Cookies(on=False) if dns["cookies"] == "off" else Cookies(**dns["cookies"])
    if "rate_limit" in dns:
        more["rate_limit"] = RateLimit(**{"exempt": PRIVATE, **dns["rate_limit"]})
    if "query_log" in dns:
        more["query_log"] = QueryLog(**dns["query_log"])
    if "dnstap" in dns:
        more["dnstap"] = Dnstap(**{"identity": more["nsid"] or socket.gethostname(), **dns["dnstap"]})
    return Dns(**more)


def _zones(zones: Values) -> tuple[Zone, ...]:
    """The clusterset zone always, the others where they are configured; those that lead to it live as long."""
    served = [Zone(kind="clusterset", **{"name": "clusterset.local", **zones.get("clusterset", {})})]
    if "federation" in zones:
        federal = Zone(kind="federation", **zones["federation"])
        all_federal = [federal, *(Zone(kind="federation", **each) for each in zones.get("federations", ()))]
        served += [*all_federal, *(structs.replace(federal, name=name, kind="reverse") for name in _reverse(zones))]
        if "cluster_local" in zones:
            above = zones["cluster_local"].get("name", "cluster.local")
            # Of zones with the same label the old names lead to the first.
            labels = {each.federation: each for each in reversed(all_federal)}
            served += [structs.replace(each, name=f"{label}.svc.{above}", kind="old") for label, each in labels.items()]
    return tuple(served)


def _reverse(zones: Values) -> Iterator[str]:
    """The zones of the reverse tree that make up each prefix: cut at the next octet, or nibble."""
    for cidr in zones.get("reverse", ()):
        network = ip_network(cidr)
        step = 8 if network.version == 4 else 4
        bits = -(-network.prefixlen // step) * step
        for part in network.subnets(new_prefix=bits):
            labels = part.network_address.reverse_pointer.split(".")
            yield ".".join(labels[-2 - bits // step :])


def member(values: Values, kubeconfig: Kubeconfig | None = None) -> Member:
    """One member: what it is, and how to reach it; `kubeconfig` is for credentials that are in no file."""
    imports = values.get("source") == "imports"
    trust = dict(values.get("trust", {}))
    rank = trust.pop("rank", 0)
    if "kubeconfig" in values:
        kubeconfig = Kubeconfig(**values["kubeconfig"])
    sources = tuple(_cluster(each, rank, imports=True, via=values["name"]) for each in values.get("sources", ()))
    return Member(
        cluster=_cluster(values, rank, imports=imports),
        kubeconfig=kubeconfig,
        sources=sources,
        trust=Trust(**trust),
        data_paths={
            each["name"]: _path_probe(each["data_path"])
            for each in (values, *values.get("sources", ()))
            if "data_path" in each
        },
        **{key: values[key] for key in _OF_MEMBER if key in values},
    )


def _path_probe(values: Values) -> PathProbe:
    """What is probed; of the three kinds one is there."""
    return PathProbe(**values | ({"dns": Lookup(**values["dns"])} if "dns" in values else {}))


def _cluster(values: Values, rank: int, *, imports: bool, via: str = "") -> Cluster:
    """What a member or a source is and where; who tells of others is believed for them as far as for itself."""
    own = {key: value for key, value in values.items() if key in _OF_CLUSTER}
    if "addresses" in values:
        own["addresses"] = tuple(AddressKind(kind) for kind in values["addresses"])
    elif imports:
        own["addresses"] = IMPORTED
    return Cluster(**own, via=via, gateway_ips=values.get("gateway", {}).get("ips", ()), trust_rank=rank)


def _clusters_from(values: Values) -> ClustersFrom:
    """Where members come from beside the file."""
    secrets, profiles = values.get("secrets"), values.get("cluster_profiles")
    return ClustersFrom(
        secrets=Secrets(**secrets) if secrets else None,
        cluster_profiles=_cluster_profiles(profiles) if profiles else None,
    )


def _cluster_profiles(values: Values) -> ClusterProfiles:
    """An inventory; what is said of some properties leaves the defaults of the others as they are."""
    providers = tuple(
        Provider(**each | ({"exec": Exec(**each["exec"])} if "exec" in each else {})) for each in values["providers"]
    )
    return ClusterProfiles(**values | {"providers": providers, "properties": BELIEVED | values.get("properties", {})})


def _timers(freshness: Values | str) -> Timers:
    """The timers; the one word is `fast`."""
    return FAST if isinstance(freshness, str) else Timers(**freshness)


def _migration(values: Values) -> Migration:
    """One migration; its times count from the start that is given."""
    namespace, service = values["service"]
    return Migration(
        namespace=namespace,
        service=service,
        source=values["from"],
        target=values["to"],
        schedule=values["schedule"],
        start=values["start"],
        pause_if=values.get("pause_if", ""),
    )


def _policy(policy: Values) -> Policy:
    """One policy; what it matches stands in a table of its own in the file."""
    own = {key: value for key, value in policy.items() if key != "match"}
    if not own.get("jurisdictions", True):
        del own["jurisdictions"]
    if own.get("ladder") == "fromService":
        own |= {"ladder": Policy().ladder, "from_service": True}
    if "ladder" in own:
        own["ladder"] = tuple(Rung(rung) for rung in own["ladder"])
    return Policy(**policy.get("match", {}), **own)
