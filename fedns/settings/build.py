"""From the tables of a configuration without problems to the settings."""

import socket
from typing import Any

from msgspec import structs

from fedns.answers.rules import Zone
from fedns.federation.health import Timers
from fedns.federation.locality import ClientRule
from fedns.federation.objects import AddressKind, Cluster
from fedns.federation.placement import Policy, Rung
from fedns.settings.schema import FAST, Dns, Kubeconfig, Local, Logging, Member, Settings

Values = dict[str, Any]
_OF_CLUSTER = {field.name for field in structs.fields(Cluster)} - {"addresses"}


def settings(values: Values) -> Settings:
    """Settings from values by their names in Python; what is missing takes its default."""
    listeners = {key: values[key]["listen"] for key in ("metrics", "health", "ready") if key in values}
    more = {"diagnostics": values["diagnostics"]["allow"]} if "diagnostics" in values else {}
    return Settings(
        clusters=tuple(_member(cluster) for cluster in values["clusters"]),
        zones=_zones(values.get("zones", {})),
        dns=Dns(**{"nsid": socket.gethostname(), **values.get("dns", {})}),
        local=Local(**values.get("local", {})),
        clients=tuple(ClientRule(**client) for client in values.get("clients", ())),
        freshness=_timers(values.get("freshness", {})),
        policies=tuple(_policy(policy) for policy in values.get("policies", ())),
        logging=Logging(**values.get("logging", {})),
        **listeners,
        **more,
    )


def _zones(zones: Values) -> tuple[Zone, ...]:
    """The clusterset zone always, the federation zone where it is configured."""
    served = [Zone(kind="clusterset", **{"name": "clusterset.local", **zones.get("clusterset", {})})]
    if "federation" in zones:
        served.append(Zone(kind="federation", **zones["federation"]))
    return tuple(served)


def _member(cluster: Values) -> Member:
    """One member: what it is, and how to reach it."""
    own = {key: value for key, value in cluster.items() if key in _OF_CLUSTER}
    if "addresses" in cluster:
        own["addresses"] = tuple(AddressKind(kind) for kind in cluster["addresses"])
    own["gateway_ips"] = cluster.get("gateway", {}).get("ips", ())
    own["trust_rank"] = cluster.get("trust", {}).get("rank", 0)
    kubeconfig = Kubeconfig(**cluster["kubeconfig"]) if "kubeconfig" in cluster else None
    exports = {"exports": cluster["exports"]} if "exports" in cluster else {}
    return Member(cluster=Cluster(**own), kubeconfig=kubeconfig, in_cluster=cluster.get("in_cluster", False), **exports)


def _timers(freshness: Values | str) -> Timers:
    """The timers; the one word is `fast`."""
    return FAST if isinstance(freshness, str) else Timers(**freshness)


def _policy(policy: Values) -> Policy:
    """One policy; what it matches stands in a table of its own in the file."""
    own = {key: value for key, value in policy.items() if key != "match"}
    if "ladder" in own:
        own["ladder"] = tuple(Rung(rung) for rung in own["ladder"])
    return Policy(**policy.get("match", {}), **own)
