"""Orders over HTTP: the right ones are followed, and browsers and strangers are turned away."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from msgspec import structs

from fedns.control.ordering import MAX_BODY_BYTES, Ordering
from fedns.federation.failover import Failover
from fedns.settings.schema import Settings
from tests.control.stage import Control

PATH = "/api/v1/drains"
MOVES = "/api/v1/migrations"
FAILOVER = "/api/v1/failover"


@pytest.fixture
async def site(control: Control, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of the pages."""
    orders = control.orders(lambda: None)
    orders.configure(Settings(clusters=(), state=str(tmp_path / "state")))
    ordering = Ordering(orders)
    application = web.Application(client_max_size=MAX_BODY_BYTES)
    application.router.add_route("GET", PATH, ordering.drains)
    application.router.add_route("POST", PATH, ordering.drain)
    application.router.add_route("DELETE", PATH, ordering.undrain)
    application.router.add_route("GET", MOVES, ordering.migrations)
    application.router.add_route("POST", MOVES, ordering.migrate)
    application.router.add_route("DELETE", MOVES, ordering.abort)
    application.router.add_route("GET", FAILOVER, ordering.failover)
    application.router.add_route("POST", FAILOVER, ordering.confirm)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}"
    await runner.cleanup()


async def send(url: str, method: str, body: bytes = b"", **headers: str) -> tuple[int, str]:
    """Status and text of the reply."""
    given = {"Content-Type": "application/json"} | {key.replace("_", "-"): value for key, value in headers.items()}
    async with aiohttp.ClientSession() as session, session.request(method, url, data=body, headers=given) as reply:
        return reply.status, await reply.text()


async def targets(url: str) -> list[Any]:
    """What is drained."""
    async with aiohttp.ClientSession() as session, session.get(url) as reply:
        return [(each["target"], each["force"]) for each in (await reply.json())["drains"]]


async def test_orders_are_followed(site: str) -> None:
    """A drain appears on the page, and is gone when it is undone."""
    assert (await send(site, "POST", b'{"target": "eu1", "force": true}'))[0] == 200
    assert (await send(site, "POST", b'{"target": "us1/a"}', Host="localhost"))[0] == 200
    assert await targets(site) == [("eu1", True), ("us1/a", False)]
    assert (await send(site, "DELETE", b'{"target": "eu1"}', Host="[::1]:8053"))[0] == 200
    assert await targets(site) == [("us1/a", False)]


@pytest.mark.parametrize(
    ("method", "body", "headers", "status", "words"),
    [
        ("POST", b'{"target": "eu9"}', {}, 409, "no cluster is called eu9"),
        ("DELETE", b'{"target": "eu1"}', {}, 409, "eu1 is not drained"),
        ("POST", b'{"target": "eu1"}', {"Content_Type": "text/plain"}, 415, "as application/json"),
        ("POST", b"target=eu1", {"Content_Type": "application/x-www-form-urlencoded"}, 415, "as application/json"),
        ("POST", b'{"target": "eu1"}', {"Host": "rebound.example:8053"}, 403, "this machine only"),
        ("POST", b"{", {}, 400, "no order that can be read"),
        ("POST", b'{"target": "eu1", "forced": true}', {}, 400, "unknown field"),
        ("DELETE", b'{"target": "eu1", "force": true}', {}, 400, "unknown field"),
        ("POST", b'"' + bytes(MAX_BODY_BYTES) + b'"', {}, 413, "exceeded"),
    ],
)
async def test_what_is_refused(
    method: str, body: bytes, headers: dict[str, str], status: int, words: str, site: str
) -> None:
    """Wrong orders, other forms than JSON, names that were made to lead here, and too much are told, and do nothing."""
    found, text = await send(site, method, body, **headers)
    assert found == status
    assert words in text
    assert await targets(site) == []


async def test_who_gives_an_order(control: Control, site: str) -> None:
    """As the caller says, if it is a line of text; it decides nothing."""
    assert (await send(site, "POST", b'{"target": "eu1", "by": " alice  of ops "}'))[0] == 200
    assert (await send(site, "DELETE", b'{"target": "eu1", "by": "\\u001b[31m"}'))[0] == 200
    told = [each.text for each in control.pipeline.history.find("eu1", 0.0) if each.kind == "order"]
    assert told == ["eu1: drained, ordered by alice of ops", "eu1: drained no more"]


async def test_a_failover(control: Control, site: str) -> None:
    """The page, and leave to give up a member that is held; anybody else is refused."""
    url = site.replace(PATH, FAILOVER)
    assert (await send(url, "POST", b'{"cluster": "us1"}')) == (
        409,
        "us1 is not held by the failover budget: nobody is\n",
    )
    control.truth.rules = structs.replace(control.truth.rules, failover=Failover(budget=0.0))
    control.truth.statuses["us1"] = structs.replace(control.truth.statuses["us1"], held=True)
    status, text = await send(url, "POST", b'{"cluster": "us1", "by": "alice"}')
    assert (status, '"confirmed": ["us1"]' in text) == (200, True)
    assert not control.truth.statuses["us1"].held


async def test_migrations(site: str) -> None:
    """Begun, told, and ended; a wrong one is told."""
    url = site.replace(PATH, MOVES)
    order = b'{"service": "shop/api", "from": "us1", "to": "eu1", "schedule": "10% now", "pauseIf": "ready(eu1) < 2"}'
    status, text = await send(url, "POST", order)
    assert (status, '"percent": 10' in text) == (200, True)
    status, text = await send(url, "POST", order)
    assert (status, "is on its way already" in text) == (409, True)
    status, text = await send(url, "POST", order.replace(b"shop/api", b"api"))
    assert (status, "write NAMESPACE/SERVICE" in text) == (409, True)
    assert await send(url, "DELETE", b'{"service": "shop/api"}') == (200, '{"migrations": []}')
    assert (await send(url, "DELETE", b'{"service": "shop/api"}'))[0] == 409
