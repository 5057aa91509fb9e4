"""The event path: evidence and exports in, truth, news, log lines and counts out."""

import logging
from pathlib import Path

import pytest
from msgspec import structs

from fedns.answers.rules import Rules
from fedns.answers.wire import Hello
from fedns.control.pipeline import REPEAT_SECONDS
from fedns.control.publish import Link
from fedns.federation.health import Alive, Freshness, Readable, Synced, Unreachable, Unreadable
from fedns.federation.objects import Cluster
from tests.control.stage import TIMERS, ZONES, Control, export, rules

WEB = ("shop", "web")


def states(control: Control) -> dict[str, Freshness]:
    """The state of every member."""
    return {name: status.state for name, status in control.truth.statuses.items()}


def test_members_start_as_never_read(control: Control) -> None:
    """A configured member is syncing from the moment it joins."""
    assert states(control) == {"eu1": Freshness.SYNCING, "us1": Freshness.SYNCING}
    assert control.truth.statuses["eu1"].joined == control.now


def test_a_life_of_a_member_is_told_once_per_change(control: Control, caplog: pytest.LogCaptureFixture) -> None:
    """Each change of state is one log line with its reason, and counts one; repeated evidence says nothing."""
    caplog.set_level(logging.INFO)
    began = control.now
    control.pipeline.replaced("eu1", [export("eu1", "web")])
    for _ in range(3):
        control.pipeline.observed("eu1", Synced())
    for passed in (TIMERS.suspect_after, TIMERS.stale_after, TIMERS.expire_after):
        control.now = began + passed
        control.pipeline.observed("eu1", Unreachable("no route"))
        control.pipeline.tick()
    lines = [record.getMessage() for record in caplog.records if "->" in record.getMessage()]
    assert [line.partition(" (")[0] for line in lines] == [
        "eu1: syncing -> fresh",
        "eu1: fresh -> suspect",
        "eu1: suspect -> stale",
        "eu1: stale -> expired",
    ]
    assert lines[3].endswith(": no route)")
    assert control.pipeline.state_changes == {"eu1": 4}


def test_time_alone_ages_members(control: Control) -> None:
    """A tick is enough to turn a silent member stale."""
    control.pipeline.observed("eu1", Synced())
    control.now += TIMERS.stale_after
    control.pipeline.tick()
    assert states(control)["eu1"] == Freshness.STALE


def test_exports_reach_the_catalog(control: Control) -> None:
    """The first reading counts as the whole, later ones and single changes as what differs."""
    generation = control.publisher.generation
    control.pipeline.replaced("eu1", iter([export("eu1", "web"), export("eu1", "api")]))
    assert control.truth.read == {"eu1"}
    assert control.publisher.generation == generation + 1
    control.pipeline.replaced("eu1", [export("eu1", "web"), export("eu1", "api")])
    assert control.publisher.generation == generation + 1
    control.pipeline.changed("eu1", WEB, export("eu1", "web", "10.0.0.2"))
    control.pipeline.changed("eu1", WEB, export("eu1", "web", "10.0.0.2"))
    assert control.publisher.generation == generation + 2
    assert control.truth.export("eu1", WEB) == export("eu1", "web", "10.0.0.2")


def test_a_stranger_says_nothing(control: Control) -> None:
    """The last words of a member that has left change nothing."""
    generation = control.publisher.generation
    control.pipeline.replaced("gone", [export("gone", "web")])
    control.pipeline.changed("gone", WEB, export("gone", "web"))
    control.pipeline.observed("gone", Alive())
    assert "gone" not in control.truth.statuses
    assert len(control.truth.catalog) == 0
    assert control.publisher.generation == generation


def test_statuses_are_repeated(control: Control) -> None:
    """Statuses are published at every change of state, and else once a second, not at every tick."""
    link = Link(Hello(slot=1, pid=1, epoch="", generation=0))
    control.publisher.links.add(link)

    def told() -> bool:
        """Whether statuses have been published since the last look."""
        news = link.outbox.pending
        link.outbox.take(control.truth, 1)
        return bool(news)

    control.pipeline.tick()
    assert told()
    control.pipeline.tick()
    assert not told()
    control.now += REPEAT_SECONDS
    control.pipeline.tick()
    assert told()
    control.pipeline.observed("eu1", Synced())
    assert told()


