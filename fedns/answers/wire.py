"""What the control process and a worker say to each other: length-prefixed msgpack frames of tagged structs.

A worker says Hello with what it holds; the control process answers with Rules, Members and exports, as a delta or as
the whole of every member that has synced, and closes each run with Generation. Members that the control process has
not read yet are left out, so that a worker keeps what it knows of them.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct, msgpack

from fedns.answers.rules import Rules
from fedns.federation.catalog import Catalog
from fedns.federation.health import Status
from fedns.federation.locality import Node
from fedns.federation.objects import Cluster, Export, ServiceKey

MAX_FRAME_BYTES: Final = 64 * 1024 * 1024
"""One export of 4 MiB slices fits many times; more is a broken stream."""
CHUNK: Final = 500
"""Exports in one Replace frame: small enough that a worker answers queries between two of them."""


class SettledType(Struct, frozen=True, array_like=True):
    """What a service is, about whose type its exports disagree."""

    namespace: str
    name: str
    headless: bool


class Hello(Struct, frozen=True, tag=True):
    """A worker's first word: its slot, and which generation of which control process (epoch) it holds.

    `types` are the settled types that it holds, `clusters` whom it knows, for a control process that has just begun:
    not all members stand in the configuration, and who is not named any more would be forgotten.
    """

    slot: int
    pid: int
    epoch: str
    generation: int
    types: tuple[SettledType, ...] = ()
    clusters: tuple[Cluster, ...] = ()


class Ack(Struct, frozen=True, tag=True):
    """A worker has installed everything up to this generation."""

    generation: int


class NewRules(Struct, frozen=True, tag=True):
    """The configuration as the workers need it; replaces the last one."""

    rules: Rules


class Members(Struct, frozen=True, tag=True):
    """The status of every member; those missing here have left."""

    statuses: tuple[Status, ...]


class Replace(Struct, frozen=True, tag=True):
    """The whole truth of one member, in chunks: installed when the last one is there, never by halves.

    What comes from a snapshot (`restored`) gives way to what a worker holds that was read.
    """

    cluster: str
    exports: tuple[Export, ...]
    first: bool
    last: bool
    restored: bool = False


class Change(Struct, frozen=True, tag=True):
    """One export that appeared or changed, or (None) went."""

    cluster: str
    namespace: str
    name: str
    export: Export | None


class Nodes(Struct, frozen=True, tag=True):
    """Nodes of the local cluster that are new or others now, and the names of those that are gone.

    With `whole`, these are all there are.
    """

    nodes: tuple[Node, ...]
    gone: tuple[str, ...] = ()
    whole: bool = False


class Types(Struct, frozen=True, tag=True):
    """The services about whose type their exports disagree, with what is settled; all others are settled no more."""

    settled: tuple[SettledType, ...]


class Generation(Struct, frozen=True, tag=True):
    """Everything up to here has been said; `serial` is that of the zones' SOA: the Unix time of the last change."""

    epoch: str
    generation: int
    serial: int = 1


ToWorker = NewRules | Members | Nodes | Replace | Change | Types | Generation
ToControl = Hello | Ack

_encoder = msgpack.Encoder()
_to_worker: msgpack.Decoder[ToWorker] = msgpack.Decoder(ToWorker)
_to_control: msgpack.Decoder[ToControl] = msgpack.Decoder(ToControl)


class BrokenStreamError(ValueError):
    """The other side sent something that is no frame of ours."""


def types_of(catalog: Catalog) -> tuple[SettledType, ...]:
    """The types that a catalog has settled."""
    return tuple(SettledType(*key, headless) for key, headless in sorted(catalog.settled.items()))


def settled(types: Iterable[SettledType]) -> dict[ServiceKey, bool]:
    """The same as a catalog takes them."""
    return {(each.namespace, each.name): each.headless for each in types}


def frame(message: ToWorker | ToControl) -> bytes:
    """One message as bytes for the socket: 4 bytes of length, big-endian, then msgpack."""
    body = _encoder.encode(message)
    return len(body).to_bytes(4) + body


class Frames:
    """Cuts a byte stream into frames, however it was split on the way."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The bodies of all frames that are complete now; raises BrokenStreamError for an impossible length."""
        self._rest += chunk
        while len(self._rest) >= 4:
            size = int.from_bytes(self._rest[:4])
            if size > MAX_FRAME_BYTES:
                raise BrokenStreamError(f"a frame of {size} bytes is announced, {MAX_FRAME_BYTES} are allowed")
            if len(self._rest) < 4 + size:
                return
            body = bytes(self._rest[4 : 4 + size])
            del self._rest[: 4 + size]
            yield body


def to_worker(body: bytes) -> ToWorker:
    """A frame's body as a worker reads it; raises BrokenStreamError when it is not one of ours."""
    try:
        return _to_worker.decode(body)
    except ValueError as error:
        raise BrokenStreamError(str(error)) from error


def to_control(body: bytes) -> ToControl:
    """A frame's body as the control process reads it; raises BrokenStreamError when it is not one of ours."""
    try:
        return _to_control.decode(body)
    except ValueError as error:
        raise BrokenStreamError(str(error)) from error
