"""Readiness that latches, and health that never looks at clusters."""

import pytest

from fedns.answers import counters
from fedns.control.readiness import LOCAL_SECONDS, Health, Readiness
from fedns.federation.health import Synced
from tests.control.stage import Control, block, rules


def sync(control: Control, *names: str) -> None:
    """Let these members be read whole."""
    for name in names:
        control.pipeline.replaced(name, [])
        control.pipeline.observed(name, Synced())


def test_a_restored_federation_is_ready(control: Control) -> None:
    """What a snapshot told is answered, so a fedns that has read no member yet is ready."""
    readiness = Readiness(control.truth, block())
    assert readiness.missing() == "not synced yet: eu1, us1"
    readiness.restored = True
    assert readiness.missing() == ""


def test_ready_is_latched(control: Control) -> None:
    """Ready once every member has synced; a member that joins later does not change that."""
    readiness = Readiness(control.truth, None)
    sync(control, "us1")
    assert readiness.missing() == "not synced yet: eu1"
    sync(control, "eu1")
    assert readiness.missing() == ""
    control.pipeline.reload(rules("eu1", "us1", "ap1"))
    assert readiness.missing() == ""


@pytest.mark.parametrize(
    ("local", "synced", "passed", "ready"),
    [
        pytest.param("eu1", ["eu1"], LOCAL_SECONDS, True, id="local synced, long enough"),
        pytest.param("eu1", ["eu1"], LOCAL_SECONDS - 1, False, id="local synced, too early"),
        pytest.param("eu1", ["us1"], LOCAL_SECONDS, False, id="another synced"),
        pytest.param("", ["eu1"], LOCAL_SECONDS, False, id="no local cluster"),
        pytest.param("eu1", [], 1e6, False, id="nothing known"),
    ],
)
def test_the_local_cluster_is_enough_after_a_while(
    control: Control, local: str, synced: list[str], passed: float, *, ready: bool
) -> None:
    """A remote member that is down must not keep the local answers out; with nothing known it is never ready."""
    now = 50.0
    control.pipeline.reload(rules("eu1", "us1", local=local))
    readiness = Readiness(control.truth, None, lambda: now)
    sync(control, *synced)
    now += passed
    assert (readiness.missing() == "") == ready


def test_readiness_survives_the_control_process(control: Control) -> None:
    """Workers go on answering when the control process dies, so its successor must not say unready."""
    latch = block()
    first = Readiness(control.truth, latch)
    sync(control, "eu1", "us1")
    assert first.missing() == ""
    control.pipeline.reload(rules("ap1"))
    assert Readiness(control.truth, latch).missing() == ""
    assert Readiness(control.truth, None).missing() == "not synced yet: ap1"


def test_leaving_is_not_ready(control: Control) -> None:
    """During the lame-duck time nothing new shall come, whatever was latched."""
    readiness = Readiness(control.truth, None)
    sync(control, "eu1", "us1")
    assert readiness.missing() == ""
    readiness.leaving = True
    assert readiness.missing() == "shutting down"


@pytest.mark.parametrize(
    ("passed", "beats", "fault"),
    [
        pytest.param(1.0, [None, None], "", id="just started"),
        pytest.param(100.0, [100.0, 99.0], "", id="all beat"),
        pytest.param(100.0, [100.0, 50.0], "", id="one is being replaced"),
        pytest.param(100.0, [100.0, 30.0], "worker 2 has not been heard of for a minute", id="one is never replaced"),
        pytest.param(100.0, [90.0, 94.0], "no process that answers has been heard of for 6 s", id="none beats"),
        pytest.param(100.0, [None, None], "no process that answers has been heard of for 100 s", id="none ever did"),
    ],
)
def test_health_is_that_of_the_processes(passed: float, beats: list[float | None], fault: str) -> None:
    """Ill when nobody has answered for a while, or when one that died is not replaced; never by a cluster's fault."""
    now = began = 1000.0
    blocks = [block() for _ in beats]
    health = Health(blocks, lambda: now)
    for words, beat in zip(blocks, beats, strict=True):
        if beat is not None:
            words[counters.HEARTBEAT] = int((began + beat) * 1e9)
    now += passed
    assert health.fault() == fault
