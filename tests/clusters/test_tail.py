"""One stream after another, and what each of them shows of its server."""

from pathlib import Path

from msgspec import structs

from fedns.settings.schema import Trust
from tests.clusters.scripted import Scripted, bookmark, event, following, member, service, status, stream, until


async def test_a_bunch_is_told_once(script: Scripted, tmp_path: Path) -> None:
    """Events that come together are applied first; then each service is told as it is after all of them."""
    last = service("a", 140)
    last["metadata"]["annotations"] = {"fedns.io/note": "last"}
    lines = [event("MODIFIED", service("a", 101 + n, clusterIP=f"10.0.0.{n}")) for n in range(30)]
    script.say("watch services", stream(b"".join([*lines, event("MODIFIED", last)]), hold=5))
    async with following(member(script.url, tmp_path)) as (feed, heard):
        await until(lambda: heard.exports.get(("shop", "a")) and heard.exports["shop", "a"].annotations)
        assert feed.counts["event"] == 31
        assert len(heard.changes) < 15


async def test_a_lagging_replica_is_ignored_after_one_check(script: Scripted, tmp_path: Path) -> None:
    """Older versions overwrite nothing; one check tells that the server is where it was, and no list is read."""
    script.objects["services"] = [service("a", 90, clusterIP="10.0.0.1")]
    old = event("MODIFIED", service("a", 40, clusterIP="10.0.0.9"))
    script.say("watch services", stream(old, hold=5), stream(old, event("ADDED", service("b", 101)), hold=5))
    async with following(member(script.url, tmp_path)) as (feed, heard):
        await until(lambda: heard.names() == ["a", "b"])
        assert heard.exports["shop", "a"].cluster_ips == (bytes([10, 0, 0, 1]),)
        assert script.count("list services") == 1
        assert feed.counts["check"] >= 1


async def test_a_reset_stream_is_followed_by_a_check(script: Scripted, tmp_path: Path) -> None:
    """A server that was restored while its streams broke is read anew, not watched from a version of its future."""
    script.objects["services"] = [service("a", 90)]

    async def restored(request: object) -> object:
        script.objects["services"] = [service("old", 40)]
        script.version = 50
        return await stream(bookmark(110), cut=True)(request)  # type: ignore[arg-type]

    script.say("watch services", restored)  # type: ignore[arg-type]
    async with following(member(script.url, tmp_path)) as (feed, heard):
        await until(lambda: heard.names() == ["old"])
        assert {each.resource: each for each in feed.streams()}["services"].relists["restored"] == 1


async def test_more_bytes_than_allowed_are_not_read(script: Scripted, tmp_path: Path) -> None:
    """A reading beyond trust.maxBytes ends with a sentence, in both ways of reading."""
    script.objects["services"] = [service(f"s{n}", n + 1) for n in range(100)]
    of = structs.replace(member(script.url, tmp_path), trust=Trust(max_bytes=4000))
    for script.watchlist in (True, False):
        async with following(of) as (feed, heard):
            await until(lambda: any("trust.maxBytes (4000 bytes)" in each for each in feed.problems()))
            assert not heard.wholes


async def test_storms_of_gone_back_off(script: Scripted, tmp_path: Path) -> None:
    """A server that forgets at once again and again is listed at once the first time only."""
    script.say("watch services", *[status(410)] * 50)
    async with following(member(script.url, tmp_path)) as (_, heard):
        await until(lambda: script.count("watch services") >= 3)
        assert script.count("list services") <= script.count("watch services") + 1
        assert heard.wholes == 1
