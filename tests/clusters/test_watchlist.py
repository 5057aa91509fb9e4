"""A member is read by WatchLists where its server offers them, and page by page where it does not."""

from pathlib import Path

import pytest
from aiohttp import web

from fedns.clusters.backoff import Pace
from fedns.clusters.watchlist import Offer
from fedns.federation.health import Unreadable
from tests.clusters.scripted import (
    Answer,
    Scripted,
    added,
    complete,
    endpointslice,
    event,
    following,
    listed,
    member,
    reply,
    service,
    status,
    stream,
    until,
)

OLD_ETCD = event("ERROR", {"code": 500, "message": "the required storage feature RequestWatchProgress is disabled"})
PACE = Pace(grace=0.5, absent=0.3, confirm=0.3, initial=0.3)


def faults(evidence: list[object]) -> list[str]:
    """Why services could not be read."""
    return [each.reason for each in evidence if isinstance(each, Unreadable) and each.resource == "services"]


def test_an_offer_that_was_refused_is_asked_for_again() -> None:
    """A server may be upgraded."""
    offer = Offer(again=10.0)
    assert offer.open(0.0)
    offer.refuse(0.0)
    assert not offer.open(9.0)
    assert offer.open(10.0)


async def test_objects_come_in_the_stream_and_it_goes_on(script: Scripted, tmp_path: Path) -> None:
    """After a first list one request reads all anew and watches; nothing is told before all objects have come."""
    script.watchlist = True
    script.say("watch services", status(410))
    objects = [service("gone", 9), service("a", 10)]
    script.say(
        "whole services",
        stream(
            *map(added, objects),
            event("DELETED", service("gone", 11)),
            complete(100),
            event("ADDED", service("b", 101)),
            hold=5,
        ),
    )
    async with following(member(script.url, tmp_path)) as (feed, heard):
        await until(lambda: heard.names() == ["a", "b"])
        assert (heard.wholes, script.count("list services"), script.count("watch services")) == (1, 1, 1)
        query = next(query for verb, query in script.asked if verb == "whole services")
        assert "resourceVersion" not in query
        assert (query["sendInitialEvents"], query["resourceVersionMatch"]) == ("true", "NotOlderThan")
        found = {each.resource: each for each in feed.streams()}["services"]
        assert (found.state, found.mode, found.version, found.objects) == ("watching", "watchlist", "101", 1)
        assert found.relists == {"first": 1, "gone": 1}
        assert found.bytes
        assert found.last_bookmark is not None
        assert not faults([*heard.evidence])


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(status(400), id="bad request"),
        pytest.param(status(422), id="forbidden by a feature gate"),
        pytest.param(stream(OLD_ETCD), id="old etcd"),
        pytest.param(stream(added(service("a", 10)), hold=5), id="no end of the initial events in time"),
        pytest.param(stream(added(service("a", 10))), id="no end of the initial events at all"),
    ],
)
async def test_fallback_is_remembered_for_the_member(script: Scripted, tmp_path: Path, answer: Answer) -> None:
    """A server that does no WatchLists is listed at once, and no other resource asks again."""
    script.objects["services"] = [service("a", 10)]
    script.watchlist = True
    script.say("whole services", answer)
    script.say("watch services", status(410))
    script.say("watch endpointslices", status(410))
    async with following(member(script.url, tmp_path), pace=PACE) as (feed, heard):
        await until(lambda: script.count("list services") == script.count("list endpointslices") == 2)
        assert heard.names() == ["a"]
        assert [verb for verb, _ in script.asked if verb.startswith("whole")] == ["whole services"]
        assert {each.mode for each in feed.streams()} == {"list"}
        assert not faults([*heard.evidence])


@pytest.mark.parametrize("code", [401, 403, 500, 503])
async def test_a_refusal_is_no_fallback(script: Scripted, tmp_path: Path, code: int) -> None:
    """What refuses a WatchList now may offer it later."""
    script.watchlist = True
    script.say("watch services", status(410))
    script.say("whole services", status(code))
    async with following(member(script.url, tmp_path)) as (feed, heard):
        await until(lambda: {each.resource: each for each in feed.streams()}["services"].relists["gone"])
        assert (script.count("list services"), script.count("whole services")) == (1, 2)
        assert len(faults([*heard.evidence])) == 1


async def test_a_shrunk_whole_is_confirmed_by_a_list(script: Scripted, tmp_path: Path) -> None:
    """Doubt is settled by a consistent list, another way than the one that raised it."""
    script.watchlist = True
    script.objects["services"] = [service(f"s{n}", n + 1) for n in range(30)]
    script.say("watch services", status(410))
    script.say("whole services", stream(complete(120), hold=5))
    async with following(member(script.url, tmp_path)) as (feed, heard):
        await until(lambda: feed.counts["held"] == 1)
        script.version = 130
        assert len(heard.names()) == 30
        await until(lambda: script.count("list services") == 2)
        await until(lambda: {each.resource: each for each in feed.streams()}["services"].relists["shrunk"] == 1)
        assert len(heard.names()) == 30
        assert not heard.changes


