"""An API server that says exactly what a test tells it, byte for byte, over real loopback HTTP; and what hears it."""

import asyncio
import json
import ssl
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

from aiohttp import web

from fedns.clusters.backoff import Pace
from fedns.clusters.member import MemberFeed
from fedns.federation.health import Evidence, Timers
from fedns.federation.locality import Node
from fedns.federation.objects import Cluster, Export, ServiceKey
from fedns.lab import kubeconfig
from fedns.settings.schema import ExportMode, Kubeconfig, Member

Json = dict[str, Any]
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
KINDS = {"services": "Service", "endpointslices": "EndpointSlice", "serviceexports": "ServiceExport"}
KINDS |= {"serviceimports": "ServiceImport", "leases": "Lease", "namespaces": "Namespace", "nodes": "Node"}
QUICK = Timers(probe_interval=0.1, probe_timeout=0.5, suspect_after=0.5, stale_after=1.0, watch_period=1.0)


def service(name: str, version: int, *, exported: bool = True, **spec: Any) -> Json:
    """A Service, exported by label."""
    labels = {"fedns.io/export": "true"} if exported else {}
    meta = {"name": name, "namespace": "shop", "resourceVersion": str(version), "labels": labels}
    return {"metadata": meta | {"creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": {"clusterIP": "None"} | spec}


def endpointslice(name: str, version: int, owner: str, *addresses: str) -> Json:
    """An EndpointSlice of a service."""
    labels = {"kubernetes.io/service-name": owner}
    meta = {"name": name, "namespace": "shop", "resourceVersion": str(version), "labels": labels}
    return {"metadata": meta, "addressType": "IPv4", "endpoints": [{"addresses": [address]} for address in addresses]}


def export(name: str, version: int) -> Json:
    """A ServiceExport."""
    meta = {"name": name, "namespace": "shop", "resourceVersion": str(version)}
    return {"metadata": meta | {"creationTimestamp": "2025-01-01T00:00:00Z"}}


def event(kind: str, item: Json) -> bytes:
    """One line of a watch."""
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"


def bookmark(version: int) -> bytes:
    """A line that only moves on."""
    return event("BOOKMARK", {"metadata": {"resourceVersion": str(version)}})


def complete(version: int) -> bytes:
    """The line after which a WatchList has told all objects."""
    meta = {"resourceVersion": str(version), "annotations": {"k8s.io/initial-events-end": "true"}}
    return event("BOOKMARK", {"metadata": meta})


class Scripted:
    """Serves `objects` (by plural) at `version`; `say` puts single answers before that.

    It knows no WatchList, unless `watchlist` is set.
    """

    def __init__(self) -> None:
        self.objects: dict[str, list[Json | str]] = {"services": [], "endpointslices": [], "namespaces": []}
        self.version = 100
        self.watchlist = False
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""
        self.token = ""
        self._answers: defaultdict[str, deque[Answer]] = defaultdict(deque)

    def say(self, to: str, *answers: Answer) -> None:
        """The next answers to "list services", "watch services", "readyz".

        "check services" is a list of nothing, "whole services" a WatchList, "names services" a list of metadata.
        """
        self._answers[to].extend(answers)

    def count(self, to: str) -> int:
        """How often it was asked."""
        return sum(verb == to for verb, _ in self.asked)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        plural = request.path.rsplit("/", 1)[1]
        verb = plural if plural == "readyz" else f"{_verb(request.query)} {plural}"
        if "PartialObjectMetadataList" in request.headers.get("Accept", ""):
            verb = f"names {plural}"
        self.asked.append((verb, dict(request.query)))
        self.headers.append(dict(request.headers))
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"message": "who are you?"}, status=401)
        if self._answers[verb]:
            return await self._answers[verb].popleft()(request)
        if verb == "readyz":
            return web.Response(text="ok")
        if plural not in self.objects:
            return web.json_response({"kind": "Status", "message": "unknown"}, status=404)
        if verb.startswith("whole"):
            return await self._whole(request, plural)
        if "watch" in request.query:
            return await stream(bookmark(self.version), hold=float(request.query["timeoutSeconds"]))(request)
        return listed(plural, self.version, () if verb.startswith("check") else self.objects[plural])

    async def _whole(self, request: web.Request, plural: str) -> web.StreamResponse:
        if not self.watchlist:
            return await status(422)(request)
        lines = [added(item) for item in self.objects[plural]]
        return await stream(*lines, complete(self.version), hold=float(request.query["timeoutSeconds"]))(request)


def added(item: Json | str) -> bytes:
    """An object as a WatchList tells it; one that is text stands in it as it is."""
    return event("ADDED", item) if isinstance(item, dict) else b'{"type": "ADDED", "object": %s}\n' % item.encode()


def _verb(query: Mapping[str, str]) -> str:
    if "sendInitialEvents" in query:
        return "whole"
    return "watch" if "watch" in query else "check" if "fieldSelector" in query else "list"


