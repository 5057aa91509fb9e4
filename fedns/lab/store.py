"""What a simulated API server remembers: objects, one growing resourceVersion, and a bounded log of changes.

Objects in here are never changed in place: readers may keep what they were given. Knows no HTTP; `admission` decides
what may enter.
"""

import asyncio
from collections import deque
from datetime import UTC, datetime
from ipaddress import ip_network
from uuid import uuid4

import msgspec
from msgspec import Struct

from fedns.lab import admission, crds
from fedns.lab.kinds import CRDS, KINDS, NAMESPACES, Json, Kind, by_object
from fedns.lab.status import already_exists, bad_request, conflict, expired, no_resource, not_found

Key = tuple[str, str]
"""(namespace, name); the namespace of a cluster-wide object is empty."""

KEPT_CHANGES = 20_000
"""Bound of the change log: who is further behind gets 410 Gone."""


class Change(Struct, frozen=True):
    """One write: `before` is None for a create, `after` is None for a delete (`before` then has the final state)."""

    version: int
    kind: Kind
    before: Json | None
    after: Json | None


class Snapshot(Struct, frozen=True):
    """All objects as they were at a version, and the cluster IPs that were taken."""

    version: int
    objects: dict[tuple[str, str], dict[Key, Json]]
    taken: frozenset[str]


