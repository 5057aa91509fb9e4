"""A watch lists, follows and resumes, whatever the server does; seen through a member's feed over real HTTP."""

from pathlib import Path

import pytest
from aiohttp import web

from fedns.clusters.backoff import Pace
from fedns.federation.health import Alive, Readable, Timers, Unreadable
from tests.clusters.scripted import (
    Answer,
    Scripted,
    bookmark,
    event,
    export,
    following,
    listed,
    member,
    reply,
    service,
    status,
    stream,
    until,
)

GONE_EVENT = event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})


def faults(evidence: list[object], resource: str = "services") -> list[str]:
    """The reasons why a resource could not be read."""
    return [each.reason for each in evidence if isinstance(each, Unreadable) and each.resource == resource]


async def test_add_modify_delete(script: Scripted, tmp_path: Path) -> None:
    """A list is the truth, events change it, and a deletion ends it."""
    script.objects["services"] = [service("a", 10), service("b", 11)]
    script.say(
        "watch services",
        stream(
            event("ADDED", service("c", 101)),
            event("MODIFIED", service("a", 102, clusterIP="10.0.0.1")),
            event("DELETED", service("b", 103)),
            hold=5,
        ),
    )
    async with following(member(script.url, tmp_path)) as (_, heard):
        await until(lambda: heard.names() == ["a", "c"])
        assert heard.exports["shop", "a"].cluster_ips == (bytes([10, 0, 0, 1]),)
        assert heard.wholes == 1


async def test_resume_goes_on_from_the_last_version(script: Scripted, tmp_path: Path) -> None:
    """A stream that ends is resumed after its last event or bookmark, without a list."""
    script.say("watch services", stream(event("ADDED", service("a", 105)), bookmark(107), hold=0.6), stream(hold=5))
    async with following(member(script.url, tmp_path)) as (_, heard):
        await until(lambda: script.count("watch services") == 2)
        versions = [query["resourceVersion"] for verb, query in script.asked if verb == "watch services"]
        assert versions == ["100", "107"]
        assert script.count("list services") == 1
        assert heard.names() == ["a"]
        assert not faults([*heard.evidence])


@pytest.mark.parametrize(
    ("to", "answer"),
    [
        pytest.param("watch services", status(410), id="as HTTP status"),
        pytest.param("watch services", stream(GONE_EVENT), id="as ERROR event"),
        pytest.param("watch services", stream(event("ADDED", service("x", 101)), GONE_EVENT), id="in mid-stream"),
    ],
)
async def test_gone_means_one_list_and_a_diff(script: Scripted, tmp_path: Path, to: str, answer: Answer) -> None:
    """410 in either form leads to one list, whose difference is told: what was deleted in the gap goes."""
    script.objects["services"] = [service("a", 10), service("b", 11)]

    async def then(request: web.Request) -> web.StreamResponse:
        script.objects["services"] = [service("b", 11), service("c", 12)]
        script.version = 102
        return await answer(request)

    script.say(to, then)
    async with following(member(script.url, tmp_path)) as (_, heard):
        await until(lambda: heard.names() == ["b", "c"])
        assert script.count("list services") == 2
        assert heard.wholes == 1
        assert ("shop", "b") not in [key for key, _ in heard.changes]
        assert not faults([*heard.evidence])


async def test_gone_on_continue_starts_the_list_again(script: Scripted, tmp_path: Path) -> None:
    """A list whose continuation has expired begins anew; its first half is never taken for the whole."""
    script.say(
        "list services",
        reply(lambda: listed("services", 90, [service("old", 1)], more="next")),
        status(410),
        reply(lambda: listed("services", 95, [service("a", 2)], more="next")),
        reply(lambda: listed("services", 95, [service("b", 3)])),
    )
    async with following(member(script.url, tmp_path)) as (_, heard):
        await until(lambda: heard.wholes)
        assert heard.names() == ["a", "b"]


