"""The HTTP side of fedns: /metrics, /health, /ready and /api/v1, each on its own address.

Addresses that are the same share one server. Drains, migrations and failovers can be ordered here.
"""

import logging
from collections.abc import Awaitable, Callable
from time import time
from typing import Final

from aiohttp import web
from msgspec import structs

from fedns.control.directory import PAGE, Directory
from fedns.control.explaining import Explaining
from fedns.control.history import History
from fedns.control.metrics import CONTENT_TYPE, Metrics
from fedns.control.ordering import MAX_BODY_BYTES, Ordering
from fedns.control.orders import Orders
from fedns.control.overview import Overview
from fedns.control.readiness import Health, Readiness
from fedns.control.replicas import Others
from fedns.control.saving import Saving
from fedns.settings.schema import Address, Settings

API: Final = (
    "clusters", "services", "endpoints", "conflicts", "explain", "history", "snapshot", "drains", "migrations",
    "replicas",
    "failover",
)  # fmt: skip
"""The pages below /api/v1, for people and commands."""

Page = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger(__name__)


class Pages:
    """What each path shows."""

    def __init__(
        self,
        *,
        overview: Overview,
        directory: Directory,
        history: History,
        saving: Saving,
        orders: Orders,
        explaining: Explaining,
        others: Others,
        metrics: Metrics,
        readiness: Readiness,
        health: Health,
    ) -> None:
        self.ordering = Ordering(orders)
        self._overview = overview
        self._directory = directory
        self._history = history
        self._explaining = explaining
        self._others = others
        self._saving = saving
        self._metrics = metrics
        self._readiness = readiness
        self._health = health

    async def metrics(self, _: web.Request) -> web.Response:
        """GET /metrics."""
        return web.Response(body=self._metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    async def health(self, _: web.Request) -> web.Response:
        """GET /health."""
        return _verdict(self._health.fault())

    async def ready(self, _: web.Request) -> web.Response:
        """GET /ready."""
        return _verdict(self._readiness.missing())

    async def clusters(self, _: web.Request) -> web.Response:
        """GET /api/v1/clusters."""
        return web.json_response(self._overview.page())

    async def services(self, request: web.Request) -> web.Response:
        """GET /api/v1/services: `prefix`, `after` and `limit` choose the page."""
        return web.json_response(self._directory.services(*_page(request)))

    async def endpoints(self, request: web.Request) -> web.Response:
        """GET /api/v1/endpoints?service=NAMESPACE/NAME: page by page, too."""
        _, after, limit = _page(request)
        name = request.query.get("service", "")
        if not (after or "0").isdecimal() or len(after) > 9:
            return web.Response(status=400, text=f"after={after}: a whole number is needed\n")
        found = self._directory.endpoints(name, after, limit)
        if found is None:
            return web.Response(status=404, text=f"no member exports a service {name or '(service=NAMESPACE/NAME)'}\n")
        return web.json_response(found)

    async def conflicts(self, request: web.Request) -> web.Response:
        """GET /api/v1/conflicts: as services."""
        return web.json_response(self._directory.conflicts(*_page(request)))

    async def history(self, request: web.Request) -> web.Response:
        """GET /api/v1/history: `subject` is a cluster, or namespace/service; `since` is seconds ago (an hour)."""
        try:
            since = max(0.0, float(request.query.get("since", "3600")))
        except ValueError:
            return web.Response(status=400, text="since: write a number of seconds, like 3600\n")
        events = self._history.find(request.query.get("subject"), time() - since)
        return web.json_response({"events": [structs.asdict(event) for event in events]})

    async def explain(self, request: web.Request) -> web.Response:
        """GET /api/v1/explain?name=NAME&from=ADDRESS: what `fedns explain -o json` prints."""
        try:
            found = self._explaining.page(request.query.get("name", ""), request.query.get("from", "127.0.0.1"))
        except ValueError as error:
            raise web.HTTPBadRequest(text=f"{error}\n") from error
        return web.json_response(found)

    async def replicas(self, _: web.Request) -> web.Response:
        """GET /api/v1/replicas: the digests of what is served here, and who serves something else."""
        return web.json_response(self._others.page())

    async def snapshot(self, request: web.Request) -> web.StreamResponse:
        """GET /api/v1/snapshot: all that is held now, as `answers.snapshot` reads it."""
        response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
        await response.prepare(request)
        for piece in self._saving.pieces():
            await response.write(piece)
        await response.write_eof()
        return response


class Servers:
    """The HTTP servers that run now; `open` may be called again with other settings."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._running: dict[Address, tuple[web.AppRunner, frozenset[str]]] = {}

    async def open(self, settings: Settings) -> bool:
        """Listen where the settings say, and no longer elsewhere; False when an address cannot be had, which is logged.

        What serves the same paths at the same address goes on undisturbed.
        """
        wanted: dict[Address, set[str]] = {}
        for path, address in _addresses(settings).items():
            if address is not None:
                wanted.setdefault(address, set()).add(path)
        for address, (runner, paths) in tuple(self._running.items()):
            if wanted.get(address, set()) != set(paths):
                del self._running[address]
                await runner.cleanup()
        for address, own in wanted.items():
            if address not in self._running:
                await self._start(address, own)
        return len(self._running) == len(wanted)

    async def close(self) -> None:
        """Stop all of them."""
        while self._running:
            _, (runner, _) = self._running.popitem()
            await runner.cleanup()

    def bound(self) -> dict[str, tuple[str, int]]:
        """Where each path is served: for a port 0, the one that the system chose."""
        return {path: runner.addresses[0][:2] for runner, paths in self._running.values() for path in paths}

    async def _start(self, address: Address, paths: set[str]) -> None:
        application = web.Application(client_max_size=MAX_BODY_BYTES)
        for path in paths:
            for method, page in self._page(path).items():
                application.router.add_route(method, path, page)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, address.host, address.port).start()
        except OSError as error:
            await runner.cleanup()
            log.error("no %s: %s", ", ".join(sorted(paths)), error.strerror)  # noqa: TRY400 -- a sentence, no traceback
            return
        self._running[address] = (runner, frozenset(paths))
        log.info("%s on %s", ", ".join(sorted(paths)), address)

    def _page(self, path: str) -> dict[str, Page]:
        """What each method does at a path."""
        pages = self._pages
        ordering = pages.ordering
        if path == "/api/v1/drains":
            return {"GET": ordering.drains, "POST": ordering.drain, "DELETE": ordering.undrain}
        if path == "/api/v1/migrations":
            return {"GET": ordering.migrations, "POST": ordering.migrate, "DELETE": ordering.abort}
        if path == "/api/v1/failover":
            return {"GET": ordering.failover, "POST": ordering.confirm}
        reading: dict[str, Page] = {
            "/metrics": pages.metrics,
            "/health": pages.health,
            "/ready": pages.ready,
            "/api/v1/clusters": pages.clusters,
            "/api/v1/services": pages.services,
            "/api/v1/endpoints": pages.endpoints,
            "/api/v1/conflicts": pages.conflicts,
            "/api/v1/history": pages.history,
            "/api/v1/snapshot": pages.snapshot,
            "/api/v1/explain": pages.explain,
            "/api/v1/replicas": pages.replicas,
        }
        return {"GET": reading[path]}


def _page(request: web.Request) -> tuple[str, str, int]:
    """Prefix, start and size of the page that is asked for; what is no size is the largest one."""
    limit = request.query.get("limit", "")
    size = int(limit) if limit.isascii() and limit.isdecimal() and len(limit) < 9 else PAGE
    return request.query.get("prefix", ""), request.query.get("after", ""), max(1, min(size, PAGE))


def _addresses(settings: Settings) -> dict[str, Address | None]:
    return {
        "/metrics": settings.metrics,
        "/health": settings.health,
        "/ready": settings.ready,
        **dict.fromkeys((f"/api/v1/{page}" for page in API), settings.admin),
    }


def _verdict(trouble: str) -> web.Response:
    return web.Response(status=503, text=f"{trouble}\n") if trouble else web.Response(text="OK\n")
