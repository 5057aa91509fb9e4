"""The HTTP pages over real sockets, and what decides between 200 and 503."""

import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from fedns.answers.snapshot import unpack
from fedns.answers.wire import Replace
from fedns.control.admin import Pages, Servers
from fedns.control.directory import Directory
from fedns.control.explaining import Explaining
from fedns.control.membership import Membership
from fedns.control.metrics import Metrics
from fedns.control.overview import Overview
from fedns.control.readiness import Health, Readiness
from fedns.control.saving import Saving
from fedns.federation.health import Synced
from fedns.lab.processes import free_port
from fedns.settings.schema import Address, Kubeconfig, Member, Settings
from tests.control.stage import Control, Followed, block, export, rules

HERE = "127.0.0.1"


class Site:
    """The pages of a control process, and its servers."""

    def __init__(self, control: Control) -> None:
        self.readiness = Readiness(control.truth, block())
        truth, publisher, pipeline = control.truth, control.publisher, control.pipeline
        self.blocks = [block()]
        self.orders = control.orders(lambda: pipeline.reload(self.orders.added(truth.rules)), blocks=self.blocks)
        self.metrics = Metrics(
            truth=truth,
            publisher=publisher,
            blocks=self.blocks,
            pipeline=pipeline,
            keeper=control.keeper,
            feeds=dict,
            paths=control.paths,
            others=control.others,
            orders=self.orders,
            tasks=lambda: 1,
        )
        membership = Membership(settings(metrics=None), lambda: None)
        overview = Overview(
            truth=truth,
            publisher=publisher,
            pipeline=pipeline,
            feeds=dict,
            paths=control.paths,
            membership=membership,
        )
        pages = Pages(
            overview=overview,
            directory=Directory(truth, pipeline.conflicts, lambda: {"eu1": Followed()}),
            history=pipeline.history,
            saving=Saving(truth, publisher),
            orders=self.orders,
            explaining=Explaining(truth),
            others=control.others,
            metrics=self.metrics,
            readiness=self.readiness,
            health=Health([block()]),
        )
        self.servers = Servers(pages)

    async def get(self, path: str) -> tuple[int, str]:
        """Status and text of a page at the address where it is served now."""
        host, port = self.servers.bound()[path]
        async with aiohttp.ClientSession() as session, session.get(f"http://{host}:{port}{path}") as response:
            return response.status, await response.text()


@pytest.fixture
async def site(control: Control) -> AsyncIterator[Site]:
    """Servers that are closed in the end."""
    each = Site(control)
    yield each
    await each.servers.close()


def settings(
    *,
    metrics: Address | None = None,
    health: Address | None = None,
    ready: Address | None = None,
    admin: Address | None = None,
) -> Settings:
    """Settings with these addresses."""
    member = Member(cluster=rules("eu1").clusters[0], kubeconfig=Kubeconfig(path="/nowhere"))
    return Settings(clusters=(member,), metrics=metrics, health=health, ready=ready, admin=admin)


def at(port: int = 0) -> Address:
    """A loopback address."""
    return Address(HERE, port)


async def test_every_page_answers(control: Control, site: Site) -> None:
    """On one shared address, each path shows its own page."""
    control.pipeline.replaced("eu1", [export("eu1", "web")])
    control.pipeline.observed("eu1", Synced())
    assert await site.servers.open(settings(metrics=at(), health=at(), ready=at(), admin=at()))
    assert len(set(site.servers.bound().values())) == 1
    assert await site.get("/health") == (200, "OK\n")
    assert await site.get("/ready") == (503, "not synced yet: us1\n")
    status, text = await site.get("/metrics")
    assert (status, 'fedns_cluster_synced{cluster="eu1"} 1.0' in text) == (200, True)


async def test_clusters_are_listed_as_json(control: Control, site: Site) -> None:
    """Every member with its state; never is null, not a number of its own."""
    control.pipeline.replaced("eu1", [export("eu1", "web")])
    control.pipeline.observed("eu1", Synced())
    await site.servers.open(settings(admin=at()))
    host, port = site.servers.bound()["/api/v1/clusters"]
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{host}:{port}/api/v1/clusters") as response,
    ):
        page = await response.json()
    one, other = page["clusters"]
    assert (one["name"], one["state"], one["synced"], one["services"]) == ("eu1", "fresh", True, 1)
    assert (other["name"], other["state"], other["lastHeard"]) == ("us1", "syncing", None)
    assert page["generation"] == control.publisher.generation


async def test_the_history_is_listed_as_json(control: Control, site: Site) -> None:
    """Of all or of one subject, since so many seconds ago; a strange number is a sentence."""
    control.pipeline.replaced("eu1", [export("eu1", "web")])
    control.pipeline.changed("eu1", ("shop", "web"), None)
    await site.servers.open(settings(admin=at()))
    host, port = site.servers.bound()["/api/v1/history"]
    url = f"http://{host}:{port}/api/v1/history"
    async with aiohttp.ClientSession() as session:
        for query, subjects in (
            ({}, {"eu1", "us1", "shop/web"}),
            ({"subject": "shop/web"}, {"shop/web"}),
            ({"since": "0"}, set()),
        ):
            async with session.get(url, params=query) as response:
                found = (await response.json())["events"]
            assert {each["subject"] for each in found} == subjects
        async with session.get(url, params={"since": "1h"}) as response:
            assert (response.status, await response.text()) == (400, "since: write a number of seconds, like 3600\n")


