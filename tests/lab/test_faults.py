"""Faults as people type them."""

import pytest

from fedns.lab.faults import Faults, parse


@pytest.mark.parametrize(
    "text",
    [
        *(
            "hang",
            "status=503",
            "latency=200ms",
            "hang@endpointslices",
            "gone=http",
            "gone=always",
            "heal",
            "swallow=0.01",
        ),
        *(
            "garble=bits",
            "garble=cut:0.1",
            "huge=1GiB",
            "deep=100000",
            "bomb=64MiB@services",
            "lag=20",
            "no-watchlist=400",
        ),
        *("redirect=http://user@192.0.2.1/", "retry-after=7", "rotate-token=1s", "rotate-token", "restore"),
    ],
)
def test_round_trip(text: str) -> None:
    """What is typed is what is shown."""
    assert parse(text).text == text


@pytest.mark.parametrize(("text", "seconds"), [("latency=200ms", 0.2), ("latency=1.5s", 1.5), ("latency=2", 2.0)])
def test_durations(text: str, seconds: float) -> None:
    """Durations are milliseconds, seconds, or bare seconds."""
    assert parse(text).seconds == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        *("", "explode", "status", "status=200", "status=x", "latency", "latency=soon", "hang=1", "gone=later"),
        *("garble", "garble=nothing", "garble=bits:2", "garble=bits:x", "huge", "huge=3MB", "deep=x", "bomb=1.5GiB"),
        *("swallow", "swallow=2", "lag=-1", "no-watchlist=500", "redirect=here", "retry-after=1.5", "rotate-token=x"),
    ],
)
def test_nonsense(text: str) -> None:
    """Nonsense raises a ValueError with a sentence."""
    with pytest.raises(ValueError, match=r"one of|takes (a |one |nothing|whole)"):
        parse(text)


@pytest.mark.parametrize(("text", "size"), [("huge=12", 12), ("huge=3MiB", 3 << 20), ("bomb=1GiB", 1 << 30)])
def test_sizes(text: str, size: int) -> None:
    """Sizes are bytes, or binary units."""
    assert parse(text).size == size


def test_every_second_request_meets_the_replica_that_lags() -> None:
    """So two requests in a row see two states."""
    faults = Faults()
    assert [faults.lag("/api") for _ in range(2)] == [0, 0]
    faults.set(parse("lag=5@services"))
    assert [faults.lag("/api/v1/services") for _ in range(4)] == [5, 0, 5, 0]
    assert faults.lag("/api/v1/pods") == 0


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
