"""Faults of one simulated API server: which are on, and what they do to a request or a stream in flight.

A fault is written as people type it: `hang`, `status=503`, `latency=200ms`, `hang@endpointslices` (only requests whose
path contains the word after the @). `VERBS` says what each one does. Here are those that meet a request at the door;
`views` has those that change what a request sees of the objects, `spoiling` those that change the bytes of replies,
and `cluster` carries out what concerns the listening socket, the credentials and the store as a whole.
"""

import asyncio
import random
import re
import socket
import struct
from collections.abc import Callable
from typing import Final

from aiohttp import web
from msgspec import Struct

from fedns.lab.status import ApiError

_TEXTS = {
    401: ("Unauthorized", "Unauthorized"),
    403: ("Forbidden", "forbidden: the lab's fault says no"),
    429: ("TooManyRequests", "the server has received too many requests and has asked us to try again later"),
    500: ("InternalError", "Internal error occurred: the lab's fault says so"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
    504: ("Timeout", "the server was unable to return a response in the time allotted"),
}
_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
GARBLES: Final = ("bits", "cut", "utf8", "twice", "type", "fields")


class Fault(Struct, frozen=True):
    """One fault: verb, value as typed (`VERBS` says what it may be) and path part."""

    verb: str
    value: str = ""
    scope: str = ""

    @property
    def text(self) -> str:
        """As people type it."""
        return self.verb + (f"={self.value}" if self.value else "") + (f"@{self.scope}" if self.scope else "")

    @property
    def seconds(self) -> float:
        """The value as a duration: `200ms`, `1.5s`, `2`; nothing is 0."""
        if self.value.endswith("ms"):
            return float(self.value[:-2]) / 1000
        return float(self.value.removesuffix("s") or 0)

    @property
    def size(self) -> int:
        """The value as bytes: `3000000`, `3MiB`, `1GiB`."""
        found = re.fullmatch(r"(\d+)(|KiB|MiB|GiB)", self.value)
        if found is None:
            raise ValueError(f"{self.value!r} is no size")
        return int(found[1]) * _UNITS[found[2]]


def _none(fault: Fault) -> bool:
    return not fault.value


def _code(fault: Fault) -> bool:
    return fault.value.isdigit() and 400 <= int(fault.value) <= 599


def _number(fault: Fault) -> bool:
    return fault.value.isdigit()


def _duration(fault: Fault) -> bool:
    return bool(fault.value) and fault.seconds >= 0


def _patience(fault: Fault) -> bool:
    return fault.seconds >= 0


def _rate(fault: Fault) -> bool:
    return 0 <= float(fault.value) <= 1


def _size(fault: Fault) -> bool:
    return fault.size >= 0


def _garble(fault: Fault) -> bool:
    kind, _, rate = fault.value.partition(":")
    return kind in GARBLES and 0 <= float(rate or 1) <= 1


class Verb(Struct, frozen=True):
    """What may stand after the `=` (in words, and as a check that may raise ValueError), and what the verb does."""

    takes: str
    fits: Callable[[Fault], bool]
    does: str


def _one_of(*words: str) -> Callable[[Fault], bool]:
    return lambda fault: fault.value in words


VERBS: Final = {
    "hang": Verb("nothing", _none, "requests and streams stand still"),
    "reset": Verb("nothing", _none, "connections are reset, new ones too"),
    "partition": Verb("nothing", _none, "connections stand still, new ones get no answer to their SYN"),
    "stop": Verb("nothing", _none, "connections are reset, new ones are refused"),
    "status": Verb("a code from 400 to 599", _code, "requests are refused with this HTTP status"),
    "retry-after": Verb("whole seconds", _number, "refusals carry Retry-After; alone it refuses with 429"),
    "redirect": Verb("a URL", lambda fault: "://" in fault.value, "requests get a 302 to this address"),
    "latency": Verb("a duration such as 200ms", _duration, "requests and events come late"),
    "gone": Verb(
        "nothing, http, continue or always",
        _one_of("", "http", "continue", "always"),
        "the change log is lost: 410 in streams; http: as a status; continue: on pages; always: on each watch, too",
    ),
    "no-watchlist": Verb("nothing, 400 or 422", _one_of("", "400", "422"), "a WatchList is refused, as by old servers"),
    "old-etcd": Verb("nothing", _none, "a WatchList is 200 and one ERROR: RequestWatchProgress is disabled"),
    "no-bookmarks": Verb("nothing", _none, "streams have no bookmarks but the one that ends a WatchList's beginning"),
    "no-initial-end": Verb("nothing", _none, "the bookmark that ends a WatchList's beginning is missing"),
    "swallow": Verb("a rate from 0 to 1", _rate, "this part of the events is lost without a word"),
    "empty": Verb("nothing", _none, "lists have no objects, and nobody was told of deletes"),
    "short": Verb("nothing", _none, "lists have half of the objects, and nobody was told of deletes"),
    "lag": Verb("a number of versions", _number, "every second request meets a replica that is behind by so many"),
    "garble": Verb(
        f"one of {', '.join(GARBLES)}, or with a rate such as bits:0.1",
        _garble,
        "lines and lists are spoilt: bits flipped, cut, no UTF-8, twice on one line, unknown type, fields missing",
    ),
    "huge": Verb("a size such as 3MiB", _size, "lists have, and streams begin with, one more object of this size"),
    "deep": Verb("a number of brackets", _number, "lists have, and streams begin with, one more object so deep"),
    "bomb": Verb("a size such as 64MiB", _size, "replies are gzip, asked for or not, and unpack to this size"),
    "rotate-token": Verb("a duration or nothing", _patience, "a new token; the old one is refused after this time"),
    "rotate-certificate": Verb("nothing", _none, "a new CA and server certificate"),
    "snapshot": Verb("nothing", _none, "remembers the objects and the version"),
    "restore": Verb("nothing", _none, "goes back to the snapshot, with its lower version, as a restored etcd"),
    "heal": Verb("nothing", _none, "ends all faults that last"),
}
"""What people may type, and what it does. Those that end with the call, such as `restore`, need no healing."""

ONCE: Final = ("rotate-token", "rotate-certificate", "snapshot", "restore")


def parse(text: str) -> Fault:
    """Read a fault, or raise ValueError with a sentence."""
    # A URL may have an @ of its own.
    rest, scope = (text.strip(), "") if text.strip().startswith("redirect=") else _parted(text.strip())
    verb, _, value = rest.partition("=")
    fault = Fault(verb, value, scope)
    if verb not in VERBS:
        raise ValueError(f"unknown fault {verb!r}: one of {', '.join(VERBS)}")
    try:
        fits = VERBS[verb].fits(fault)
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"{verb} takes {VERBS[verb].takes}, not {value!r}")
    return fault