def test_reload_withdraws_and_admits(control: Control) -> None:
    """A member that left is withdrawn at once; a new one starts as never read; the others keep what is known."""
    for name in ("eu1", "us1"):
        control.pipeline.replaced(name, [export(name, "web")])
        control.pipeline.observed(name, Synced())
    control.pipeline.reload(rules("us1", "ap1"))
    assert states(control) == {"us1": Freshness.FRESH, "ap1": Freshness.SYNCING}
    assert control.truth.read == {"us1"}
    assert control.truth.catalog.exports_of("eu1") == []
    control.pipeline.reload(rules("us1", "ap1", "eu1"))
    assert states(control)["eu1"] == Freshness.SYNCING


def test_the_same_rules_are_no_news(control: Control) -> None:
    """Reading an unchanged configuration again publishes nothing."""
    generation = control.publisher.generation
    control.pipeline.reload(rules("eu1", "us1"))
    assert control.publisher.generation == generation


def test_trust_decides_precedence(control: Control) -> None:
    """The trust ranks of the rules reach the catalog, also after a reload."""
    for name in ("eu1", "us1"):
        control.pipeline.replaced(name, [export(name, "web")])
    clusters = (Cluster(name="eu1", trust_rank=1), Cluster(name="us1"))
    control.pipeline.reload(type(control.truth.rules)(zones=ZONES, clusters=clusters))
    service = control.truth.catalog.service(WEB)
    assert service is not None
    assert [each.cluster for each in service.exports] == ["us1", "eu1"]


def hub_rules(*more: Cluster) -> Rules:
    """A hub with one source that is named, and another member."""
    members = (Cluster(name="hub"), Cluster(name="c1.hub", via="hub", region="eu"), Cluster(name="eu1"))
    return Rules(zones=ZONES, clusters=(*members, *more))


@pytest.fixture
def hub(tmp_path: Path) -> Control:
    """A control process of which the hub has been read whole, with a service of the source c1.hub."""
    control = Control(hub_rules(), tmp_path / "control")
    control.pipeline.replaced("hub", [])
    control.pipeline.replaced("c1.hub", [export("c1.hub", "web")])
    control.pipeline.observed("hub", Synced())
    return control


STRANGERS = (Cluster(name="us1", region="us"), Cluster(name="c2.hub", via="hub"), Cluster(name="c3", via="nobody"))


@pytest.mark.parametrize("complete", [False, True])
def test_whom_a_worker_knows_counts_until_more_is_known(tmp_path: Path, *, complete: bool) -> None:
    """A member until all are named, a hub's cluster until its hub has been read; what is configured stays as it is."""
    control = Control(hub_rules(), tmp_path / "control")
    control.pipeline.meet((Cluster(name="eu1", region="elsewhere"), *STRANGERS), complete=complete)
    own = {"hub", "c1.hub", "eu1", "c2.hub"}
    assert set(states(control)) == own | (set() if complete else {"us1"})
    assert all(each.region != "elsewhere" for each in control.truth.rules.clusters)
    control.pipeline.reload(hub_rules(), complete=True)
    assert set(states(control)) == own


def test_a_hub_that_was_read_is_believed_and_no_worker(hub: Control) -> None:
    """It has told all that it knows."""
    hub.pipeline.meet(STRANGERS, complete=True)
    assert set(states(hub)) == {"hub", "c1.hub", "eu1"}


def test_evidence_of_a_hub_is_that_of_its_sources(hub: Control) -> None:
    """Read, reached and lost together; the others are not concerned."""
    fresh, syncing = Freshness.FRESH, Freshness.SYNCING
    assert states(hub) == {"hub": fresh, "c1.hub": fresh, "eu1": syncing}
    assert hub.truth.read == {"hub", "c1.hub"}
    hub.pipeline.observed("hub", Unreadable("403", "slices"))
    assert hub.truth.statuses["c1.hub"].broken == ("slices",)
    hub.now += TIMERS.stale_after
    hub.pipeline.observed("hub", Alive())
    assert states(hub) == {"hub": Freshness.STALE, "c1.hub": Freshness.STALE, "eu1": syncing}


