"""Every fault of an API server that intake must survive: no wrong answer at any moment, and exactly right after it."""

import asyncio
from pathlib import Path
from time import monotonic

import pytest
from msgspec import structs

from tests.faults.bed import PACE, Bed, made, until

FAULTS: dict[str, dict[str, tuple[str, ...]]] = {
    "silence": {
        "half-open": ("hang",),
        "partition": ("partition",),
        "gone": ("stop",),
        "resets": ("reset",),
        "slow": ("latency=300ms",),
        "no-bookmarks": ("no-bookmarks", "gone"),
    },
    "refusals": {
        "no-version-status": ("gone=http",),
        "no-version-event": ("gone",),
        "no-version-page": ("no-watchlist", "gone=continue", "gone"),
        "no-version-ever": ("gone=always",),
        "later": ("status=503", "retry-after=1"),
        "unknown": ("status=401",),
        "forbidden": ("status=403@endpointslices", "gone"),
        "redirect": ("redirect=http://127.0.0.1:9/", "gone"),
    },
    "other servers": {
        "lagging": ("lag=8", "gone"),
        "no-watchlist": ("no-watchlist", "gone"),
        "old-etcd": ("old-etcd", "gone"),
        "no-end": ("no-initial-end", "gone"),
    },
    "garbled": {
        "bits": ("garble=bits:0.3", "gone"),
        "cut": ("garble=cut", "gone"),
        "no-utf8": ("garble=utf8", "gone"),
        "twice": ("garble=twice", "gone"),
        "no-type": ("garble=type", "gone"),
        "no-fields": ("garble=fields", "gone"),
    },
    "large": {
        "huge": ("huge=5MiB", "gone"),
        "deep": ("deep=100000", "gone"),
        "bomb": ("bomb=64MiB", "gone"),
    },
}
"""One member for each fault, in groups that are tried at the same time, beside one member without any."""


def change(bed: Bed, cluster: str) -> None:
    """What goes on in a member meanwhile: services grow, shrink, go, come and come back."""
    for at in range(4):
        bed.deploy(cluster, f"{cluster}-s{at}", at)
    bed.delete(cluster, f"{cluster}-s4")
    bed.delete(cluster, f"{cluster}-s5")
    bed.deploy(cluster, f"{cluster}-new", 2)
    bed.deploy(cluster, f"{cluster}-s5", 1)
    bed.deploy(cluster, "common", 4)


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
async def test_faults_while_things_change(faults: dict[str, tuple[str, ...]], tmp_path: Path) -> None:
    """While API servers misbehave, no answer lies; once they are well again, the worker holds exactly their truth."""
    async with made(tmp_path, *faults, "well") as bed:
        bed.oracle.blind = True
        for name, own in faults.items():
            for fault in own:
                await bed.clusters[name].fault(fault)
        for name in bed.clusters:
            change(bed, name)
        await asyncio.sleep(3.0)  # long enough for members to turn stale, and for streams to end
        for name in faults:
            await bed.clusters[name].fault("heal")
        await bed.right(25.0)
        await bed.judge()


@pytest.mark.parametrize("lost", ["empty", "short"])
async def test_a_list_that_lost_most_is_held_until_it_is_confirmed(lost: str, tmp_path: Path) -> None:
    """A server that starts with nothing, or little, and finds it all again before the second look loses nothing."""

    def many(bed: Bed) -> None:
        for at in range(51):  # a short list has 25 of them
            bed.deploy("eu1", f"s{at}", 1)

    async with made(tmp_path, "eu1", pace=structs.replace(PACE, confirm=1.5), fill=many) as bed:
        feed = bed.feeds["eu1"]
        await bed.clusters["eu1"].fault(lost)
        await bed.clusters["eu1"].fault("gone")
        await until(lambda: feed.counts["held"])
        await bed.clusters["eu1"].fault("heal")
        await bed.right()
        await bed.judge()


async def test_a_small_member_that_has_nothing_for_a_moment(tmp_path: Path) -> None:
    """Also where a member has but a few objects, one empty list makes none of them vanish."""
    async with made(tmp_path, pace=structs.replace(PACE, again=1.5)) as bed:
        feed = bed.feeds["eu1"]
        await bed.clusters["eu1"].fault("empty")
        await bed.clusters["eu1"].fault("gone")
        await until(lambda: feed.counts["held"])
        await bed.clusters["eu1"].fault("heal")
        await bed.right()
        await bed.judge()


