"""A list is read page by page, and is whole or nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fedns.clusters.connect import Connection, LostError, RefusedError, connect
from fedns.clusters.decode import Decoder
from fedns.clusters.listing import EXPORTS, PAGE_BYTES, SERVICES, AbsentError, GoneError, Lists, Reading, Whole, read
from tests.clusters.scripted import Answer, Scripted, export, listed, member, reply, service, status


@pytest.fixture
async def connection(script: Scripted, tmp_path: Path) -> AsyncIterator[Connection]:
    """A connection to the scripted server."""
    made = await connect(member(script.url, tmp_path))
    yield made
    await made.close()


async def services(connection: Connection) -> Whole:
    """All services."""
    return await read(Reading(connection, SERVICES, Decoder().service, lambda _: None))


async def test_pages_are_joined(script: Scripted, connection: Connection) -> None:
    """Pages follow `continue`, and the last one's version counts; no page asks for a resourceVersion."""
    script.say(
        "list services",
        reply(lambda: listed("services", 5, [service("a", 1)], more="x")),
        reply(lambda: listed("services", 6, [service("b", 2)])),
    )
    whole = await services(connection)
    assert [item.name for item in whole.items] == ["a", "b"]
    assert whole.version == "6"
    assert [query.get("continue") for _, query in script.asked] == [None, "x"]
    assert not any("resourceVersion" in query for _, query in script.asked)


async def test_pages_are_as_large_as_is_good(script: Scripted, connection: Connection) -> None:
    """Small objects come by the thousand, and after a page that was too large the next one is asked to be smaller."""
    large = service("large", 3) | {"padding": "x" * (2 * PAGE_BYTES)}
    script.say(
        "list services",
        reply(lambda: listed("services", 5, [service("a", 1)], more="1")),
        reply(lambda: listed("services", 5, [service("b", 2)], more="2")),
        reply(lambda: listed("services", 5, [large], more="3")),
        reply(lambda: listed("services", 5, [service("c", 4)])),
    )
    assert [item.name for item in (await services(connection)).items] == ["a", "b", "large", "c"]
    first, second, third, fourth = (int(query["limit"]) for _, query in script.asked)
    assert first < second < third
    assert third // 3 < fourth <= third // 2


async def test_one_bad_object_costs_only_itself(script: Scripted, connection: Connection) -> None:
    """An object that does not decode is an item with a fault among good ones."""
    bad = service("b", 2) | {"spec": 5}
    script.objects["services"] = [service("a", 1), bad, "17", service("c", 3)]
    whole = await services(connection)
    assert [(item.name, item.fault == "") for item in whole.items] == [
        ("a", True),
        ("b", False),
        ("", False),
        ("c", True),
    ]


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        pytest.param([status(404)], RefusedError, id="a needed resource is absent"),
        pytest.param([status(503)], RefusedError, id="unavailable"),
        pytest.param([status(410)], GoneError, id="gone"),
        pytest.param([reply(lambda: listed("services", 5, [], more="x")), status(500)], RefusedError, id="half"),
        pytest.param([reply(lambda: listed("services", 5, ["["]))], LostError, id="garbled"),
    ],
)
async def test_failures(
    script: Scripted, connection: Connection, answers: list[Answer], error: type[Exception]
) -> None:
    """Whatever fails on the way, no part of a list is ever taken for the whole."""
    script.say("list services", *answers)
    with pytest.raises(error):
        await services(connection)


async def test_older_versions_of_an_optional_resource(script: Scripted, connection: Connection) -> None:
    """A server that knows only the older version of the API is read by that one; one that knows none lacks it."""
    decode = Decoder().export
    with pytest.raises(AbsentError):
        await read(Reading(connection, EXPORTS, decode, lambda _: None))
    script.objects["serviceexports"] = [export("a", 1)]
    assert (await read(Reading(connection, EXPORTS, decode, lambda _: None))).path == EXPORTS.paths[0]
    script.say("list serviceexports", status(404))
    assert (await read(Reading(connection, EXPORTS, decode, lambda _: None))).path == EXPORTS.paths[1]


async def test_turns_are_bounded() -> None:
    """One list at a time for a member, and no more than the common number for all."""
    everyone, running, most = asyncio.Semaphore(2), set[int](), 0

    async def take(lists: Lists, owner: int) -> None:
        nonlocal most
        async with lists.turn():
            assert owner not in running
            running.add(owner)
            most = max(most, len(running))
            await asyncio.sleep(0.01)
            running.discard(owner)

    members = [Lists(everyone) for _ in range(4)]
    await asyncio.gather(*(take(lists, owner) for owner, lists in enumerate(members) for _ in range(3)))
    assert most == 2
