"""The probes of all data paths follow the configuration, and what they say goes into the truth."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec import structs

from fedns.control.paths import Paths
from fedns.federation.health import Alive, Freshness, Synced
from fedns.federation.objects import Cluster
from fedns.lab.processes import free_port
from fedns.settings.schema import Address, Member, PathProbe, Settings
from tests.control.stage import Control, until


def member(name: str, port: int = 0, failures: int = 1) -> Member:
    """One with a data path that nobody serves, if it has one at all."""
    path = PathProbe(tcp=Address("127.0.0.1", port), interval=0.05, failures=failures)
    return Member(cluster=Cluster(name=name), data_paths={name: path} if port else {})


@asynccontextmanager
async def probing(paths: Paths) -> AsyncIterator[Paths]:
    """With its end."""
    try:
        yield paths
    finally:
        await paths.close()


async def test_what_probes_say_is_known(control: Control) -> None:
    """A member that is read well turns stale by a lost data path, with the reason; the counts tell of each probe."""
    control.pipeline.observed("us1", Synced())
    async with probing(control.paths) as paths:
        await paths.follow(Settings(clusters=(member("eu1"), member("us1", free_port()))))
        await until(lambda: control.truth.statuses["us1"].cut, "the data path is lost")
        assert control.truth.statuses["us1"].state is Freshness.STALE
        assert control.truth.statuses["us1"].reason.startswith("data-path: tcp 127.0.0.1:")
        assert control.truth.statuses["eu1"].path is None
        assert paths.counts["us1", "failure"] > 0
    told = [each.text for each in control.pipeline.history.find("us1", 0.0) if each.kind == "data-path"]
    assert len(told) == 1
    assert told[0].startswith("data path lost (tcp 127.0.0.1:")


async def test_a_path_that_is_probed_no_more_is_unknown(control: Control) -> None:
    """Who takes the option away gets the member back, without a word of the probes."""
    control.pipeline.observed("us1", Synced())
    async with probing(control.paths) as paths:
        await paths.follow(Settings(clusters=(member("us1", free_port()),)))
        await until(lambda: control.truth.statuses["us1"].cut, "the data path is lost")
        await paths.follow(Settings(clusters=(member("us1"),)))
        assert (control.truth.statuses["us1"].path, paths.probed, paths.counts.total()) == (None, {}, 0)
        for seconds in range(6):
            control.now += seconds
            control.pipeline.observed("us1", Alive())
        assert control.truth.statuses["us1"].state is Freshness.FRESH


async def test_a_path_that_stays_goes_on(control: Control) -> None:
    """A reload touches what has changed only: another target starts anew, the same one counts on."""
    one, other = member("eu1", free_port(), failures=1000), member("us1", free_port(), failures=1000)
    async with probing(control.paths) as paths:
        await paths.follow(Settings(clusters=(one, other)))
        await until(lambda: paths.counts["eu1", "failure"] and paths.counts["us1", "failure"], "both are probed")
        before = paths.counts["eu1", "failure"]
        moved = structs.replace(other, data_paths=member("us1", free_port()).data_paths)
        await paths.follow(Settings(clusters=(one, moved)))
        assert paths.counts["eu1", "failure"] >= before
        assert paths.probed["us1"] == moved.data_paths["us1"]
        await until(lambda: control.truth.statuses["us1"].cut, "the other target is probed")
    assert not paths.probed