@pytest.mark.parametrize("really", [False, True], ids=["a lie", "the truth"])
async def test_an_empty_list_is_looked_at_again(script: Scripted, tmp_path: Path, *, really: bool) -> None:
    """However few objects a member had: that none is left is believed when a second list, soon after, says it too."""
    script.objects["services"] = [service("s0", 1), service("s1", 2)]

    async def empty(request: web.Request) -> web.StreamResponse:
        if really:
            script.objects["services"] = []
        script.say("list services", reply(lambda: listed("services", 120, [])))
        script.version = 130
        return await status(410)(request)

    script.say("watch services", empty)
    pace = Pace(grace=0.5, confirm=3600.0, again=0.2)
    async with following(member(script.url, tmp_path), pace=pace) as (feed, heard):
        await until(lambda: feed.counts["held"] == 1 and script.count("list services") == 3)
        await until(lambda: {each.resource: each for each in feed.streams()}["services"].relists["shrunk"])
        assert heard.names() == ([] if really else ["s0", "s1"])
        assert bool(heard.changes) == really


async def test_an_older_whole_is_settled_by_a_list(script: Scripted, tmp_path: Path) -> None:
    """A replica that lags gives no truth; what a consistent list says counts, whatever its number."""
    script.watchlist = True
    script.say("whole services", stream(added(service("old", 20)), complete(50), hold=5))
    script.say("watch services", status(410))
    script.say("list services", reply(lambda: listed("services", 100, [service("a", 90)])))
    script.say("list services", reply(lambda: listed("services", 60, [service("restored", 40)])))
    async with following(member(script.url, tmp_path)) as (_, heard):
        await until(lambda: heard.names() == ["restored"])
        assert ("shop", "old") not in [key for key, _ in heard.changes]


async def test_swallowed_events_are_healed(script: Scripted, tmp_path: Path) -> None:
    """A comparison finds what a watch has lost without a word; what is told of the reading after it is only that."""
    script.watchlist = True
    script.objects["services"] = [service("a", 10), service("b", 11)]
    pace = Pace(grace=0.5, absent=0.3, confirm=0.3, compare=(0.1, 0.2))
    async with following(member(script.url, tmp_path), pace=pace) as (feed, heard):
        await until(lambda: heard.wholes)
        script.objects["services"] = [service("a", 10), service("c", 101)]
        script.version = 102
        await until(lambda: heard.names() == ["a", "c"])
        assert {key for key, _ in heard.changes} == {("shop", "b"), ("shop", "c")}
        relists = {each.resource: each.relists for each in feed.streams()}
        assert relists["services"]["differs"]
        assert not relists["slices"]["differs"]


@pytest.mark.parametrize("watchlist", [False, True], ids=["list", "WatchList"])
async def test_one_deep_object_costs_only_itself(script: Scripted, tmp_path: Path, *, watchlist: bool) -> None:
    """100,000 brackets in one object leave the others readable, and the reading is not repeated for it."""
    script.watchlist = watchlist
    deep = f'{{"metadata": {"[" * 100_000}{"]" * 100_000}}}'
    script.objects["services"] = [service("a", 10), deep, service("b", 11)]
    async with following(member(script.url, tmp_path)) as (feed, heard):
        await until(lambda: heard.wholes)
        assert heard.names() == ["a", "b"]
        assert feed.counts["list"] <= 6
        assert not faults([*heard.evidence])


async def test_what_became_too_large_is_served_no_more(script: Scripted, tmp_path: Path) -> None:
    """An event over 4 MiB is refused; the reading after it takes the old facts of that object away, and of no other."""
    script.watchlist = True
    script.objects |= {"services": [service("a", 10)], "endpointslices": [endpointslice("a-1", 11, "a", "10.0.0.1")]}
    huge = endpointslice("a-1", 101, "a", "10.0.0.2") | {"padding": "x" * (5 << 20)}

    async def grow(request: object) -> object:
        script.objects["endpointslices"] = [huge, endpointslice("a-2", 12, "a", "10.0.0.3")]
        return await stream(event("MODIFIED", huge))(request)  # type: ignore[arg-type]

    script.say("watch endpointslices", grow)  # type: ignore[arg-type]
    async with following(member(script.url, tmp_path)) as (feed, heard):
        await until(lambda: heard.addresses("a") == ["10.0.0.1"])
        await until(lambda: heard.addresses("a") == ["10.0.0.3"], 15.0)
        assert feed.counts["refused"]