async def test_events_that_are_swallowed_come_with_the_next_whole_reading(tmp_path: Path) -> None:
    """What a stream has lost without a word is healed by the periodic reading, within its period."""
    pace = structs.replace(PACE, compare=(1.0, 1.5))
    async with made(tmp_path, pace=pace) as bed:
        await bed.clusters["eu1"].fault("swallow=0.5")
        change(bed, "eu1")
        await bed.right()
        await bed.judge()


async def test_an_etcd_that_goes_back_in_time(tmp_path: Path) -> None:
    """A restored server has lower versions, and is right: what came after its snapshot is gone, the rest is back."""
    async with made(tmp_path) as bed:
        eu1 = bed.clusters["eu1"]
        await eu1.fault("snapshot")
        change(bed, "eu1")
        await bed.right()
        await eu1.fault("stop")
        await eu1.fault("restore")
        await eu1.fault("heal")
        await bed.right()
        assert "eu1-new" not in {export.name for export in bed.replica.catalog.exports_of("eu1")}
        await bed.judge()


async def test_a_list_that_is_really_that_short(tmp_path: Path) -> None:
    """Most of a member's services are deleted while nobody looks: a second reading confirms it, and they go."""

    def many(bed: Bed) -> None:
        for at in range(50):
            bed.deploy("eu1", f"s{at}", 1)

    async with made(tmp_path, "eu1", fill=many) as bed:
        await bed.clusters["eu1"].fault("stop")
        for at in range(45):
            bed.delete("eu1", f"s{at}")
        await bed.clusters["eu1"].fault("gone")
        await bed.clusters["eu1"].fault("heal")
        await bed.right()
        await bed.judge()


async def test_versions_that_are_gone_when_a_member_comes_back(tmp_path: Path) -> None:
    """Every resource is 410, and one of them refused for a second, as servers do that start: soon all is right."""
    names = tuple(f"c{at}" for at in range(6))
    async with made(tmp_path, *names) as bed:
        for each in bed.clusters.values():
            await each.fault("stop")
        await asyncio.sleep(4.0)  # long enough for waits between tries to grow
        for name, each in bed.clusters.items():
            change(bed, name)
            await each.fault("gone")
            await each.fault("heal")
            await each.fault("retry-after=1@serviceexports")
        cure = monotonic()
        await until(lambda: all(feed.counts["gone"] for feed in bed.feeds.values()))
        await asyncio.sleep(max(0.0, cure + 1.0 - monotonic()))
        for each in bed.clusters.values():
            await each.fault("heal")
        await bed.right()
        print(f"{monotonic() - cure:.1f} s from the first cure to right answers of {len(names)} members")  # noqa: T201 -- pytest -s
        await bed.judge()


async def test_a_herd_of_members_lists_in_turn(tmp_path: Path) -> None:
    """A dozen members that are reset at once and again are read a few times each, and all come back."""
    names = tuple(f"c{at:02}" for at in range(12))

    def few(bed: Bed) -> None:
        for name in bed.clusters:
            bed.deploy(name, "s0", 3)

    async with made(tmp_path, *names, fill=few) as bed:
        before = sum(feed.counts["list"] for feed in bed.feeds.values())
        for _ in range(5):
            for each in bed.clusters.values():
                await each.fault("gone")
                each.abort_connections()
            await asyncio.sleep(0.2)
        for name in bed.clusters:
            bed.deploy(name, "s0", 4)
        await bed.right()
        lists = sum(feed.counts["list"] for feed in bed.feeds.values()) - before
        assert lists <= 5 * 3 * len(names)
        await bed.judge()


async def test_a_storm_of_changes_ends_right(tmp_path: Path) -> None:
    """One service flaps as fast as it can while another member changes: all ends exactly right."""
    async with made(tmp_path) as bed:
        for at in range(1000):
            bed.deploy("eu1", f"eu1-s{at % 6}", at % 4)
            if at % 50 == 0:
                bed.deploy("us1", "us1-s1", at % 7)
                await asyncio.sleep(0.01)
        await bed.right()
        await bed.judge()


async def test_five_thousand_endpoints(tmp_path: Path) -> None:
    """A service of fifty slices arrives whole, and shrinks whole."""
    async with made(tmp_path) as bed:
        bed.deploy("eu1", "large", 5000)
        await bed.right(40.0)  # reading replies of 5,000 records takes the test longer than all else
        bed.deploy("eu1", "large", 4)
        await bed.right(40.0)
        await bed.judge()
