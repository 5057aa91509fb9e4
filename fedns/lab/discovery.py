"""What a server says about itself: versions, API groups, resources, and just enough OpenAPI for `kubectl apply`."""

from collections.abc import Sequence

from fedns.lab.kinds import Json, Kind, groups

Kinds = Sequence[Kind]

VERSION: Json = {
    "major": "1",
    "minor": "37",
    "gitVersion": "v1.37.2-lab",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2026-01-01T00:00:00Z",
    "goVersion": "none",
    "compiler": "none",
    "platform": "linux/amd64",
}


def _group(name: str, versions: tuple[str, ...]) -> Json:
    entries = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def group_list(kinds: Kinds) -> Json:
    """/apis."""
    return {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [_group(name, versions) for name, versions in groups(kinds).items()],
    }


def core_versions(host: str) -> Json:
    """/api."""
    servers = [{"clientCIDR": "0.0.0.0/0", "serverAddress": host}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": servers}


def group(name: str, kinds: Kinds) -> Json | None:
    """/apis/GROUP."""
    versions = groups(kinds).get(name)
    return None if versions is None else {"kind": "APIGroup", "apiVersion": "v1"} | _group(name, versions)


def _entry(kind: Kind) -> Json:
    entry: Json = {
        "name": kind.plural,
        "singularName": kind.name.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.name,
        "verbs": list(kind.verbs),
    }
    if kind.short:
        entry["shortNames"] = list(kind.short)
    if kind.plural in {"services", "pods"}:
        entry["categories"] = ["all"]
    return entry


def resource_list(name: str, version: str, kinds: Kinds) -> Json | None:
    """/api/v1 and /apis/GROUP/VERSION; None for what is not served."""
    served_here = [kind for kind in kinds if kind.group == name and version in kind.versions]
    if not served_here:
        return None
    resources: list[Json] = []
    for kind in served_here:
        resources.append(_entry(kind))
        if kind.status:
            verbs = ["get", "patch", "update"]
            entry = _entry(kind) | {"name": f"{kind.plural}/status", "singularName": "", "verbs": verbs}
            entry.pop("shortNames", None)
            entry.pop("categories", None)
            resources.append(entry)
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{name}/{version}" if name else version,
        "resources": resources,
    }


def openapi_index(kinds: Kinds) -> Json:
    """/openapi/v3."""
    paths = ["api/v1", *(f"apis/{name}/{version}" for name, versions in groups(kinds).items() for version in versions)]
    return {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}?hash=lab"} for path in paths}}


def openapi(path: str, kinds: Kinds) -> Json | None:
    """/openapi/v3/PATH: the paths that can be patched, with the parameters that kubectl looks for, and open schemas."""
    prefix, _, version = path.rpartition("/")
    name = prefix.removeprefix("apis/") if prefix.startswith("apis/") else ""
    served_here = [kind for kind in kinds if kind.group == name and version in kind.versions]
    if not served_here:
        return None
    paths: Json = {}
    schemas: Json = {}
    for kind in served_here:
        gvk = {"group": kind.group, "version": version, "kind": kind.name}
        where = f"/{path}/" + ("namespaces/{namespace}/" if kind.namespaced else "") + kind.plural + "/{name}"
        text = {"type": "string"}
        parameters = [{"name": each, "in": "query", "schema": text} for each in ("dryRun", "fieldValidation")]
        patch = {"operationId": f"patch{kind.name}", "parameters": parameters, "responses": {}}
        paths[where] = {"patch": patch | {"x-kubernetes-action": "patch", "x-kubernetes-group-version-kind": gvk}}
        schemas[f"lab.{version}.{kind.name}"] = {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "x-kubernetes-group-version-kind": [gvk],
        }
    return {
        "openapi": "3.0.0",
        "info": {"title": "fedns lab", "version": VERSION["gitVersion"]},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def served(path: str, kinds: Kinds) -> bool:
    """Whether the path lies inside an API version that is served: other ones are no path at all."""
    parts = path.split("/")
    if parts[1] == "api":
        return parts[2:3] == ["v1"]
    return parts[1] == "apis" and parts[3:4] != [] and parts[3] in groups(kinds).get(parts[2], ())


def about(path: str, kinds: Kinds) -> Json | None:
    """The document at a path that names no resource."""
    match path.strip("/").split("/"):
        case ["version"]:
            return VERSION
        case ["api", "v1"]:
            return resource_list("", "v1", kinds)
        case ["apis"]:
            return group_list(kinds)
        case ["apis", name]:
            return group(name, kinds)
        case ["apis", name, version]:
            return resource_list(name, version, kinds)
        case ["openapi", "v3"]:
            return openapi_index(kinds)
        case ["openapi", "v3", *rest]:
            return openapi("/".join(rest), kinds)
    return None
