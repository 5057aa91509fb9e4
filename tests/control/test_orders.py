"""Drains and migrations on one file."""

from pathlib import Path

from fedns.control.keeping import read
from fedns.federation.migrations import Migration
from fedns.settings.schema import Settings
from tests.control.stage import Control

MOVE = Migration(namespace="shop", service="web", source="us1", target="eu1", schedule="25% now", start=1000.0)


def test_both_are_kept_together(control: Control, tmp_path: Path) -> None:
    """Neither forgets what the other keeps, and both are added to the rules."""
    orders = control.orders(lambda: None, lambda: 1000.0)
    orders.configure(Settings(clusters=(), state=str(tmp_path / "state")))
    orders.drains.drain("us1", force=False)
    orders.migrations.migrate(MOVE)
    kept = read(tmp_path / "state")
    assert ([each.target for each in kept.drains], kept.migrations) == (["us1"], (MOVE,))
    orders.tick()
    rules = orders.added(control.truth.rules)
    assert ([each.target for each in rules.drains], [each.percent for each in rules.shifts]) == (["us1"], [25])
