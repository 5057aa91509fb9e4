"""Orders over HTTP: who may give them, and in which form.

They come from this machine alone, whatever the address is that fedns listens on, and never from a browser that was led
here: a page of another site cannot send JSON without being asked first, and a name that was made to mean this machine
is no address. `by`, in the body of each, is who the caller says that it is: that goes into the history, and decides
nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct

from fedns.control.keeping import RefusedOrderError
from fedns.control.orders import Orders
from fedns.federation.migrations import Migration, service_key

MAX_BODY_BYTES: Final = 64 * 1024
MAX_WHO: Final = 100
"""Characters of the name of who gives an order."""


class DrainRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an order to drain; to undrain, the target alone."""

    target: str
    force: bool = False
    by: str = ""


class UndrainRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an order to put something back."""

    target: str
    by: str = ""


class MigrateRequest(
    Struct, frozen=True, forbid_unknown_fields=True, rename={"source": "from", "target": "to", "pause_if": "pauseIf"}
):
    """The body of an order to migrate."""

    service: str
    source: str
    target: str
    schedule: str
    pause_if: str = ""
    by: str = ""


class AbortRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an order to end a migration."""

    service: str
    by: str = ""


class ConfirmRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an order to give up a cluster that the failover budget holds."""

    cluster: str
    by: str = ""


class Ordering:
    """The pages that change something."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    async def drains(self, _: web.Request) -> web.Response:
        """GET /api/v1/drains."""
        return web.json_response({"drains": self._orders.drains.page()})

    async def drain(self, request: web.Request) -> web.Response:
        """POST /api/v1/drains."""
        wanted = await _body(request, DrainRequest)
        with _told():
            self._orders.drains.drain(wanted.target, force=wanted.force, by=_who(wanted.by))
        return await self.drains(request)

    async def undrain(self, request: web.Request) -> web.Response:
        """DELETE /api/v1/drains."""
        wanted = await _body(request, UndrainRequest)
        with _told():
            self._orders.drains.undrain(wanted.target, _who(wanted.by))
        return await self.drains(request)

    async def migrations(self, _: web.Request) -> web.Response:
        """GET /api/v1/migrations."""
        return web.json_response({"migrations": self._orders.migrations.page()})

    async def migrate(self, request: web.Request) -> web.Response:
        """POST /api/v1/migrations."""
        wanted = await _body(request, MigrateRequest)
        migrations = self._orders.migrations
        with _told():
            namespace, service = service_key(wanted.service)
            migrations.migrate(
                Migration(
                    namespace=namespace,
                    service=service,
                    source=wanted.source,
                    target=wanted.target,
                    schedule=wanted.schedule,
                    pause_if=wanted.pause_if,
                    start=migrations.now(),
                ),
                _who(wanted.by),
            )
        return await self.migrations(request)

    async def abort(self, request: web.Request) -> web.Response:
        """DELETE /api/v1/migrations."""
        wanted = await _body(request, AbortRequest)
        with _told():
            self._orders.migrations.abort(wanted.service, _who(wanted.by))
        return await self.migrations(request)

    async def failover(self, _: web.Request) -> web.Response:
        """GET /api/v1/failover."""
        return web.json_response(self._orders.failovers.page())

    async def confirm(self, request: web.Request) -> web.Response:
        """POST /api/v1/failover."""
        wanted = await _body(request, ConfirmRequest)
        with _told():
            self._orders.failovers.confirm(wanted.cluster, _who(wanted.by))
        return await self.failover(request)


@contextmanager
def _told() -> Iterator[None]:
    """An order that cannot be followed is told as a conflict with what is."""
    try:
        yield
    except (RefusedOrderError, ValueError) as error:
        raise web.HTTPConflict(text=f"{error}\n") from error


async def _body(request: web.Request, form: type[Any]) -> Any:
    """The order of a request that may give one."""
    host = request.host.rpartition(":")[0] if request.host.count(":") == 1 or "]" in request.host else request.host
    if not _is_loopback(request.remote or "") or not (host == "localhost" or _is_address(host.strip("[]"))):
        raise web.HTTPForbidden(text="orders are taken from this machine only, at its own address\n")
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="send the order as application/json\n")
    try:
        return msgspec.json.decode(await request.read(), type=form)
    except msgspec.DecodeError as error:
        raise web.HTTPBadRequest(text=f"no order that can be read: {error}\n") from error


def _who(said: str) -> str:
    """Who gives the order, as the caller says: a short line of text."""
    return " ".join(said.split())[:MAX_WHO] if said.isprintable() else ""


def _is_loopback(text: str) -> bool:
    return _is_address(text) and ip_address(text).is_loopback


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
