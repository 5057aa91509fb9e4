"""Faults as people type them."""

import pytest

from fedns.lab.faults import Faults, parse


@pytest.mark.parametrize("text", ["hang", "status=503", "latency=200ms", "hang@endpointslices", "gone=http", "heal"])
def test_round_trip(text: str) -> None:
    """What is typed is what is shown."""
    assert parse(text).text == text


@pytest.mark.parametrize(("text", "seconds"), [("latency=200ms", 0.2), ("latency=1.5s", 1.5), ("latency=2", 2.0)])
def test_durations(text: str, seconds: float) -> None:
    """Durations are milliseconds, seconds, or bare seconds."""
    assert parse(text).seconds == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "explode", "status", "status=200", "status=x", "latency", "latency=soon"])
def test_nonsense(text: str) -> None:
    """Nonsense raises a ValueError with a sentence."""
    with pytest.raises(ValueError, match=r"one of|takes a"):
        parse(text)


def test_one_of_each_verb_and_scope() -> None:
    """A new fault replaces the old one of its verb and scope; heal ends all."""
    faults = Faults()
    for text in ("status=503", "status=403@pods", "status=500"):
        faults.set(parse(text))
    assert [fault.text for fault in faults.active] == ["status=403@pods", "status=500"]
    faults.set(parse("heal"))
    assert not faults.active


@pytest.mark.parametrize(
    ("code", "reason"),
    [(401, "Unauthorized"), (403, "Forbidden"), (429, "TooManyRequests"), (503, "ServiceUnavailable"), (418, "")],
)
def test_refusals_look_real(code: int, reason: str) -> None:
    """A status fault answers with the reason that belongs to its code."""
    faults = Faults()
    faults.set(parse(f"status={code}"))
    refusal = faults.refusal("/api")
    assert refusal is not None
    assert (refusal.code, refusal.reason) == (code, reason)