def _parted(text: str) -> tuple[str, str]:
    rest, _, scope = text.partition("@")
    return rest, scope


def abort(transport: asyncio.BaseTransport | None) -> None:
    """Close a connection with a TCP reset."""
    if transport is None or transport.is_closing():
        return
    sock = transport.get_extra_info("socket")
    if sock is not None:
        # Lingering for 0 seconds makes the kernel send RST in place of FIN.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()
    else:
        transport.close()


class Faults:
    """The faults that are on. A new one replaces an old one of the same verb and scope; `heal` ends all.

    `chance` decides where a fault has a rate: the same faults in the same order do the same.
    """

    def __init__(self) -> None:
        self.active: list[Fault] = []
        self.chance = random.Random(1)  # noqa: S311 -- it breaks things, it hides nothing
        self._changed = asyncio.Event()
        self._turns = 0

    def set(self, fault: Fault) -> None:
        """Switch one on."""
        if fault.verb == "heal":
            self.active = []
        else:
            same = (fault.verb, fault.scope)
            self.active = [each for each in self.active if (each.verb, each.scope) != same]
            self.active.append(fault)
        self._changed.set()
        self._changed = asyncio.Event()

    def find(self, verb: str, path: str) -> Fault | None:
        """The fault of that verb that concerns the path."""
        return next((each for each in self.active if each.verb == verb and each.scope in path), None)

    def lag(self, path: str) -> int:
        """How many versions the replica is behind that the balancer picks now: every second one is."""
        fault = self.find("lag", path)
        if fault is None:
            return 0
        self._turns += 1
        return int(fault.value) if self._turns % 2 else 0

    async def passage(self, request: web.Request) -> None:
        """Let a request, or the next piece of a stream, through: late, never, or with an error."""
        while True:
            if self.find("reset", request.path):
                abort(request.transport)
                raise asyncio.CancelledError
            if not (self.find("hang", request.path) or self.find("partition", request.path)):
                break
            await self._changed.wait()
        if late := self.find("latency", request.path):
            await asyncio.sleep(late.seconds)

    def refusal(self, path: str) -> ApiError | None:
        """The error that a `status` or `retry-after` fault asks for."""
        fault, patience = self.find("status", path), self.find("retry-after", path)
        if fault is None and patience is None:
            return None
        code = int(fault.value) if fault else 429
        reason, text = _TEXTS.get(code, ("", f"the lab's fault says {code}"))
        return ApiError(code, reason, text)

    def headers(self, path: str) -> dict[str, str]:
        """What the headers of a refusal say besides."""
        patience = self.find("retry-after", path)
        return {"Retry-After": patience.value} if patience else {}
