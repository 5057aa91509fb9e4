"""Reads one resource of a member whole, page by page, each object decoded for itself; or only its version.

It knows nothing of watches, nor of what becomes of the objects.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final

import msgspec
from msgspec import Raw, Struct, structs

from fedns.clusters.brackets import split
from fedns.clusters.connect import JSON, METADATA, Connection, LostError, RefusedError, Timeouts
from fedns.clusters.decode import Item
from fedns.settings.schema import Member

PAGE_OBJECTS: Final = 250
PAGE_NAMES: Final = 1000
"""The same where only the metadata of each is read: about 600 bytes."""
PAGE_BYTES: Final = 8 << 20
"""What a page should have at most: after a larger one the next is asked to be smaller."""
PAGE_GROWTH: Final = 8
"""A page that had little is followed by one of so many times the objects at most: small ones need few requests."""
PAGE_LIMIT: Final = 48 << 20
"""What a page can have at most: it is asked for again with a quarter of the objects."""
_SLICE: Final = 0.002
"""Seconds of decoding before the loop gets its turn."""
_TIMEOUTS: Final = Timeouts(total=120.0, read=20.0)
_NOTHING: Final = (("fieldSelector", "metadata.name=none"), ("limit", "1"))
"""The cheapest list: 114 bytes, with the version of the whole collection."""
_NOTHING_TIMEOUTS: Final = Timeouts(total=10.0)


class Resource(Struct, frozen=True):
    """A kind of object: its name here, its paths (API versions, best first), and whether it may be absent.

    `selector` picks its objects by their labels. What is `extra` may also be forbidden: it is as good as absent then;
    where `missed` says what fedns goes without, what was read of it before stays. `clustered` objects are in no
    namespace.
    """

    name: str
    paths: tuple[str, ...]
    optional: bool = False
    selector: str = ""
    extra: bool = False
    missed: str = ""
    clustered: bool = False

    @property
    def params(self) -> list[tuple[str, str]]:
        """What every request for it carries."""
        return [("labelSelector", self.selector)] if self.selector else []

    def absent(self, status: int) -> bool:
        """Whether this HTTP status says that it is not there."""
        return (self.optional and status == 404) or (self.extra and status in {403, 404})


SERVICES: Final = Resource("services", ("/api/v1/services",))
SLICES: Final = Resource("slices", ("/apis/discovery.k8s.io/v1/endpointslices",))
EXPORTS: Final = Resource(
    "exports",
    ("/apis/multicluster.x-k8s.io/v1beta1/serviceexports", "/apis/multicluster.x-k8s.io/v1alpha1/serviceexports"),
    optional=True,
)

IMPORTS: Final = Resource(
    "imports",
    ("/apis/multicluster.x-k8s.io/v1beta1/serviceimports", "/apis/multicluster.x-k8s.io/v1alpha1/serviceimports"),
    optional=True,
)
IMPORTED_SLICES: Final = Resource(
    "slices",
    SLICES.paths,
    # All but the hub's own ones, which may be many: implementations differ in what they label the imported ones with.
    selector="endpointslice.kubernetes.io/managed-by notin "
    "(endpointslice-controller.k8s.io,endpointslicemirroring-controller.k8s.io)",
)
LEASES: Final = Resource(
    "leases",
    ("/apis/coordination.k8s.io/v1/leases",),
    selector="multicluster.kubernetes.io/source-cluster",
    extra=True,
)
NAMESPACES: Final = Resource(
    "namespaces",
    ("/api/v1/namespaces",),
    extra=True,
    missed="may not be read: annotations are not obeyed",
    clustered=True,
)
NODES: Final = Resource(
    "nodes", ("/api/v1/nodes",), extra=True, missed="may not be read: clients are not located by them", clustered=True
)


def resources(member: Member) -> tuple[Resource, ...]:
    """What is followed in a member, by its configuration; nodes come last, for no service waits for them."""
    required = structs.replace(NAMESPACES, extra=False, missed="")
    spaces = {"optional": (NAMESPACES,), "required": (required,), "ignore": ()}[member.namespace_annotations]
    nodes = (NODES,) if member.nodes else ()
    if member.source == "imports":
        return (IMPORTS, IMPORTED_SLICES, LEASES, *spaces, *nodes)
    return (SERVICES, SLICES, *((EXPORTS,) if "ServiceExport" in member.exports else ()), *spaces, *nodes)


class GoneError(Exception):
    """The server no longer knows this resourceVersion (410): list again."""


class AbsentError(Exception):
    """The server does not know the resource at all (404)."""


class QuotaError(LostError):
    """More than the member may send."""

    def __init__(self, resource: Resource, most: int) -> None:
        super().__init__(f"{resource.name} are more than trust.maxBytes ({most} bytes): not read")


class Lists:
    """Leave to list: one at a time for a member, eight for all of them, so that a restart makes no storm."""

    def __init__(self, everyone: asyncio.Semaphore) -> None:
        self._everyone = everyone
        self._own = asyncio.Semaphore(1)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Callable[[], None]]:
        """Wait for both; the member's own first, so that nobody holds a common place while waiting.

        What it gives ends the turn early: a stream that has told all objects goes on as a watch.
        """
        held: list[asyncio.Semaphore] = []

        def leave() -> None:
            while held:
                held.pop().release()

        try:
            for each in (self._own, self._everyone):
                await each.acquire()
                held.append(each)
            yield leave
        finally:
            leave()


class Whole(Struct):
    """All objects, the path that gave them, and the version that a watch goes on from."""

    path: str
    items: list[Item]
    version: str


class Reading(Struct):
    """How to read: from whom, what, and whom to tell of bytes that came; `most` bytes in all."""

    connection: Connection
    resource: Resource
    decode: Callable[[Raw], Item]
    heard: Callable[[int], None]
    most: int = 1 << 30
    limit: int = PAGE_OBJECTS
    came: int = 0
    accept: str = JSON

    def take(self, size: int) -> None:
        """Account for bytes; raises QuotaError beyond `most`."""
        self.came += size
        self.heard(size)
        if self.came > self.most:
            raise QuotaError(self.resource, self.most)


async def read(reading: Reading) -> Whole:
    """List without resourceVersion, which no lagging replica may answer."""
    for path in reading.resource.paths:
        try:
            return await _pages(reading, path)
        except RefusedError as refusal:
            if refusal.status == 410:
                raise GoneError from refusal
            if not reading.resource.absent(refusal.status):
                raise
    raise AbsentError


async def names(reading: Reading) -> Whole:
    """The same, but of each object only what names it, and its version.

    Of 2,000 slices of 100 endpoints these are 1.1 MB in place of 43.7, for a tenth of the CPU time here and there.
    """
    reading.limit, reading.accept = PAGE_NAMES, METADATA
    return await read(reading)


async def current(reading: Reading, path: str) -> str:
    """The resourceVersion of a resource that `path` has listed before, as consistent as a whole list of it would be."""
    params = [*_NOTHING, *reading.resource.params]
    try:
        async with reading.connection.get(path, params, _NOTHING_TIMEOUTS) as reply:
            body = await reply.body(PAGE_LIMIT)
    except RefusedError as refusal:
        if reading.resource.absent(refusal.status):
            raise GoneError from refusal
        raise
    reading.take(len(body))
    return (await _decoded(body)).metadata.resourceVersion


async def _pages(reading: Reading, path: str) -> Whole:
    """All pages, one after the other; each is taken apart while the next one is under way."""
    items: list[Item] = []
    coming: asyncio.Task[bytes] | None = None
    try:
        body = await _page(reading, path, "")
        while True:
            page = await _decoded(body)
            del body
            version, more = page.metadata.resourceVersion, page.metadata.more
            if more:
                coming = asyncio.create_task(_page(reading, path, more), name="next page")
            await _take(page.items or [], reading.decode, items)
            del page
            if coming is None:
                return Whole(path, items, version)
            body, coming = await coming, None
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.wait((coming,))


async def _take(objects: list[Raw], decode: Callable[[Raw], Item], items: list[Item]) -> None:
    """Add their items."""
    began = monotonic()
    for raw in objects:
        items.append(decode(raw))
        if monotonic() - began >= _SLICE:
            await asyncio.sleep(0)
            began = monotonic()


async def _page(reading: Reading, path: str, more: str) -> bytes:
    """The bytes of one page; one that is too large is asked for again with fewer objects."""
    while (body := await _body(reading, path, more)) is None:
        if reading.limit == 1:
            raise LostError(f"one of the {reading.resource.name} alone is larger than {PAGE_LIMIT} bytes")
        reading.limit = max(reading.limit // 4, 1)
    if len(body) > PAGE_BYTES:
        reading.limit = max(reading.limit * PAGE_BYTES // len(body), 1)
    else:
        reading.limit *= max(1, min(PAGE_GROWTH, PAGE_BYTES // 2 // max(1, len(body))))
    return body


async def _body(reading: Reading, path: str, more: str) -> bytes | None:
    """One page, or None where it is too large."""
    params = [("limit", str(reading.limit)), *reading.resource.params, *([("continue", more)] if more else [])]
    parts, size = [], 0
    async with reading.connection.get(path, params, _TIMEOUTS, reading.accept) as reply:
        while part := await reply.chunk():
            reading.take(len(part))
            size += len(part)
            if size > PAGE_LIMIT:
                return None
            parts.append(part)
    return b"".join(parts)


async def _decoded(body: bytes) -> "_Page":
    """What is no list raises LostError: a proxy's words never mean "empty"."""
    try:
        try:
            page = _PAGE.decode(body)
        except RecursionError:  # one object is nested too deep to be looked at: it must cost only itself
            rest, spans = await split(body, b"items")
            page = _PAGE.decode(rest)
            page.items = [Raw(body[start:end]) for start, end in spans]
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as fault:
        raise LostError(f"a list that is none: {str(fault)[:120]}") from fault
    if not page.kind.endswith("List") or not page.metadata.resourceVersion:
        raise LostError("a list that is none: no kind or no resourceVersion")
    return page


class _Meta(Struct):
    resourceVersion: str = ""  # noqa: N815 -- spelt as Kubernetes spells it
    more: str = msgspec.field(name="continue", default="")


class _Page(Struct):
    metadata: _Meta
    kind: str = ""
    items: list[Raw] | None = None


_PAGE: Final = msgspec.json.Decoder(_Page)