class Store:
    """The objects of one cluster; `multicluster`: with the definitions of ServiceExport and ServiceImport.

    All methods but `news` are synchronous: a change is visible when the call returns.
    """

    def __init__(
        self,
        *,
        service_range: str = "10.96.0.0/16",
        keep: int = KEPT_CHANGES,
        version: int = 100,
        multicluster: bool = True,
    ) -> None:
        self.version = version
        self.oldest = version
        self.ips = admission.Addresses(ip_network(service_range))
        self.writes = 0
        """Grows with every change, also where a restored version does not."""
        self._objects: dict[tuple[str, str], dict[Key, Json]] = {}
        self._log: deque[Change] = deque()
        self._keep = keep
        self._news = asyncio.Event()
        for name in ("default", "kube-node-lease", "kube-public", "kube-system"):
            self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for definition in crds.definitions() if multicluster else ():
            self.apply(definition)

    def served(self) -> list[Kind]:
        """The types that this cluster knows now: a custom one only while its definition is there."""
        return [kind for kind in KINDS if kind.builtin or ("", kind.resource) in self._table(CRDS)]

    def find(self, kind: Kind, namespace: str, name: str) -> Json | None:
        """The object, or None."""
        return self._table(kind).get((namespace, name))

    def get(self, kind: Kind, namespace: str, name: str) -> Json:
        """The object, or a 404."""
        item = self.find(kind, namespace, name)
        if item is None:
            raise not_found(kind, name)
        return item

    def items(self, kind: Kind, namespace: str = "") -> list[Json]:
        """All objects of a type, or those of one namespace, in the order of their keys."""
        table = self._table(kind)
        return [table[key] for key in sorted(table) if not namespace or key[0] == namespace]

    def items_at(self, kind: Kind, namespace: str, version: int) -> list[Json]:
        """The same as they were at an earlier version: the later changes are undone; 410 if that is too long ago."""
        table = dict(self._table(kind))
        for change in reversed(self.since(version)):
            if change.kind is not kind:
                continue
            item = change.before or change.after
            if item is not None and change.before is None:
                table.pop(_key(kind, item), None)
            elif item is not None:
                table[_key(kind, item)] = item
        return [table[key] for key in sorted(table) if not namespace or key[0] == namespace]

    def create(self, kind: Kind, item: Json, *, dry: bool = False) -> Json:
        """Add an object; `dry` only says what would be stored."""
        item = _copy(item)
        meta = item["metadata"]
        if "name" not in meta and "generateName" in meta:
            meta["name"] = meta["generateName"] + uuid4().hex[:5]
        key = _key(kind, item)
        if kind.namespaced and self.find(NAMESPACES, "", key[0]) is None:
            raise not_found(NAMESPACES, key[0])
        admission.check(kind, item, None, self.ips)
        if key in self._table(kind):
            raise already_exists(kind, key[1])
        meta.setdefault("uid", str(uuid4()))
        meta.setdefault("creationTimestamp", _now())
        if kind.group:
            meta["generation"] = 1
        meta.pop("deletionTimestamp", None)
        if not dry:
            self._write(kind, key, None, item)
        return item

    def update(self, kind: Kind, item: Json, *, sub: str = "", dry: bool = False) -> Json:
        """Replace an object; with `sub` "status" only its status, else all but its status."""
        item = _copy(item)
        key = _key(kind, item)
        old = self.get(kind, *key)
        meta, known = item["metadata"], old["metadata"]
        if (meta.get("resourceVersion") or known["resourceVersion"]) != known["resourceVersion"]:
            raise conflict(kind, key[1])
        if meta.get("uid", known["uid"]) != known["uid"]:
            text = f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: {known['uid']}"
            raise conflict(kind, key[1], text)
        if kind.status:
            item = _with_status(old, item) if sub == "status" else _with_status(item, old)
            item["metadata"] = meta = dict(item["metadata"])
        for field in ("uid", "creationTimestamp", "deletionTimestamp", "resourceVersion", "generation"):
            if field in known:
                meta[field] = known[field]
        if sub != "status":
            admission.check(kind, item, old, self.ips)
        if "generation" in meta and _desired(item) != _desired(old):
            meta["generation"] = known["generation"] + 1
        # A write that changes nothing is no event and keeps the resourceVersion, as in a real server.
        if item == old or dry:
            return item
        if "deletionTimestamp" in meta and not meta.get("finalizers"):
            return self._drop(kind, key, item)
        self._write(kind, key, old, item)
        return item

    def delete(self, kind: Kind, namespace: str, name: str, *, preconditions: Json | None = None) -> tuple[Json, bool]:
        """Remove an object: its last state, and whether it is gone (finalizers keep it)."""
        old = self.get(kind, namespace, name)
        for field, wanted in (preconditions or {}).items():
            if old["metadata"].get(field) != wanted:
                raise conflict(kind, name, f"Precondition failed: {field} in precondition: {wanted}")
        if old["metadata"].get("finalizers"):
            if "deletionTimestamp" in old["metadata"]:
                return old, False
            item = old | {"metadata": old["metadata"] | {"deletionTimestamp": _now()}}
            self._write(kind, (namespace, name), old, item)
            return item, False
        if kind is NAMESPACES:
            self._empty(name)
        if kind is CRDS:
            for custom in (each for each in KINDS if each.resource == name):
                for item in self.items(custom):
                    self._drop(custom, _key(custom, item), item)
        return self._drop(kind, (namespace, name), old), True

    def apply(self, item: Json) -> Json:
        """Create the object, or make the existing one equal to it; makes its namespace too. Status included."""
        kind = by_object(item)
        if kind is None:
            raise bad_request(f"no such type: {item.get('apiVersion')} {item.get('kind')}")
        namespace, name = key = _key(kind, item)
        if kind.namespaced and self.find(NAMESPACES, "", namespace) is None:
            self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        if kind not in self.served():
            raise no_resource()
        if self.find(kind, *key) is None:
            return self.create(kind, item)
        item = item | {"metadata": {**item["metadata"], "namespace": namespace, "name": name}}
        item["metadata"].pop("resourceVersion", None)
        if not kind.namespaced:
            del item["metadata"]["namespace"]
        stored = self.update(kind, item)
        return self.update(kind, item, sub="status") if kind.status and "status" in item else stored

    def remove(self, item: Json) -> bool:
        """Delete the object that has the type, namespace and name of `item`; False if there was none."""
        kind = by_object(item)
        if kind is None or self.find(kind, *_key(kind, item)) is None:
            return False
        self.delete(kind, *_key(kind, item))
        return True

    def since(self, version: int) -> list[Change]:
        """The changes after `version`, oldest first; 410 if the log does not reach back."""
        if version < self.oldest:
            raise expired(version, self.oldest)
        behind = self.version - version
        start = max(0, len(self._log) - behind)
        return [self._log[at] for at in range(start, len(self._log))]

    async def news(self, version: int) -> None:
        """Wait until there is a change after `version`."""
        while self.version <= version:
            await self._news.wait()

    def compact(self) -> None:
        """Forget the log: every version that anybody knows is now too old."""
        self.version += 1
        self.oldest = self.version
        self._log.clear()
        self._tell()

    def snapshot(self) -> Snapshot:
        """All that a backup of etcd has."""
        objects = {place: dict(table) for place, table in self._objects.items()}
        return Snapshot(self.version, objects, frozenset(self.ips.taken))

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot, its version included: those who watch hear nothing, as from a restored etcd."""
        self._objects = {place: dict(table) for place, table in snapshot.objects.items()}
        self.ips.taken = set(snapshot.taken)
        self.version = self.oldest = snapshot.version
        self._log.clear()
        self._tell()

    def _table(self, kind: Kind) -> dict[Key, Json]:
        return self._objects.setdefault((kind.group, kind.plural), {})

    def _empty(self, namespace: str) -> None:
        """The namespace controller's work: a real API server alone would leave the namespace Terminating."""
        for kind in admission.namespaced_kinds():
            for item in self.items(kind, namespace):
                self._drop(kind, (namespace, item["metadata"]["name"]), item)

    def _drop(self, kind: Kind, key: Key, item: Json) -> Json:
        del self._table(kind)[key]
        admission.forget(kind, item, self.ips)
        self.version += 1
        final = item | {"metadata": item["metadata"] | {"resourceVersion": str(self.version)}}
        self._note(Change(self.version, kind, final, None))
        return final

    def _write(self, kind: Kind, key: Key, before: Json | None, after: Json) -> None:
        self.version += 1
        after["metadata"]["resourceVersion"] = str(self.version)
        admission.keep(kind, after, self.ips)
        self._table(kind)[key] = after
        self._note(Change(self.version, kind, before, after))

    def _note(self, change: Change) -> None:
        self._log.append(change)
        while len(self._log) > self._keep:
            self.oldest = self._log.popleft().version
        self._tell()

    def _tell(self) -> None:
        self.writes += 1
        self._news.set()
        self._news = asyncio.Event()


def _copy(item: Json) -> Json:
    copy: Json = msgspec.json.decode(msgspec.json.encode(item))
    return copy


def _key(kind: Kind, item: Json) -> Key:
    meta = item["metadata"]
    if not kind.namespaced:
        return "", meta.get("name", "")
    return meta.setdefault("namespace", "default"), meta.get("name", "")


def _with_status(item: Json, other: Json) -> Json:
    """`item`, but with the status of `other`."""
    rest = {key: value for key, value in item.items() if key != "status"}
    return rest | ({"status": other["status"]} if "status" in other else {})


def _desired(item: Json) -> Json:
    return {key: value for key, value in item.items() if key not in {"metadata", "status", "apiVersion"}}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