def test_a_lease_that_ran_out_outlasts_what_the_hub_says(hub: Control) -> None:
    """The hub can be read, but its source is gone: it turns stale alone, and comes back with its lease."""
    hub.pipeline.observed("c1.hub", Unreadable("the lease ran out", "lease"))
    began = hub.now
    for evidence in (Alive(), Readable("slices"), Readable(), Synced()):
        hub.now += TIMERS.stale_after / 4
        hub.pipeline.observed("hub", evidence)
    assert hub.now == began + TIMERS.stale_after
    assert states(hub)["hub"] == Freshness.FRESH
    assert states(hub)["c1.hub"] == Freshness.STALE
    assert "the lease ran out" in hub.truth.statuses["c1.hub"].reason
    hub.pipeline.observed("c1.hub", Readable("lease"))
    hub.now += TIMERS.recover_after
    hub.pipeline.observed("hub", Alive())
    assert states(hub)["c1.hub"] == Freshness.FRESH


def test_the_whole_of_a_hub_without_a_source_empties_it(hub: Control) -> None:
    """What a hub tells no more when it is read anew is gone; evidence alone takes nothing away."""
    hub.pipeline.observed("hub", Synced())
    assert hub.truth.catalog.exports_of("c1.hub")
    hub.pipeline.replaced("hub", [])
    hub.pipeline.observed("hub", Synced())
    assert not hub.truth.catalog.exports_of("c1.hub")
    assert states(hub)["c1.hub"] == Freshness.FRESH


def test_a_source_that_came_later_and_is_told_no_more_is_emptied(hub: Control) -> None:
    """What was said of it alone, long before, does not count as said in the new whole of its hub."""
    hub.pipeline.found("hub", "c2.hub")
    hub.pipeline.replaced("c2.hub", [export("c2.hub", "web")])
    hub.pipeline.tick()
    hub.pipeline.replaced("c1.hub", [export("c1.hub", "web")])
    hub.pipeline.replaced("hub", [])
    hub.pipeline.observed("hub", Synced())
    assert hub.truth.catalog.exports_of("c1.hub")
    assert not hub.truth.catalog.exports_of("c2.hub")


def test_a_named_source_that_is_never_told_of_is_empty_not_unknown(tmp_path: Path) -> None:
    """With the whole of its hub it counts as read, so that it makes no negative answer unsure."""
    control = Control(hub_rules(), tmp_path / "control")
    control.pipeline.replaced("hub", [])
    control.pipeline.observed("hub", Synced())
    assert states(control)["c1.hub"] == Freshness.FRESH
    assert control.truth.read == {"hub", "c1.hub"}


def test_a_source_that_is_found_joins(hub: Control) -> None:
    """Its status starts as its hub's, and its exports are taken; a foreign one is refused."""
    generation = hub.publisher.generation
    assert hub.pipeline.found("hub", "c2.hub")
    assert hub.publisher.generation > generation
    assert hub.truth.rules.clusters[-1] == Cluster(name="c2.hub", via="hub")
    assert states(hub)["c2.hub"] == Freshness.FRESH
    assert hub.truth.read == {"hub", "c1.hub", "c2.hub"}
    hub.pipeline.changed("c2.hub", WEB, export("c2.hub", "web"))
    assert hub.truth.export("c2.hub", WEB)
    assert hub.pipeline.found("hub", "c2.hub")
    assert not hub.pipeline.found("hub", "eu1")
    assert not hub.pipeline.found("gone", "c3")


def test_a_source_found_during_the_first_reading_is_read_with_its_hub(tmp_path: Path) -> None:
    """It is not told to the workers as empty before it has been read."""
    control = Control(hub_rules(), tmp_path / "control")
    assert control.pipeline.found("hub", "c2.hub")
    assert states(control)["c2.hub"] == Freshness.SYNCING
    assert control.truth.read == set()
    control.pipeline.replaced("hub", [])
    control.pipeline.replaced("c2.hub", [export("c2.hub", "web")])
    control.pipeline.observed("hub", Synced())
    assert states(control)["c2.hub"] == Freshness.FRESH


