"""The verbs on objects: what a parsed request does to the store, and what object it answers with.

Knows neither sockets nor HTTP messages: parameters come in as a mapping, bodies as JSON, failures go out as ApiError.
"""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from fedns.lab import patches, selectors
from fedns.lab.kinds import ACCESS_REVIEWS, SERVICES, Json, Kind
from fedns.lab.status import (
    ApiError,
    bad_request,
    continue_expired,
    invalid,
    no_method,
    not_found,
    too_large,
    unsupported,
)
from fedns.lab.store import Store
from fedns.lab.views import View

PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)


class Target(Struct, frozen=True):
    """What a URL names: a collection if `name` is empty; all namespaces if `namespace` is."""

    kind: Kind
    version: str
    namespace: str = ""
    name: str = ""
    sub: str = ""

    def present(self, item: Json) -> Json:
        """The object as this version of the API shows it."""
        head = {"kind": self.kind.name, "apiVersion": self.kind.api_version(self.version)}
        return head | item | head


def number(params: Mapping[str, str], name: str) -> int:
    """A numeric parameter; 0 when absent."""
    text = params.get(name) or "0"
    if not text.isdigit():
        raise bad_request(f'{name}: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax')
    return int(text)


def _option(field: str, message: str) -> ApiError:
    details = {
        "group": "meta.k8s.io",
        "kind": "ListOptions",
        "causes": [{"reason": "FieldValueForbidden", "message": f"Forbidden: {message}", "field": field}],
    }
    text = f'ListOptions.meta.k8s.io "" is invalid: {field}: Forbidden: {message}'
    return ApiError(422, "Invalid", text, details)


