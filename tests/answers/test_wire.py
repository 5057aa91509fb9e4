"""Wire: frames survive any split, messages survive the trip, and strange bytes are one kind of error."""

import pytest
from msgspec import structs

from fedns.answers.rules import Rules, Zone
from fedns.answers.wire import (
    MAX_FRAME_BYTES,
    Ack,
    BrokenStreamError,
    Change,
    Frames,
    Generation,
    Hello,
    Members,
    NewRules,
    Replace,
    SettledType,
    ToControl,
    ToWorker,
    Types,
    frame,
    settled,
    to_control,
    to_worker,
    types_of,
)
from fedns.federation.catalog import Catalog
from fedns.federation.health import Freshness, Status
from fedns.federation.objects import READY, Endpoint, Export, Port, pack

EXPORT = Export(
    cluster="eu1",
    namespace="shop",
    name="api",
    created=1,
    headless=True,
    slices=pack((Port("http", 80),), [Endpoint(b"\n\0\0\1", READY, "eu-a", "api-0")]),
)

DOWN: dict[str, ToWorker] = {
    "rules": NewRules(Rules(zones=(Zone(name="clusterset.local", kind="clusterset"),))),
    "members": Members((Status(cluster="eu1", joined=1.0, state=Freshness.STALE),)),
    "replace": Replace("eu1", (EXPORT,), first=True, last=True),
    "change": Change("eu1", "shop", "api", EXPORT),
    "withdrawal": Change("eu1", "shop", "api", None),
    "types": Types((SettledType("shop", "api", headless=True),)),
    "generation": Generation("epoch", 7),
}
UP: dict[str, ToControl] = {
    "hello": Hello(1, 42, "epoch", 7, (SettledType("shop", "api", headless=False),)),
    "ack": Ack(7),
}


@pytest.mark.parametrize("message", DOWN.values(), ids=DOWN.keys())
def test_a_worker_reads_what_control_said(message: ToWorker) -> None:
    """Every message to a worker comes out as it went in."""
    (body,) = Frames().feed(frame(message))
    assert to_worker(body) == message


@pytest.mark.parametrize("message", UP.values(), ids=UP.keys())
def test_control_reads_what_a_worker_said(message: ToControl) -> None:
    """Every message to the control process comes out as it went in."""
    (body,) = Frames().feed(frame(message))
    assert to_control(body) == message


def test_settled_types_cross_the_wire() -> None:
    """What one catalog has settled comes to another as it was."""
    catalog = Catalog()
    catalog.replace("eu1", [EXPORT])
    catalog.apply("us1", EXPORT.key, structs.replace(EXPORT, cluster="us1", headless=False))
    assert settled(types_of(catalog)) == catalog.settled == {EXPORT.key: True}


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_frames_survive_any_split(size: int) -> None:
    """The same frames come out however the stream was cut."""
    stream = b"".join(frame(message) for message in DOWN.values())
    frames = Frames()
    bodies = [body for at in range(0, len(stream), size) for body in frames.feed(stream[at : at + size])]
    assert [to_worker(body) for body in bodies] == list(DOWN.values())


def test_an_impossible_length_breaks_the_stream() -> None:
    """A length over the bound is refused before anything is held for it."""
    with pytest.raises(BrokenStreamError, match="announced"):
        list(Frames().feed((MAX_FRAME_BYTES + 1).to_bytes(4)))


@pytest.mark.parametrize("read", [to_worker, to_control])
@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x93\x01\x02\x03"])
def test_strange_bytes_are_a_broken_stream(read: object, body: bytes) -> None:
    """Whatever is no message of ours raises the one error that the reader knows."""
    assert callable(read)
    with pytest.raises(BrokenStreamError):
        read(body)
