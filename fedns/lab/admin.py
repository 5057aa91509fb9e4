"""The side door of a simulated API server: faults and objects over HTTP, working also while the front door does not.

POST /faults          a fault as text, e.g. hang, status=503@endpointslices, heal     GET /faults: those that are on
PUT /objects          a JSON list of objects: each is created or made equal           DELETE /objects: each is removed
"""

from collections.abc import Iterable
from typing import Protocol

import msgspec
from aiohttp import web

from fedns.lab.faults import Faults
from fedns.lab.kinds import Json
from fedns.lab.status import ApiError
from fedns.lab.store import Store


class Steered(Protocol):
    """What the side door steers."""

    name: str
    store: Store
    faults: Faults

    async def fault(self, text: str) -> None:
        """Switch a fault on or heal."""
        ...


def _json(item: object, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(item) + b"\n", status=status, content_type="application/json")


class Admin:
    """The routes of one cluster's side door."""

    def __init__(self, cluster: Steered) -> None:
        self._cluster = cluster

    def app(self) -> web.Application:
        """The application."""
        application = web.Application(client_max_size=256 * 1024 * 1024)
        application.router.add_get("/faults", self.show)
        application.router.add_post("/faults", self.fault)
        application.router.add_put("/objects", self.put)
        application.router.add_delete("/objects", self.remove)
        return application

    async def show(self, _request: web.Request) -> web.Response:
        """The faults that are on."""
        return _json(
            {
                "name": self._cluster.name,
                "faults": [fault.text for fault in self._cluster.faults.active],
                "resourceVersion": str(self._cluster.store.version),
            }
        )

    async def fault(self, request: web.Request) -> web.Response:
        """Switch one on, or heal."""
        try:
            await self._cluster.fault((await request.text()).strip())
        except ValueError as error:
            return _json({"error": str(error)}, 400)
        return await self.show(request)

    async def put(self, request: web.Request) -> web.Response:
        """Create or change objects."""
        try:
            count = sum(1 for item in await _items(request) if self._cluster.store.apply(item))
        except (ApiError, KeyError, msgspec.DecodeError) as error:
            return _json({"error": f"{type(error).__name__}: {error}"}, 400)
        return _json({"applied": count, "resourceVersion": str(self._cluster.store.version)})

    async def remove(self, request: web.Request) -> web.Response:
        """Remove objects, those that exist."""
        try:
            count = sum(self._cluster.store.remove(item) for item in await _items(request))
        except (ApiError, KeyError, msgspec.DecodeError) as error:
            return _json({"error": f"{type(error).__name__}: {error}"}, 400)
        return _json({"removed": count, "resourceVersion": str(self._cluster.store.version)})


async def _items(request: web.Request) -> Iterable[Json]:
    return msgspec.json.decode(await request.read(), type=list[Json])
