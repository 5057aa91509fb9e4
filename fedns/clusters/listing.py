"""Reads one resource of a member whole, page by page, each object decoded for itself; or only its version.

It knows nothing of watches, nor of what becomes of the objects.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import msgspec
from msgspec import Raw, Struct

from fedns.clusters.connect import Connection, LostError, RefusedError, Timeouts
from fedns.clusters.decode import Item

PAGE_OBJECTS: Final = 250
PAGE_BYTES: Final = 96 << 20
"""More than 250 slices of 1,000 endpoints."""
BATCH: Final = 64
"""Objects decoded before the loop gets its turn: 64 of the worst take 35 ms."""
_PAGES: Final = [("limit", str(PAGE_OBJECTS))]
_TIMEOUTS: Final = Timeouts(total=120.0, read=20.0)
_NOTHING: Final = [("fieldSelector", "metadata.name=none"), ("limit", "1")]
"""The cheapest list: 114 bytes, with the version of the whole collection."""
_NOTHING_TIMEOUTS: Final = Timeouts(total=10.0)


class Resource(Struct, frozen=True):
    """A kind of object: its name here, its paths (API versions, best first), and whether it may be absent."""

    name: str
    paths: tuple[str, ...]
    optional: bool = False


SERVICES: Final = Resource("services", ("/api/v1/services",))
SLICES: Final = Resource("slices", ("/apis/discovery.k8s.io/v1/endpointslices",))
EXPORTS: Final = Resource(
    "exports",
    ("/apis/multicluster.x-k8s.io/v1beta1/serviceexports", "/apis/multicluster.x-k8s.io/v1alpha1/serviceexports"),
    optional=True,
)


class GoneError(Exception):
    """The server no longer knows this resourceVersion (410), or it cannot be trusted: list again."""


class AbsentError(Exception):
    """The server does not know the resource at all (404)."""


class Lists:
    """Leave to list: one at a time for a member, eight for all of them, so that a restart makes no storm."""

    def __init__(self, everyone: asyncio.Semaphore) -> None:
        self._everyone = everyone
        self._own = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for both; the member's own first, so that nobody holds a common place while waiting."""
        async with self._own, self._everyone:
            yield


class Whole(Struct):
    """All objects, the path that gave them, and the version that a watch goes on from."""

    path: str
    items: list[Item]
    version: str


async def read(
    connection: Connection, resource: Resource, decode: Callable[[Raw], Item], heard: Callable[[], None]
) -> Whole:
    """List without resourceVersion, which no lagging replica may answer; `heard` is called for each page."""
    for path in resource.paths:
        try:
            items, version, more = await _page(connection, path, _PAGES, _TIMEOUTS, decode, heard)
            while more:
                params = [*_PAGES, ("continue", more)]
                page, version, more = await _page(connection, path, params, _TIMEOUTS, decode, heard)
                items += page
        except RefusedError as refusal:
            if refusal.status == 410:
                raise GoneError from refusal
            if refusal.status == 404 and resource.optional:
                continue
            raise
        return Whole(path, items, version)
    raise AbsentError


async def current(
    connection: Connection, resource: Resource, path: str, bare: Callable[[Raw], Item], heard: Callable[[], None]
) -> str:
    """The resourceVersion of a resource that `path` has listed before, as consistent as a whole list of it would be."""
    try:
        _, version, _ = await _page(connection, path, _NOTHING, _NOTHING_TIMEOUTS, bare, heard)
    except RefusedError as refusal:
        if refusal.status == 404 and resource.optional:
            raise GoneError from refusal
        raise
    return version


async def _page(
    connection: Connection,
    path: str,
    params: list[tuple[str, str]],
    timeouts: Timeouts,
    decode: Callable[[Raw], Item],
    heard: Callable[[], None],
) -> tuple[list[Item], str, str]:
    async with connection.get(path, params, timeouts) as reply:
        body = await reply.body(PAGE_BYTES)
    heard()
    try:
        page = _PAGE.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as fault:
        raise LostError(f"a list that is none: {str(fault)[:120]}") from fault
    if not page.kind.endswith("List") or not page.metadata.resourceVersion:
        raise LostError("a list that is none: no kind or no resourceVersion")  # a proxy's words never mean "empty"
    items = []
    for at, raw in enumerate(page.items or ()):
        items.append(decode(raw))
        if at % BATCH == BATCH - 1:
            await asyncio.sleep(0)
    return items, page.metadata.resourceVersion, page.metadata.more


class Meta(Struct):
    """What is said of a list, or of an object."""

    resourceVersion: str = ""  # noqa: N815 -- spelt as Kubernetes spells it
    more: str = msgspec.field(name="continue", default="")


class _Page(Struct):
    metadata: Meta
    kind: str = ""
    items: list[Raw] | None = None


_PAGE: Final = msgspec.json.Decoder(_Page)