async def test_retry_after_is_kept(script: Scripted, tmp_path: Path) -> None:
    """503 with Retry-After is no empty list, and the next try comes no sooner than asked."""
    script.objects["services"] = [service("a", 1)]
    script.say("list services", status(503, Retry_After="1"))
    async with following(member(script.url, tmp_path)) as (_, heard):
        await until(lambda: faults([*heard.evidence]))
        beats = sum(isinstance(each, Alive) for each in heard.evidence)
        await until(lambda: heard.wholes)
        assert sum(isinstance(each, Alive) for each in heard.evidence) > beats
        assert "HTTP 503" in faults([*heard.evidence])[0]
        assert heard.names() == ["a"]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(stream(event("ADDED", service("b", 101))[:-20]), id="ends inside an event"),
        pytest.param(stream(event("ADDED", service("b", 101))[:-20], cut=True), id="breaks inside an event"),
        pytest.param(stream(b'{"type": "ADDED", "object": {]}\n', hold=5), id="is no JSON"),
        pytest.param(stream(b'{"type": "\xff", "object": {}}\n', hold=5), id="is no UTF-8"),
        pytest.param(stream(event("ADORED", {}), hold=5), id="has an unknown type"),
        pytest.param(stream(b"<html>502</html>\n", hold=5), id="is a proxy's page"),
    ],
)
async def test_garbled_stream_is_dropped_and_resumed(script: Scripted, tmp_path: Path, answer: Answer) -> None:
    """A stream that makes no sense is dropped; the state stays, and the watch goes on from where it was."""
    script.objects["services"] = [service("a", 10)]
    script.say("watch services", answer, stream(event("ADDED", service("b", 101)), hold=5))
    async with following(member(script.url, tmp_path)) as (_, heard):
        await until(lambda: heard.names() == ["a", "b"])
        assert script.count("list services") == 1
        assert [query["resourceVersion"] for verb, query in script.asked if verb == "watch services"] == ["100", "100"]


async def test_a_place_that_stays_garbled_is_passed_by_a_list(script: Scripted, tmp_path: Path) -> None:
    """When the same place is garbled for the third time, a list leads past it."""
    script.say("watch services", *[stream(b"}\n")] * 3)
    async with following(member(script.url, tmp_path)):
        await until(lambda: script.count("list services") == 2)
        assert script.count("watch services") >= 3


async def test_half_open_stream_is_found(script: Scripted, tmp_path: Path) -> None:
    """A stream that neither ends nor speaks past its end is broken, and resumed without a list."""
    script.objects["services"] = [service("a", 10)]
    script.say("watch services", stream(hold=60), stream(event("ADDED", service("b", 101)), hold=5))
    async with following(member(script.url, tmp_path)) as (_, heard):
        await until(lambda: heard.names() == ["a", "b"])
        assert faults([*heard.evidence]) == ["the stream neither ended nor spoke in time"]
        assert script.count("list services") == 1


async def test_version_that_goes_back_is_settled_by_a_list(script: Scripted, tmp_path: Path) -> None:
    """A bookmark below what was seen comes from a restored or lagging server: the list's lower versions count."""
    script.objects["services"] = [service("a", 90)]

    async def restored(request: web.Request) -> web.StreamResponse:
        script.objects["services"] = [service("a", 40, clusterIP="10.0.0.9")]
        script.version = 50
        return await stream(bookmark(50), hold=5)(request)

    script.say("watch services", restored)
    async with following(member(script.url, tmp_path)) as (_, heard):
        await until(lambda: heard.changes)
        assert heard.exports["shop", "a"].cluster_ips == (bytes([10, 0, 0, 9]),)


