"""Demo: what its steps cover; the whole story is told by the command line's test."""

from pathlib import Path

from fedns.lab.demo import DEMO
from fedns.lab.story import FAILOVER_SECONDS, STALE_ANSWER, Pods
from fedns.lab.world import World


def test_the_story_covers_every_way_to_lose_a_cluster(tmp_path: Path) -> None:
    """Scale, empty, stop remote, freeze remote, stop local, heal: each with its own bound."""
    steps = DEMO.steps(World(tmp_path))
    told = " ".join(step.text for step in steps)
    for word in ("scale", "empty", "stop the API server of us1", "freeze", "stop the local API server", "heal"):
        assert word in told
    marks = [step.expected.error for step in steps if isinstance(step.expected, Pods)]
    assert marks.count(STALE_ANSWER) == 1
    assert max(step.expected.within for step in steps) == FAILOVER_SECONDS
