"""What a member sends beyond all bounds costs a bounded amount of memory; the server is a process of its own."""

import re
from pathlib import Path
from typing import Final

import pytest

from fedns.federation.health import Synced
from fedns.lab.members import Simulated, plan
from fedns.lab.simulator import Deployment
from tests.clusters.scripted import following, member, until

MIB: Final = 1 << 20
MOST: Final = 64 * MIB
"""What all of it may cost (a page of a list, an object and what is read ahead fit well)."""

HOSTILE: Final = {
    "an object in a stream": ("huge=200MiB", "gone"),
    "an object in a list": ("huge=200MiB", "no-watchlist", "gone"),
    "brackets": ("deep=2000000", "gone"),
    "a bomb": ("bomb=200MiB", "gone"),
}


def peak() -> int:
    """The most memory that this process has had since `forget`, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) << 10


def forget() -> int:
    """Begin to look for a new peak; returns what there is now."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


@pytest.mark.parametrize("faults", HOSTILE.values(), ids=HOSTILE)
async def test_what_is_too_large_costs_little(faults: tuple[str, ...], tmp_path: Path) -> None:
    """It is refused, or told to be unreadable; what else the member has stays, and is right once it is well again."""
    server = await Simulated.start(plan(1)[0])
    try:
        pods = Deployment(namespace="shop", name="web", zones={"a": 3}, pod_range="10.9.0.0/16", headless=True)
        await server.put(pods.objects())
        entry = member(server.url, tmp_path)
        async with following(entry) as (feed, heard):
            await until(lambda: any(isinstance(each, Synced) for each in heard.evidence), 15.0)
            before = forget()
            for fault in faults:
                await server.fault(fault)
            await until(lambda: feed.counts["refused"] + feed.counts["failure"] > 2, 30.0)
            used = peak() - before
            assert heard.names() == ["web"]
            await server.fault("heal")
            pods.scale("a", 4)
            await server.put(pods.objects())
            await until(lambda: len(heard.addresses("web")) == 4, 30.0)
        print(f"{used / MIB:.0f} MiB")  # noqa: T201 -- for pytest -s
        assert used < MOST
    finally:
        await server.stop()