def listed(plural: str, version: int, items: Iterable[Json | str], more: str = "") -> web.Response:
    """A page of a list; an item that is text stands in it as it is."""
    texts = [item if isinstance(item, str) else json.dumps(item) for item in items]
    meta = json.dumps({"resourceVersion": str(version), "continue": more})
    body = f'{{"kind": "{KINDS[plural]}List", "metadata": {meta}, "items": [{",".join(texts)}]}}'
    return web.Response(text=body, content_type="application/json")


def reply(response: Callable[[], web.Response]) -> Answer:
    """A plain answer."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return response()

    return answer


def status(code: int, **headers: str) -> Answer:
    """A refusal."""
    return reply(
        lambda: web.json_response(
            {"kind": "Status", "code": code, "message": "no"},
            status=code,
            headers={name.replace("_", "-"): text for name, text in headers.items()},
        )
    )


def stream(*chunks: bytes, hold: float = 0.0, cut: bool = False) -> Answer:
    """A watch: these bytes, `hold` seconds of silence, then the end, or a broken connection."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        await asyncio.sleep(hold)
        if cut and request.transport is not None:
            request.transport.close()
        return response

    return answer


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Scripted]:
    """A scripted server on a loopback port."""
    script = Scripted()
    application = web.Application()
    application.router.add_get("/{path:.*}", script.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    script.url = f"http{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield script
    finally:
        await runner.cleanup()


class Heard:
    """The sink of a feed: what it holds now, and everything that it was told; clusters of `strangers` are refused."""

    def __init__(self) -> None:
        self.held: dict[str, dict[ServiceKey, Export]] = {}
        self.wholes = 0
        self.changes: list[tuple[ServiceKey, Export | None]] = []
        self.triggered: list[float] = []
        self.evidence: list[Evidence] = []
        self.of: dict[str, list[Evidence]] = {}
        self.nodes: dict[str, Node] = {}
        self.located_at: list[dict[str, Node | None]] = []
        self.sources: list[str] = []
        self.strangers: set[str] = set()

    @property
    def exports(self) -> dict[ServiceKey, Export]:
        """What the member itself exports."""
        return self.held.get("eu1", {})

    def replaced(self, cluster: str, exports: Iterable[Export]) -> None:
        """A whole truth."""
        self.wholes += cluster == "eu1"
        self.held[cluster] = {each.key: each for each in exports}

    def changed(self, cluster: str, key: ServiceKey, export: Export | None, triggered: float = 0.0) -> None:
        """One change."""
        self.changes.append((key, export))
        self.triggered.append(triggered)
        held = self.held[cluster]
        if export is None:
            held.pop(key, None)
        else:
            held[key] = export

    def observed(self, cluster: str, evidence: Evidence) -> None:
        """One piece of evidence."""
        self.of.setdefault(cluster, []).append(evidence)
        if cluster == "eu1":
            self.evidence.append(evidence)

    def located(self, _: str, nodes: Mapping[str, Node | None], *, whole: bool) -> None:
        """Nodes."""
        self.located_at.append(dict(nodes))
        held = {} if whole else self.nodes
        self.nodes = {name: node for name, node in {**held, **nodes}.items() if node is not None}

    def found(self, via: str, cluster: str) -> bool:
        """A source cluster."""
        self.sources.append(f"{via}/{cluster}")
        return cluster not in self.strangers

    def names(self) -> list[str]:
        """The names that are exported now."""
        return sorted(name for _, name in self.exports)

    def addresses(self, name: str) -> list[str]:
        """The addresses of a service's endpoints."""
        found = self.exports.get(("shop", name))
        slices = found.slices if found else ()
        return [".".join(map(str, point.address)) for each in slices for point in each.endpoints()]


async def until(condition: Callable[[], object], seconds: float = 8.0) -> None:
    """Wait for a condition, within a bound."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def member(url: str, folder: Path, *modes: ExportMode, token: str = "") -> Member:
    """A member whose credentials stand in a kubeconfig."""
    path = kubeconfig.write(folder / "kubeconfig", {"eu1": url}, token)
    modes = modes or ("ServiceExport", "Label")
    return Member(cluster=Cluster(name="eu1"), kubeconfig=Kubeconfig(path=str(path)), exports=modes)


@asynccontextmanager
async def following(
    of: Member, *, timers: Timers = QUICK, pace: Pace | None = None
) -> AsyncIterator[tuple[MemberFeed, Heard]]:
    """A feed at work, and what its sink hears."""
    heard = Heard()
    pace = pace or Pace(grace=0.5, absent=0.3, confirm=0.3)
    feed = MemberFeed(of, timers, heard, lists=asyncio.Semaphore(8), random=Random(1), pace=pace)
    task = asyncio.create_task(feed.run(), name="feed")
    try:
        yield feed, heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
