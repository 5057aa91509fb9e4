"""The HTTP face of a simulated API server: from a request to a verb, from its result to a response or a stream."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web
from msgspec import Struct

from fedns.lab import discovery, protobuf, selectors, spoiling, tables, verbs
from fedns.lab.faults import Faults
from fedns.lab.kinds import ACCESS_REVIEWS, RULES_REVIEWS, Json, by_path
from fedns.lab.status import (
    ApiError,
    bad_request,
    continue_expired,
    expired,
    no_method,
    no_progress,
    no_resource,
    no_watch_list,
    not_found,
    unauthorized,
    unsupported,
)
from fedns.lab.store import Store
from fedns.lab.verbs import Target
from fedns.lab.views import View, view
from fedns.lab.watching import Plan, error_line, events

if TYPE_CHECKING:
    from fedns.lab.credentials import Credentials

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MAX_BODY = 3 * 1024 * 1024
"""Bytes that a request's body may have, as in a real server."""

_GZIP_FROM = 128 * 1024
_WATCH_SECONDS = 1800
_JSON = ("application/json",)
_UPDATES = {"GET", "PUT", "PATCH"}


class Timing(Struct, frozen=True, kw_only=True):
    """Waits of the server, in seconds; tests shorten them."""

    bookmark_every: float = 60.0
    first_bookmark: float = 1.0
    freshness: float = 3.0
    """How long a list waits for a resourceVersion that is still to come."""


def parse_path(path: str) -> Target | None:
    """The resource that a path names; None if the path is not one of a resource."""
    parts = path.strip("/").split("/")
    if parts[:2] == ["api", "v1"]:
        group, version, rest = "", "v1", parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces" and rest[2] not in {"status", "finalize"}:
        namespace, rest = rest[1], rest[2:]
    if not 1 <= len(rest) <= 3 or not all(rest):
        return None
    plural, name, sub = [*rest, "", ""][:3]
    kind = by_path(group, version, plural)
    if kind is None or (kind.namespaced and name and not namespace) or (namespace and not kind.namespaced):
        return None
    return None if sub and not (sub == "status" and kind.status) else Target(kind, version, namespace, name, sub)


def _reply(
    item: Json, status: int = 200, request: web.Request | None = None, headers: Mapping[str, str] | None = None
) -> web.Response:
    body = msgspec.json.encode(item) + b"\n"
    response = web.Response(body=body, status=status, content_type="application/json", headers=headers)
    if request is not None and len(body) > _GZIP_FROM and "gzip" in request.headers.get("Accept-Encoding", ""):
        response.enable_compression(web.ContentCoding.gzip)
    return response


def _form(request: web.Request, *, whole: bool = False) -> str:
    """What the Accept header asks for: Table, JSON, or of a `whole` list the metadata alone; 406 for all else."""
    for choice in request.headers.get("Accept", "*/*").split(","):
        media, *rest = (part.strip() for part in choice.split(";"))
        if "as=Table" in rest and "v=v1" in rest and media == "application/json":
            return "Table"
        if whole and "as=PartialObjectMetadataList" in rest and "v=v1" in rest and media == "application/json":
            return "Metadata"
        if media in {"application/json", "*/*", "application/*"} and not any(part.startswith("as=") for part in rest):
            return "JSON"
    text = "only the following media types are accepted: application/json"
    raise ApiError(406, "NotAcceptable", text)


async def _body(request: web.Request, media: tuple[str, ...] = _JSON) -> Any:
    try:
        content = await request.read()
    except web.HTTPRequestEntityTooLarge:
        text = f"Request entity too large: limit is {MAX_BODY}"
        raise ApiError(413, "RequestEntityTooLarge", text) from None
    if request.content_type == protobuf.MEDIA and media == _JSON and (item := protobuf.decode(content)) is not None:
        return item
    if request.content_type not in media and request.headers.get("Content-Type"):
        raise unsupported(media)
    try:
        return msgspec.json.decode(content) if content else None
    except msgspec.DecodeError as error:
        raise bad_request(f"the body of the request is no JSON: {error}") from None