def check_options(params: Mapping[str, str], *, watch: bool) -> None:
    """Refuse combinations of list options that a real server refuses."""
    match, version = params.get("resourceVersionMatch"), params.get("resourceVersion")
    initial = params.get("sendInitialEvents") is not None
    if initial and not watch:
        raise _option("sendInitialEvents", "sendInitialEvents is forbidden for list")
    if initial and match != "NotOlderThan":
        raise _option("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
    if watch and match and not initial:
        raise _option(
            "resourceVersionMatch", "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        )
    if not watch and match and not version:
        text = "resourceVersionMatch is forbidden unless resourceVersion is provided"
        raise _option("resourceVersionMatch", text)


def read_list(store: Store | View, target: Target, params: Mapping[str, str]) -> tuple[list[Json], Json]:
    """The objects of a list request, and the list's metadata."""
    asked, limit = number(params, "resourceVersion"), number(params, "limit")
    matches = selectors.both(params.get("labelSelector", ""), params.get("fieldSelector", ""))
    version, after = store.version, ("", "")
    if token := params.get("continue"):
        version, after = _open_token(token)
    elif asked > store.version:
        raise too_large(asked, store.version)
    elif params.get("resourceVersionMatch") == "Exact":
        version = asked
    try:
        items = store.items_at(target.kind, target.namespace, version)
    except ApiError as error:
        raise continue_expired() if token else error from None
    items = [item for item in items if matches(item) and _place(item) > after]
    meta: Json = {"resourceVersion": str(version)}
    # A real server ignores the limit of a request that its watch cache answers.
    served_from_cache = params.get("resourceVersion") == "0"
    if limit and len(items) > limit and not served_from_cache:
        meta |= {"continue": _token(version, items[limit - 1]), "remainingItemCount": len(items) - limit}
        items = items[:limit]
    return items, meta


def _place(item: Json) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _token(version: int, last: Json) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode([version, *_place(last)])).decode().rstrip("=")


def _open_token(token: str) -> tuple[int, tuple[str, str]]:
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        version, namespace, name = msgspec.json.decode(text, type=tuple[int, str, str])
    except ValueError:
        raise bad_request("continue key is not valid: encoded object is malformed") from None
    return version, (namespace, name)


def whole_list(target: Target, items: list[Json], meta: Json) -> Json:
    """A list as the API writes it: items of built-in types carry no kind of their own."""
    if target.kind.builtin:
        shown = [{key: value for key, value in item.items() if key not in {"kind", "apiVersion"}} for item in items]
    else:
        shown = [target.present(item) for item in items]
    api_version = target.kind.api_version(target.version)
    return {"kind": f"{target.kind.name}List", "apiVersion": api_version, "metadata": meta, "items": shown}


def _own(target: Target, item: Any, *, named: bool = True) -> Json:
    """The object of a request's body, checked against the URL."""
    wanted = (target.kind.api_version(target.version), target.kind.name)
    if not isinstance(item, dict) or not isinstance(item.setdefault("metadata", {}), dict):
        raise bad_request("the object provided is unrecognized (must be of type " + target.kind.name + ")")
    if (item.setdefault("apiVersion", wanted[0]), item.setdefault("kind", wanted[1])) != wanted:
        text = f"the API version in the data ({item['apiVersion']}, Kind={item['kind']}) does not match"
        raise bad_request(f"{text} the expected API version ({wanted[0]}, Kind={wanted[1]})")
    meta = item["metadata"]
    if target.kind.namespaced and meta.setdefault("namespace", target.namespace) != target.namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    if named and meta.setdefault("name", target.name) != target.name:
        text = f"the name of the object ({meta['name']}) does not match the name on the URL ({target.name})"
        raise bad_request(text)
    return item


def create(store: Store, target: Target, body: Any, *, dry: bool) -> Json:
    """POST."""
    if target.name or (target.kind.namespaced and not target.namespace):
        raise no_method()
    item = _own(target, body, named=False)
    if item["metadata"].pop("resourceVersion", ""):
        raise bad_request("resourceVersion should not be set on objects to be created")
    if target.kind.status and not target.kind.builtin:
        item.pop("status", None)
    return target.present(store.create(target.kind, item, dry=dry))


def replace(store: Store, target: Target, body: Any, *, dry: bool) -> tuple[Json, bool]:
    """PUT: the object, and whether it is new."""
    item = _own(target, body)
    missing = store.find(target.kind, target.namespace, target.name) is None
    version = item["metadata"].get("resourceVersion")
    # A real server creates Services on PUT, and insists on a version for custom resources.
    if missing and target.kind is SERVICES and not target.sub and not version:
        return target.present(store.create(target.kind, item, dry=dry)), True
    if not missing and not target.kind.builtin and not version:
        text = "Invalid value: 0: must be specified for an update"
        raise invalid(target.kind, target.name, "metadata.resourceVersion", "FieldValueInvalid", text)
    return target.present(store.update(target.kind, item, sub=target.sub, dry=dry)), False


def patch(store: Store, target: Target, body: Any, media: str, *, dry: bool) -> tuple[Json, bool]:
    """PATCH in any of the four formats: the object, and whether it is new (apply creates)."""
    accepted = tuple(each for each in PATCH_TYPES if target.kind.builtin or "strategic" not in each)
    if media not in accepted:
        raise unsupported(accepted)
    old = store.find(target.kind, target.namespace, target.name)
    if old is None:
        if media != "application/apply-patch+yaml" or target.sub:
            raise not_found(target.kind, target.name)
        return create(store, Target(target.kind, target.version, target.namespace), _own(target, body), dry=dry), True
    shown = target.present(msgspec.json.decode(msgspec.json.encode(old)))
    if media == "application/json-patch+json":
        new = patches.json_patch(shown, body)
    elif not isinstance(body, dict):
        raise bad_request("a merge patch is an object")
    elif media == "application/strategic-merge-patch+json":
        new = patches.strategic(shown, body, target.kind.plural)
    else:
        new = patches.merge(shown, body)
    return target.present(store.update(target.kind, _own(target, new), sub=target.sub, dry=dry)), False


def delete(store: Store, target: Target, body: Any, *, dry: bool) -> Json:
    """DELETE of one object: a Status once it is gone, the object while a finalizer keeps it."""
    options = body if isinstance(body, dict) else {}
    if dry or "All" in options.get("dryRun", ()):
        item, gone = store.get(target.kind, target.namespace, target.name), True
    else:
        preconditions = options.get("preconditions") or {}
        item, gone = store.delete(target.kind, target.namespace, target.name, preconditions=preconditions)
    if not gone:
        return target.present(item)
    details = {"name": target.name, "kind": target.kind.plural, "uid": item["metadata"]["uid"]}
    if target.kind.group:
        details["group"] = target.kind.group
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def delete_all(store: Store, target: Target, params: Mapping[str, str]) -> Json:
    """DELETE of a collection: the list of what went."""
    items, meta = read_list(store, target, params)
    for item in items:
        store.delete(target.kind, *_place(item))
    return whole_list(target, items, meta)


def review(target: Target, body: Any, *, forbidden: bool) -> Json:
    """What the caller may do: everything, but for a resource that a fault forbids."""
    item = _own(target, body, named=False)
    if target.kind is ACCESS_REVIEWS:
        return item | {"status": {"allowed": not forbidden}}
    every = ["*"]
    rules = {
        "resourceRules": [{"verbs": every, "apiGroups": every, "resources": every}],
        "nonResourceRules": [{"verbs": every, "nonResourceURLs": every}],
        "incomplete": False,
    }
    return item | {"status": rules}