async def test_streams_without_a_word_cost_no_list(script: Scripted, tmp_path: Path) -> None:
    """After each stream that ends without a word one small consistent read says that all is well, and it is resumed."""
    script.say("watch services", *[stream(hold=0.6)] * 4)
    async with following(member(script.url, tmp_path)) as (feed, heard):
        await until(lambda: script.count("watch services") == 5)
        assert script.count("list services") == 1
        checks = [query for verb, query in script.asked if verb == "check services"]
        assert checks == [{"fieldSelector": "metadata.name=none", "limit": "1"}] * 4
        assert {query["resourceVersion"] for verb, query in script.asked if verb == "watch services"} == {"100"}
        assert feed.counts["check"] == 4
        assert not faults([*heard.evidence])


async def test_version_of_another_change_is_no_doubt(script: Scripted, tmp_path: Path) -> None:
    """A server that has moved on is well; the watch goes on from its own version, which loses nothing."""
    script.say("watch services", stream(hold=0.6))
    script.say("check services", reply(lambda: listed("services", 170, [])))
    async with following(member(script.url, tmp_path)):
        await until(lambda: script.count("watch services") == 2)
        assert script.count("list services") == 1
        assert [query["resourceVersion"] for verb, query in script.asked if verb == "watch services"] == ["100", "100"]


async def test_restored_server_costs_one_list(script: Scripted, tmp_path: Path) -> None:
    """A server whose version is below ours was restored: one list takes over what it holds now, and is believed."""
    script.objects["services"] = [service("a", 90), service("b", 95)]

    async def restored(request: web.Request) -> web.StreamResponse:
        script.objects["services"] = [service("a", 40, clusterIP="10.0.0.9")]
        script.version = 50
        return await stream(hold=0.6)(request)

    script.say("watch services", restored, *[stream(hold=0.6)] * 2)
    async with following(member(script.url, tmp_path)) as (_, heard):
        await until(lambda: script.count("watch services") == 4)
        assert heard.names() == ["a"]
        assert heard.exports["shop", "a"].cluster_ips == (bytes([10, 0, 0, 9]),)
        assert script.count("list services") == 2
        versions = [query["resourceVersion"] for verb, query in script.asked if verb == "watch services"]
        assert versions == ["100", "50", "50", "50"]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(status(403), id="refused"),
        pytest.param(status(503), id="unavailable"),
        pytest.param(reply(lambda: web.Response(text="<html>")), id="no list"),
    ],
)
async def test_check_that_fails_is_repeated(script: Scripted, tmp_path: Path, answer: Answer) -> None:
    """Until the small read is answered the resource counts as unreadable, and no stream is opened; nothing is lost."""
    script.objects["services"] = [service("a", 10)]
    script.say("watch services", stream(hold=0.6))
    script.say("check services", answer, answer)
    async with following(member(script.url, tmp_path)) as (_, heard):
        await until(lambda: script.count("watch services") == 2)
        assert script.count("check services") == 3
        assert len(faults([*heard.evidence])) == 2
        last = max(at for at, each in enumerate(heard.evidence) if isinstance(each, Unreadable))
        assert Readable("services") in heard.evidence[last:]
        assert script.count("list services") == 1
        assert heard.names() == ["a"]


async def test_resource_that_vanished_is_found_by_a_check(script: Scripted, tmp_path: Path) -> None:
    """An optional resource that is gone when a stream has ended in silence is absent, after a second look."""
    script.objects |= {"services": [service("b", 11, exported=False)], "serviceexports": [export("b", 12)]}

    async def vanish(request: web.Request) -> web.StreamResponse:
        del script.objects["serviceexports"]
        return await stream(hold=0.6)(request)

    script.say("watch serviceexports", vanish)
    async with following(member(script.url, tmp_path)) as (_, heard):
        await until(lambda: heard.wholes)
        await until(lambda: not heard.names())
        assert faults([*heard.evidence], "exports") == ["the resource vanished: looking again"]


