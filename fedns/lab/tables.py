"""Objects in other forms: rows of a `Table` as `kubectl get` prints it, with real servers' columns; metadata alone."""

from collections.abc import Iterable
from datetime import UTC, datetime

from fedns.lab.kinds import ENDPOINT_SLICES, NAMESPACES, NODES, PODS, SERVICES, Json, Kind

_COLUMNS: dict[Kind, tuple[str, ...]] = {
    NAMESPACES: ("Name", "Status", "Age"),
    NODES: ("Name", "Status", "Roles", "Age", "Version"),
    PODS: ("Name", "Ready", "Status", "Restarts", "Age"),
    SERVICES: ("Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "Selector"),
    ENDPOINT_SLICES: ("Name", "AddressType", "Ports", "Endpoints", "Age"),
}
_WIDE = ("Selector",)
_SHOWN_ENDPOINTS = 3


def _age(item: Json) -> str:
    """The age as kubectl prints it: `12s`, `3m4s`, `2h`, `5d`."""
    created = item["metadata"].get("creationTimestamp")
    if not created:
        return "<unknown>"
    seconds = max(0, int((datetime.now(UTC) - datetime.fromisoformat(created)).total_seconds()))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    return f"{hours}h" if hours < 48 else f"{days}d"


def _joined(parts: Iterable[str], none: str = "<none>") -> str:
    return ",".join(parts) or none


def _service(item: Json) -> list[str]:
    spec, status = item.get("spec", {}), item.get("status", {})
    ingress = [each.get("ip") or each.get("hostname", "") for each in status.get("loadBalancer", {}).get("ingress", [])]
    external = _joined([*ingress, *spec.get("externalIPs", [])])
    if spec.get("type") == "LoadBalancer" and external == "<none>":
        external = "<pending>"
    if spec.get("type") == "ExternalName":
        external = spec.get("externalName", "")
    ports = _joined(
        f"{each['port']}" + (f":{each['nodePort']}" if each.get("nodePort") else "") + f"/{each['protocol']}"
        for each in spec.get("ports") or []
    )
    selector = _joined(f"{key}={value}" for key, value in (spec.get("selector") or {}).items())
    return [spec.get("type", ""), spec.get("clusterIP") or "<none>", external, ports, _age(item), selector]


def _slice(item: Json) -> list[str]:
    ports = _joined((str(each.get("port", "*")) for each in item.get("ports") or []), "<unset>")
    addresses = [address for endpoint in item.get("endpoints") or [] for address in endpoint["addresses"]]
    shown = _joined(addresses[:_SHOWN_ENDPOINTS], "<unset>")
    if len(addresses) > _SHOWN_ENDPOINTS:
        shown += f" + {len(addresses) - _SHOWN_ENDPOINTS} more..."
    return [item.get("addressType", ""), ports, shown, _age(item)]


def _node(item: Json) -> list[str]:
    conditions = item.get("status", {}).get("conditions", [])
    ready = any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)
    version = item.get("status", {}).get("nodeInfo", {}).get("kubeletVersion", "")
    return ["Ready" if ready else "NotReady", "<none>", _age(item), version]


def _pod(item: Json) -> list[str | int]:
    statuses = item.get("status", {}).get("containerStatuses", [])
    ready = sum(bool(each.get("ready")) for each in statuses)
    count = len(item.get("spec", {}).get("containers", []))
    return [f"{ready}/{count}", item.get("status", {}).get("phase", "Unknown"), 0, _age(item)]


def _cells(kind: Kind, item: Json) -> list[str | int]:
    name = item["metadata"].get("name", "")
    if kind is SERVICES:
        return [name, *_service(item)]
    if kind is ENDPOINT_SLICES:
        return [name, *_slice(item)]
    if kind is NAMESPACES:
        return [name, item.get("status", {}).get("phase", ""), _age(item)]
    if kind is NODES:
        return [name, *_node(item)]
    if kind is PODS:
        return [name, *_pod(item)]
    return [name, _age(item)]


def _partial(item: Json) -> Json:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}


def partials(items: Iterable[Json], meta: Json) -> Json:
    """The `PartialObjectMetadataList` of some objects."""
    kind = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
    return {**kind, "metadata": meta, "items": [_partial(item) for item in items]}


def _column(title: str) -> Json:
    form = "name" if title == "Name" else ""
    number = "integer" if title == "Restarts" else "string"
    return {"name": title, "type": number, "format": form, "description": "", "priority": int(title in _WIDE)}


def table(kind: Kind, items: Iterable[Json], meta: Json, *, include: str = "Metadata") -> Json:
    """The `Table` of some objects; `include` is the request's includeObject: None, Metadata or Object."""
    rows: list[Json] = []
    for item in items:
        # A bookmark is a row without cells.
        row: Json = {"cells": _cells(kind, item) if "uid" in item["metadata"] else []}
        if include != "None":
            row["object"] = item if include == "Object" else _partial(item)
        rows.append(row)
    columns = [_column(title) for title in _COLUMNS.get(kind, ("Name", "Age"))]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": meta,
        "columnDefinitions": columns,
        "rows": rows,
    }
