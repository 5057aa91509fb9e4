"""Many API servers in one process, from bytes encoded once: so that what they cost hides nothing of what fedns costs.

`python -m bench.fleet CLUSTERS SERVICES ENDPOINTS` prints the ports as JSON and serves until its input ends. Every
cluster has the same objects, with addresses of its own in 10.<cluster>.0.0/16: they differ only by bytes that are
replaced as they are sent. List (pages too), WatchList and watch are spoken as a real server does; nothing ever changes,
so that a watch is silent until it ends.
"""

import asyncio
import contextlib
import json
import sys
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from bench.ground import headless

VERSION: Final = "1000000"
KINDS: Final = {
    "/api/v1/services": ("v1", "Service", 0),
    "/apis/discovery.k8s.io/v1/endpointslices": ("discovery.k8s.io/v1", "EndpointSlice", 1),
    "/apis/multicluster.x-k8s.io/v1alpha1/serviceexports": ("multicluster.x-k8s.io/v1alpha1", "ServiceExport", 2),
}
"""Path -> API version, kind, and place among the objects of one service."""
TEMPLATE: Final = b'"10.128.'
EVENTS: Final = 200
"""Events in one write of a WatchList."""


class Fleet:
    """The objects of any cluster, encoded."""

    def __init__(self, services: int, endpoints: int) -> None:
        made = [headless("bench", f"s{at}", endpoints, at * endpoints) for at in range(services)]
        self._items = {
            path: [_encode(each[place], at) for at, each in enumerate(made)] for path, (*_, place) in KINDS.items()
        }

    def page(self, path: str, query: dict[str, str]) -> bytes:
        """A list, or a page of it; with a field selector the empty one, since no name is ever asked for."""
        version, kind, _ = KINDS[path]
        items = [] if "fieldSelector" in query else self._items[path]
        first = int(query.get("continue") or 0)
        # A real server heeds no limit where the cache may answer.
        limit = int(query.get("limit") or 0) if query.get("resourceVersion") != "0" else 0
        page = items[first : first + limit] if limit else items
        more = first + len(page)
        token = f',"continue":"{more}"' if more < len(items) else ""
        meta = f'{{"resourceVersion":"{VERSION}"{token}}}'
        head = f'{{"kind":"{kind}List","apiVersion":"{version}","metadata":{meta},"items":['
        return head.encode() + b",".join(page) + b"]}\n"

    def initial(self, path: str) -> list[bytes]:
        """The events of a WatchList, some in each block, and the bookmark after which it is complete."""
        version, kind, _ = KINDS[path]
        typed = f'{{"kind":"{kind}","apiVersion":"{version}",'.encode()
        items, blocks = self._items[path], list[bytes]()
        for first in range(0, len(items), EVENTS):
            some = items[first : first + EVENTS]
            blocks.append(b"".join(b'{"type":"ADDED","object":' + typed + each[1:] + b"}\n" for each in some))
        meta = {"resourceVersion": VERSION, "annotations": {"k8s.io/initial-events-end": "true"}}
        nulls = {"addressType": "", "endpoints": None, "ports": None} if kind == "EndpointSlice" else {}
        bookmark = {"kind": kind, "apiVersion": version, "metadata": meta, **nulls}
        return [*blocks, json.dumps({"type": "BOOKMARK", "object": bookmark}).encode() + b"\n"]


class Face:
    """One cluster's API server."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        self._fleet = fleet
        self._prefix = f'"10.{number}.'.encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: request after request until it closes."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                target = urlsplit(head.split(b" ", 2)[1].decode())
                query = {name: each[-1] for name, each in parse_qs(target.query).items()}
                if target.path not in KINDS:
                    self._reply(writer, *((200, b"ok") if target.path == "/readyz" else (404, b"404 page not found\n")))
                elif query.get("watch") in {"1", "true"}:
                    await self._watch(writer, target.path, query)
                else:
                    self._reply(writer, 200, self._own(self._fleet.page(target.path, query)))
                await writer.drain()
        writer.close()

    def _own(self, body: bytes) -> bytes:
        return body.replace(TEMPLATE, self._prefix)

    def _reply(self, writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
        kind = "application/json" if body[:1] == b"{" else "text/plain"
        writer.write(
            f"HTTP/1.1 {status} -\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )

    async def _watch(self, writer: asyncio.StreamWriter, path: str, query: dict[str, str]) -> None:
        """All objects first where they are asked for, then silence until the time is over."""
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        if query.get("sendInitialEvents") in {"1", "true"}:
            for block in self._fleet.initial(path):
                own = self._own(block)
                writer.write(b"%x\r\n%b\r\n" % (len(own), own))
                await writer.drain()
        await asyncio.sleep(float(query.get("timeoutSeconds", 1800)))
        writer.write(b"0\r\n\r\n")


def _encode(item: dict[str, Any], number: int) -> bytes:
    """An object as a list has it: without its kind, with what a server adds."""
    fields = {name: value for name, value in item.items() if name not in {"apiVersion", "kind"}}
    given = {
        "uid": f"00000000-0000-4000-8000-{number:012x}",
        "resourceVersion": str(1000 + number),
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    return json.dumps({**fields, "metadata": {**item["metadata"], **given}}, separators=(",", ":")).encode()


async def main() -> None:
    """Serve so many clusters."""
    clusters, services, endpoints = map(int, sys.argv[1:])
    fleet, ports = Fleet(services, endpoints), []
    for number in range(clusters):
        server = await asyncio.start_server(Face(fleet, number).serve, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
    print(json.dumps(ports), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
