"""Drains in force: from the configuration and by order, across restarts, and when nobody holds an old answer."""

from pathlib import Path

import pytest
from msgspec import structs

from fedns.answers.rules import Zone
from fedns.control.keeping import RefusedOrderError
from fedns.federation.drains import Drain, drain
from fedns.federation.placement import Policy
from fedns.settings.schema import Kubeconfig, Member, Settings
from tests.control.stage import Control, rules, until

MEMBER = Member(cluster=rules("eu1").clusters[0], kubeconfig=Kubeconfig(path="/nowhere"))


def settings(state: Path | None = None, *drains: Drain) -> Settings:
    """Settings with these drains, and a file or none."""
    return Settings(clusters=(MEMBER,), drains=drains, state=str(state or ""))


class Desk:
    """Orders as the daemon drives them, with a wall clock that stands still."""

    def __init__(self, control: Control, first: Settings) -> None:
        self.now = 1000.0
        self.control = control
        self.every = control.orders(self.changed, lambda: self.now)
        self.orders = self.every.drains
        self.configure(first)

    def configure(self, given: Settings) -> None:
        """Another configuration."""
        self.every.configure(given)
        self.changed()

    def changed(self) -> None:
        """The rules are made again."""
        bare = structs.replace(self.control.truth.rules, drains=())
        self.control.pipeline.reload(self.every.added(bare))

    def targets(self) -> list[str]:
        """What the workers are told."""
        return [each.target for each in self.control.truth.rules.drains]


def test_drains_go_into_the_history(control: Control, tmp_path: Path) -> None:
    """Of the cluster or the service that they take out: of the configuration, and ordered, with who did it."""
    desk = Desk(control, settings(tmp_path / "state", drain("us1/a", force=True)))
    desk.orders.drain("shop/web@us1", force=False, by="alice")
    desk.configure(settings(tmp_path / "state"))
    desk.orders.undrain("shop/web@us1", "bob")

    def told(subject: str) -> list[str]:
        return [each.text for each in control.pipeline.history.find(subject, 0.0) if each.kind == "order"]

    assert told("us1") == [
        "us1/a: drained by the configuration by force",
        "us1/a: drained by the configuration no more",
    ]
    assert told("shop/web") == [
        "shop/web@us1: drained, ordered by alice",
        "shop/web@us1: drained no more, ordered by bob",
    ]


def test_orders_outlive_a_restart(control: Control, tmp_path: Path) -> None:
    """An order is in the rules at once, and in those of a successor; so is its end."""
    state = tmp_path / "state"
    desk = Desk(control, settings(state, drain("us1/a")))
    desk.orders.drain("eu1", force=True)
    assert control.truth.rules.drains == (drain("us1/a"), drain("eu1", force=True))
    assert Desk(control, settings(state)).targets() == ["eu1"]
    desk.orders.drain("eu1", force=True)
    desk.orders.drain("eu1", force=False)
    assert control.truth.rules.drains == (drain("us1/a"), drain("eu1"))
    desk.orders.undrain("eu1")
    assert desk.targets() == ["us1/a"]
    assert Desk(control, settings(state)).targets() == []


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("eu1/", "write CLUSTER, CLUSTER/ZONE or"),
        ("eu9", "no cluster is called eu9; there is eu1, us1"),
    ],
)
def test_wrong_orders(target: str, words: str, control: Control, tmp_path: Path) -> None:
    """What cannot be drained is told."""
    desk = Desk(control, settings(tmp_path / "state"))
    with pytest.raises(RefusedOrderError, match=words):
        desk.orders.drain(target, force=False)


def test_orders_that_nobody_would_keep(control: Control, tmp_path: Path) -> None:
    """Without a file, or with one that cannot be written, nothing is ordered; what is configured stays so."""
    desk = Desk(control, settings(None, drain("us1")))
    with pytest.raises(RefusedOrderError, match=r"add state: \{path"):
        desk.orders.drain("eu1", force=False)
    desk.configure(settings(tmp_path / "missing" / "state", drain("us1")))
    with pytest.raises(RefusedOrderError, match="cannot be written: No such file"):
        desk.orders.drain("eu1", force=False)
    assert desk.targets() == ["us1"]
    with pytest.raises(RefusedOrderError, match="remove it from drains there"):
        desk.orders.undrain("us1")
    with pytest.raises(RefusedOrderError, match="eu1 is not drained"):
        desk.orders.undrain("eu1")


def test_a_reload_keeps_times_and_orders(control: Control, tmp_path: Path) -> None:
    """What is drained before and after keeps its time; another word on force is another drain."""
    desk = Desk(control, settings(tmp_path / "state", drain("us1")))
    desk.orders.drain("eu1", force=False)
    desk.now = 2000.0
    desk.configure(settings(tmp_path / "state", drain("us1"), drain("us1/b")))
    assert [each["since"] for each in desk.orders.page()] == [1000.0, 2000.0, 1000.0]
    desk.configure(settings(tmp_path / "state", drain("us1", force=True)))
    assert [(each["target"], each["since"]) for each in desk.orders.page()] == [("us1", 2000.0), ("eu1", 1000.0)]


async def test_safe_to_stop(control: Control, tmp_path: Path) -> None:
    """Once every worker has the drain, the longest TTL later nobody holds an older answer; a successor knows it."""
    zone = Zone(name="a.b", kind="clusterset", ttl=7)
    control.truth.rules = structs.replace(control.truth.rules, zones=(zone,), policies=(Policy(ttl=30), Policy()))
    desk = Desk(control, settings(tmp_path / "state", drain("us1")))
    desk.orders.drain("eu1", force=False)
    desk.every.tick()
    assert [each["safeToStopAt"] for each in desk.orders.page()] == [None, None]
    async with control.serving(), control.worker() as replica:
        await control.told(replica)
        desk.now = 1010.0

        def acknowledged() -> bool:
            desk.every.tick()
            return all(each["safeToStopAt"] == 1040.0 for each in desk.orders.page())

        await until(acknowledged, "every worker has the drains")
        assert {each.target for each in replica.rules.drains} == {"us1", "eu1"}
    later = Desk(control, settings(tmp_path / "state"))
    assert [each["safeToStopAt"] for each in later.orders.page()] == [1040.0]
    desk.orders.undrain("eu1")
    desk.every.tick()
    desk.orders.drain("eu1", force=False)
    assert desk.orders.page()[1]["safeToStopAt"] is None