class Api:
    """One server's routes over one store."""

    def __init__(self, store: Store, faults: Faults, timing: Timing, credentials: "Credentials | None" = None) -> None:
        self.store = store
        self.credentials = credentials
        self.faults = faults
        self.timing = timing

    def app(self) -> web.Application:
        """The application; a fault meets every request before anything else does."""

        @web.middleware
        async def door(request: web.Request, handler: Handler) -> web.StreamResponse:
            await self.faults.passage(request)
            if elsewhere := self.faults.find("redirect", request.path):
                return web.Response(status=302, headers={"Location": elsewhere.value})
            try:
                if refusal := self.faults.refusal(request.path):
                    raise refusal
                if self.credentials and not self.credentials.accepts(request.headers.get("Authorization", "")):
                    raise unauthorized()
                return await handler(request)
            except ApiError as error:
                return _reply(error.body(), error.code, headers=self.faults.headers(request.path))

        application = web.Application(middlewares=[door], client_max_size=MAX_BODY)
        application.router.add_route("*", "/{path:.*}", self.handle)
        return application

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        target = parse_path(request.path)
        if target is None or target.kind not in self.store.served():
            return self._about(request)
        if target.kind in {ACCESS_REVIEWS, RULES_REVIEWS}:
            if request.method != "POST":
                raise no_method()
            return _reply(await self._review(request, target), 201)
        if target.name:
            return await self._one(request, target)
        return await self._many(request, target)

    def _about(self, request: web.Request) -> web.Response:
        """Paths that name no resource."""
        path = request.path.rstrip("/")
        if path in {"/readyz", "/livez", "/healthz"}:
            return web.Response(text="ok")
        if path == "/api":
            return _reply(discovery.core_versions(request.host))
        kinds = self.store.served()
        found = discovery.about(path, kinds)
        if found is None and discovery.served(path, kinds):
            raise no_resource()
        if found is None:
            return web.Response(text="404 page not found\n", status=404)
        return _reply(found)

    async def _review(self, request: web.Request, target: Target) -> Json:
        body = await _body(request)
        attributes = ((body or {}).get("spec") or {}).get("resourceAttributes") or {}
        refusal = self.faults.refusal(f"/{attributes.get('resource', '')}")
        return verbs.review(target, body, forbidden=refusal is not None and refusal.code == 403)

    async def _one(self, request: web.Request, target: Target) -> web.StreamResponse:
        dry = request.query.get("dryRun") == "All"
        if target.sub and request.method not in _UPDATES:
            raise no_method()
        if request.method == "GET":
            return self._shown(request, target, self.store.get(target.kind, target.namespace, target.name))
        if request.method == "PUT":
            item, new = verbs.replace(self.store, target, await _body(request), dry=dry)
            return self._shown(request, target, item, new=new)
        if request.method == "PATCH":
            body = await _body(request, verbs.PATCH_TYPES)
            item, new = verbs.patch(self.store, target, body, request.content_type, dry=dry)
            return self._shown(request, target, item, new=new)
        if request.method == "DELETE":
            return _reply(verbs.delete(self.store, target, await _body(request), dry=dry))
        raise no_method()

    def _shown(self, request: web.Request, target: Target, item: Json, *, new: bool = False) -> web.Response:
        status = 201 if new else 200
        if _form(request) == "Table":
            meta = {"resourceVersion": item["metadata"].get("resourceVersion", "")}
            include = request.query.get("includeObject", "Metadata")
            return _reply(tables.table(target.kind, [target.present(item)], meta, include=include), status)
        return _reply(target.present(item), status)

    async def _many(self, request: web.Request, target: Target) -> web.StreamResponse:
        query = request.query
        if request.method == "GET" and query.get("watch") in {"1", "true"}:
            return await self._watch(request, target)
        if request.method == "GET":
            form = _form(request, whole=True)
            verbs.check_options(query, watch=False)
            if "continue" in query and (gone := self.faults.find("gone", request.path)) and gone.value != "http":
                raise continue_expired()
            # Without a version a list is consistent: it comes from etcd, whatever a replica remembers.
            seen = view(self.store, self.faults, request.path, consistent=not query.get("resourceVersion"))
            await self._fresh(seen, verbs.number(query, "resourceVersion"))
            items, meta = verbs.read_list(seen, target, query)
            if form == "Table":
                include = query.get("includeObject", "Metadata")
                shown = [target.present(item) for item in items]
                return _reply(tables.table(target.kind, shown, meta, include=include), request=request)
            found = tables.partials(items, meta) if form == "Metadata" else verbs.whole_list(target, items, meta)
            return self._spoilt(request, found)
        if request.method == "POST":
            dry = query.get("dryRun") == "All"
            item = verbs.create(self.store, target, await _body(request), dry=dry)
            return self._shown(request, target, item, new=True)
        if request.method == "DELETE":
            return _reply(verbs.delete_all(self.store, target, query))
        raise no_method()

    def _spoilt(self, request: web.Request, found: Json) -> web.Response:
        """A list as it is, or as a fault wants it."""
        response = _reply(found, request=request)
        body = response.body
        assert isinstance(body, bytes)
        if extra := spoiling.more(self.faults, request.path):
            return web.Response(body=spoiling.extended(body, extra), content_type="application/json")
        try:
            response.body = spoiling.garble(body, self.faults, request.path)
        except spoiling.CutError as cut:
            response.body = cut.args[0]
        if bomb := self.faults.find("bomb", request.path):
            content = spoiling.packed(body, bomb)
            return web.Response(body=content, content_type="application/json", headers={"Content-Encoding": "gzip"})
        return response

    async def _fresh(self, seen: View, version: int) -> None:
        """Give a resourceVersion of the future a moment to come."""
        if version > seen.version:
            try:
                async with asyncio.timeout(self.timing.freshness):
                    await seen.news(version - 1)
            except TimeoutError:
                return

    def _plan(self, request: web.Request, target: Target) -> Plan:
        query = request.query
        verbs.check_options(query, watch=True)
        asked = verbs.number(query, "resourceVersion")
        present = target.present
        if _form(request) == "Table":
            include = query.get("includeObject", "Metadata")

            def present(item: Json) -> Json:
                meta = {"resourceVersion": item["metadata"]["resourceVersion"]}
                return tables.table(target.kind, [target.present(item)], meta, include=include)

        return Plan(
            kind=target.kind,
            api_version=target.kind.api_version(target.version),
            namespace=target.namespace,
            matches=selectors.both(query.get("labelSelector", ""), query.get("fieldSelector", "")),
            version=asked or None,
            initial=query.get("sendInitialEvents") in {"1", "true"},
            bookmarks=query.get("allowWatchBookmarks") in {"1", "true"},
            quiet=self.faults.find("no-bookmarks", request.path) is not None,
            endless=self.faults.find("no-initial-end", request.path) is not None,
            timeout=float(verbs.number(query, "timeoutSeconds") or _WATCH_SECONDS),
            present=present,
            bookmark_every=self.timing.bookmark_every,
            first_bookmark=self.timing.first_bookmark,
        )

    def _refused(self, request: web.Request, plan: Plan) -> ApiError | None:
        """The error with which this watch ends at once inside its stream; raises the one that is a status."""
        path = request.path
        if plan.initial and (old := self.faults.find("no-watchlist", path)):
            raise no_watch_list(int(old.value or 422))
        if plan.initial and self.faults.find("old-etcd", path):
            return no_progress()
        gone = self.faults.find("gone", path)
        if gone is None or plan.version is None:
            return None
        late = expired(plan.version, self.store.oldest)
        if gone.value == "http" and plan.version < self.store.oldest:
            raise late
        return late if gone.value == "always" and not plan.initial else None

    async def _watch(self, request: web.Request, target: Target) -> web.StreamResponse:
        plan, path = self._plan(request, target), request.path
        refused = self._refused(request, plan)
        if target.namespace and target.name:
            raise not_found(target.kind, target.name)
        response = web.StreamResponse(
            headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"}
        )
        bomb = self.faults.find("bomb", path)
        if bomb:
            response.headers["Content-Encoding"] = "gzip"
        response.enable_chunked_encoding()
        await response.prepare(request)
        if bomb or refused:
            line = error_line(refused or no_progress())
            await response.write(spoiling.packed(line, bomb) if bomb else line)
            return response
        async for piece in spoiling.beginning(self.faults, path):
            await response.write(piece)
        async for block in events(plan, view(self.store, self.faults, path, consistent=plan.version is None)):
            await self.faults.passage(request)
            if (gone := self.faults.find("gone", path)) and gone.value == "http" and block[9:14] == b"ERROR":
                break
            try:
                await response.write(spoiling.block(block, self.faults, path))
            except spoiling.CutError as cut:
                await response.write(cut.args[0])
                return response
        await self.faults.passage(request)
        return response
