"""Objects that cannot be looked at: they cost themselves only, and are asked for again."""

from pathlib import Path

from tests.clusters.scripted import Scripted, event, following, listed, member, reply, service, stream, until


async def test_line_that_is_too_long_costs_only_itself(script: Scripted, tmp_path: Path) -> None:
    """An event over 4 MiB is refused and counted; the next one counts."""
    big = event("ADDED", service("big", 101) | {"padding": "x" * (5 << 20)})
    script.say("watch services", stream(big, event("ADDED", service("b", 102)), hold=5))
    async with following(member(script.url, tmp_path)) as (feed, heard):
        await until(lambda: heard.names() == ["b"])
        await until(lambda: script.count("watch services") == 2)
        assert feed.counts["refused"] == 1


async def test_a_list_with_an_object_that_says_not_which_it_is_is_read_again(script: Scripted, tmp_path: Path) -> None:
    """What cannot be looked at is left out, and asked for again: it may have been garbled on its way."""
    spoilt = {"kind": "Service", "spec": {}}
    script.objects["services"] = [service("a", 10), service("b", 11)]
    script.say("list services", reply(lambda: listed("services", 100, [service("a", 10), spoilt])))
    script.say("watch services", *[stream(hold=0.5)] * 4)
    async with following(member(script.url, tmp_path)) as (feed, heard):
        await until(lambda: heard.wholes)
        assert heard.names() == ["a"]
        await until(lambda: heard.names() == ["a", "b"])
        assert {each.resource: each.relists["refused"] for each in feed.streams()}["services"] == 1