async def test_a_snapshot_can_be_fetched(control: Control, site: Site) -> None:
    """All that is held, whole, as one reply."""
    control.pipeline.replaced("eu1", [export("eu1", "web")])
    await site.servers.open(settings(admin=at()))
    host, port = site.servers.bound()["/api/v1/snapshot"]
    async with aiohttp.ClientSession() as session, session.get(f"http://{host}:{port}/api/v1/snapshot") as response:
        found = unpack(await response.read())
    assert any(isinstance(each, Replace) and each.exports[0].name == "web" for each in found.messages)


async def ask(site: Site, path: str, query: str) -> tuple[int, str]:
    """Status and text of a page below /api/v1 with a query."""
    host, port = site.servers.bound()[path]
    async with aiohttp.ClientSession() as session, session.get(f"http://{host}:{port}{path}?{query}") as response:
        return response.status, await response.text()


async def test_the_directory_is_served_page_by_page(control: Control, site: Site) -> None:
    """Prefix, start and size come from the query; nonsense is the default, or a sentence."""
    control.pipeline.replaced("eu1", [export("eu1", name) for name in ("web", "web2", "api")])
    await site.servers.open(settings(metrics=None, admin=at()))
    status, text = await ask(site, "/api/v1/services", "prefix=shop/w&limit=1")
    assert (status, [each["name"] for each in json.loads(text)["services"]]) == (200, ["web"])
    status, text = await ask(site, "/api/v1/services", "prefix=shop/w&limit=x&after=shop/web")
    assert (status, [each["name"] for each in json.loads(text)["services"]]) == (200, ["web2"])
    status, text = await ask(site, "/api/v1/endpoints", "service=shop/web")
    assert (status, json.loads(text)["endpoints"][0]["address"]) == (200, "10.0.0.1")
    assert await ask(site, "/api/v1/endpoints", "service=shop/none") == (404, "no member exports a service shop/none\n")
    status, text = await ask(site, "/api/v1/endpoints", "")
    assert (status, "service=NAMESPACE/NAME" in text) == (404, True)
    assert (await ask(site, "/api/v1/endpoints", "service=shop/web&after=x"))[0] == 400
    status, text = await ask(site, "/api/v1/conflicts", "")
    assert (status, json.loads(text)["conflicts"][0]["kind"]) == (200, "InvalidServiceType")


async def test_names_are_explained(control: Control, site: Site) -> None:
    """As JSON, or with a sentence of what is wrong."""
    control.pipeline.replaced("eu1", [export("eu1", "web")])
    await site.servers.open(settings(admin=at()))
    host, port = site.servers.bound()["/api/v1/explain"]
    for name, status, words in (("shop/web", 200, '"10.0.0.1"'), ("shop/gone", 400, "no member exports shop/gone")):
        url = f"http://{host}:{port}/api/v1/explain?name={name}&from=10.0.0.9"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            assert (response.status, words in await response.text()) == (status, True)


async def test_each_address_shows_its_own_paths_only(site: Site) -> None:
    """What is probed by the kubelet does not show metrics."""
    await site.servers.open(settings(metrics=at(free_port()), health=at()))
    bound = site.servers.bound()
    assert bound["/metrics"] != bound["/health"]
    host, port = bound["/health"]
    async with aiohttp.ClientSession() as session, session.get(f"http://{host}:{port}/metrics") as response:
        assert response.status == 404


async def test_other_settings_move_only_what_changed(site: Site) -> None:
    """An address that stays goes on, one that is switched off closes, a new one opens."""
    stays, goes, comes = at(free_port()), at(free_port()), at(free_port())
    await site.servers.open(settings(metrics=stays, health=goes))
    running = site.servers._running[stays]
    await site.servers.open(settings(metrics=stays, ready=comes))
    assert site.servers._running[stays] is running
    assert site.servers.bound() == {"/metrics": tuple(stays), "/ready": tuple(comes)}


async def test_a_taken_address_stops_nothing_else(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """It is reported, the other pages are served, and a later try can succeed."""
    await site.servers.open(settings(metrics=at()))
    taken = at(site.servers.bound()["/metrics"][1])
    wanted = settings(metrics=at(), health=taken, ready=at(free_port()))
    assert not await site.servers.open(wanted)
    assert "no /health" in caplog.text
    assert (await site.get("/ready"))[0] == 503
    await site.servers.open(settings(metrics=None))
    assert await site.servers.open(wanted)


def sync(control: Control, *names: str) -> None:
    """Let these members be read whole."""
    for name in names:
        control.pipeline.replaced(name, [])
        control.pipeline.observed(name, Synced())