async def test_absent_resource_is_normal_and_may_come_later(script: Scripted, tmp_path: Path) -> None:
    """A member without the MCS resources is complete; they are picked up when they are installed."""
    script.objects["services"] = [service("a", 10), service("b", 11, exported=False)]
    async with following(member(script.url, tmp_path)) as (_, heard):
        await until(lambda: heard.wholes)
        assert heard.names() == ["a"]
        script.objects["serviceexports"] = [export("b", 12)]
        await until(lambda: heard.names() == ["a", "b"])
        assert not faults([*heard.evidence], "exports")


async def test_resource_that_vanishes_is_looked_at_twice(script: Scripted, tmp_path: Path) -> None:
    """One 404 takes nothing away: a server that starts may not know its own resources yet."""
    script.objects |= {"services": [service("b", 11, exported=False)], "serviceexports": [export("b", 12)]}
    script.say("watch serviceexports", status(404))
    script.say(
        "list serviceexports", reply(lambda: listed("serviceexports", 100, [export("b", 12)])), *[status(404)] * 2
    )
    async with following(member(script.url, tmp_path)) as (_, heard):
        await until(lambda: faults([*heard.evidence], "exports"))
        await until(lambda: script.count("watch serviceexports") == 2)
        assert heard.names() == ["b"]
        assert not heard.changes


@pytest.mark.parametrize("code", [401, 403, 500, 503])
async def test_a_refusal_never_means_empty(script: Scripted, tmp_path: Path, code: int) -> None:
    """While lists and watches are refused, what is known stays, and the resource counts as unreadable."""
    script.objects["services"] = [service("a", 10)]
    script.say("watch services", status(410))

    async def first(_: web.Request) -> web.StreamResponse:
        script.say("list services", *[status(code)] * 2)
        return listed("services", 100, script.objects["services"])

    script.say("list services", first)
    async with following(member(script.url, tmp_path)) as (_, heard):
        await until(lambda: len(faults([*heard.evidence])) == 2)
        await until(lambda: script.count("watch services") >= 2)
        assert heard.names() == ["a"]
        assert not heard.changes


@pytest.mark.parametrize("body", ["{}", "[]", "", '{"items": []}', "<html>", '{"kind": "Status", "metadata": {}}'])
async def test_a_reply_that_is_no_list_never_means_empty(script: Scripted, tmp_path: Path, body: str) -> None:
    """A proxy's 200 is no list, whatever it says."""
    script.objects["services"] = [service("a", 10)]
    script.say("list services", reply(lambda: web.Response(text=body, content_type="application/json")))
    async with following(member(script.url, tmp_path)) as (_, heard):
        await until(lambda: heard.wholes)
        assert heard.names() == ["a"]
        assert len(faults([*heard.evidence])) == 1


async def test_list_that_shrank_waits_for_a_second_one(script: Scripted, tmp_path: Path) -> None:
    """A list that lost most objects without a word is held until a second one says the same."""
    script.objects["services"] = [service(f"s{n}", n + 1) for n in range(30)]

    async def short(request: web.Request) -> web.StreamResponse:
        script.objects["services"] = [service("s0", 1)]
        return await status(410)(request)

    script.say("watch services", short)
    async with following(member(script.url, tmp_path)) as (feed, heard):
        await until(lambda: feed.counts["held"] == 1)
        assert len(heard.names()) == 30
        await until(lambda: heard.names() == ["s0"])
        assert script.count("list services") == 3


async def test_streams_are_short_and_ask_for_bookmarks(script: Scripted, tmp_path: Path) -> None:
    """A stream asks for 25-40 s where the period is 30 s, and for bookmarks."""
    async with following(member(script.url, tmp_path), timers=Timers(watch_period=30.0), pace=Pace()):
        await until(lambda: script.count("watch services") and script.count("watch endpointslices"))
    asked = [query for verb, query in script.asked if verb.startswith("watch")]
    assert all(25 <= int(query["timeoutSeconds"]) <= 40 for query in asked)
    assert all(query["allowWatchBookmarks"] == "true" for query in asked)