@pytest.mark.parametrize(
    ("then", "kept"),
    [
        pytest.param(hub_rules(Cluster(name="ap1")), True, id="another member joins"),
        pytest.param(hub_rules(Cluster(name="c2.hub", via="hub", region="us")), True, id="named as its hub's"),
        pytest.param(hub_rules(Cluster(name="c2.hub")), False, id="a member of its own now"),
        pytest.param(rules("eu1"), False, id="the hub leaves"),
    ],
)
def test_a_found_source_and_a_reload(hub: Control, then: Rules, *, kept: bool) -> None:
    """It lives as long as its hub; a name that is somebody else's now starts as never read."""
    hub.pipeline.found("hub", "c2.hub")
    hub.pipeline.changed("c2.hub", WEB, export("c2.hub", "web"))
    hub.pipeline.reload(then)
    assert bool(hub.truth.export("c2.hub", WEB)) == kept
    assert ("c2.hub" in hub.truth.read) == kept
    assert set(hub.truth.statuses) == {cluster.name for cluster in hub.truth.rules.clusters}
    if not kept:
        assert states(hub).get("c2.hub", Freshness.SYNCING) == Freshness.SYNCING


def test_sources_turn_with_their_hub_in_one_line(hub: Control, caplog: pytest.LogCaptureFixture) -> None:
    """A hub of a hundred sources is one line when it is lost, and a source that turns alone has its own."""
    caplog.set_level(logging.INFO)
    hub.now += TIMERS.suspect_after
    hub.pipeline.tick()
    hub.now += TIMERS.stale_after
    hub.pipeline.tick()
    lines = [record.getMessage().partition(" (")[0] for record in caplog.records]
    assert lines == ["hub: fresh -> suspect", "hub: suspect -> stale"]


@pytest.mark.parametrize(
    ("created", "ranks", "reported"),
    [
        pytest.param(1, (0, 0), True, id="older, same rank"),
        pytest.param(5, (0, 0), False, id="same age"),
        pytest.param(9, (0, 0), False, id="younger"),
        pytest.param(1, (0, 1), False, id="older, but trusted less"),
        pytest.param(1, (1, 0), False, id="wins by rank"),
    ],
)
def test_backdated_exports_are_reported(
    control: Control, caplog: pytest.LogCaptureFixture, created: int, ranks: tuple[int, int], *, reported: bool
) -> None:
    """An export that appears with an age that takes a service from another cluster is reported once."""
    members = tuple(Cluster(name=name, trust_rank=rank) for name, rank in zip(("eu1", "us1"), ranks, strict=True))
    control.pipeline.reload(Rules(zones=ZONES, clusters=members))
    control.pipeline.replaced("eu1", [structs.replace(export("eu1", "web"), created=5)])
    control.pipeline.replaced("us1", [])
    for address in ("10.0.0.1", "10.0.0.2"):
        control.pipeline.changed("us1", WEB, structs.replace(export("us1", "web", address), created=created))
    assert control.pipeline.backdated["us1"] == reported
    assert ("takes it from eu1" in caplog.text) == reported


def test_age_in_the_first_reading_is_no_news(control: Control) -> None:
    """Who is read later is not backdated, nor is a service that nobody else has."""
    control.pipeline.replaced("eu1", [structs.replace(export("eu1", "web"), created=5)])
    control.pipeline.replaced("us1", [export("us1", "web")])
    control.pipeline.changed("us1", ("shop", "new"), export("us1", "new"))
    assert control.pipeline.backdated == {}


def test_who_is_cut_off_says_so_and_lets_nobody_expire(control: Control, caplog: pytest.LogCaptureFixture) -> None:
    """Both members go at once: one line, a flag, and no expiry, also while probes fail; until one is back."""
    caplog.set_level(logging.INFO)
    began = control.now
    for name in ("eu1", "us1"):
        control.pipeline.replaced(name, [export(name, "web")])
        control.pipeline.observed(name, Synced())
    for passed in (TIMERS.stale_after, TIMERS.expire_after, 10 * TIMERS.expire_after):
        control.now = began + passed
        for name in ("eu1", "us1"):
            control.pipeline.observed(name, Unreachable("no route to host"))
        control.pipeline.tick()
        assert set(states(control).values()) == {Freshness.STALE}
        assert control.pipeline.isolated
    assert caplog.text.count("this fedns may be cut off") == 1
    for at in range(int(TIMERS.recover_after) + 1):
        control.now = began + 10 * TIMERS.expire_after + at
        control.pipeline.observed("eu1", Alive())
        control.pipeline.tick()
    control.pipeline.tick()
    assert states(control) == {"eu1": Freshness.FRESH, "us1": Freshness.EXPIRED}
    assert "not cut off any more" in caplog.text
