"""Faults of one simulated API server: which are on, and what they do to a request or a stream in flight.

A fault is written as people type it: `hang`, `status=503`, `latency=200ms`, `hang@endpointslices` (only requests whose
path contains the word after the @). Faults that concern the listening socket (`partition`, `stop`) are known here by
name and carried out by `cluster`.
"""

import asyncio
import socket
import struct

from aiohttp import web
from msgspec import Struct

from fedns.lab.status import ApiError

VERBS = ("hang", "reset", "gone", "status", "latency", "partition", "stop", "heal")

_TEXTS = {
    401: ("Unauthorized", "Unauthorized"),
    403: ("Forbidden", "forbidden: the lab's fault says no"),
    429: ("TooManyRequests", "the server has received too many requests and has asked us to try again later"),
    500: ("InternalError", "Internal error occurred: the lab's fault says so"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
    504: ("Timeout", "the server was unable to return a response in the time allotted"),
}


class Fault(Struct, frozen=True):
    """One fault: verb, value (a code for status, seconds for latency, "http" or "" for gone) and path part."""

    verb: str
    value: str = ""
    scope: str = ""

    @property
    def text(self) -> str:
        """As people type it."""
        return self.verb + (f"={self.value}" if self.value else "") + (f"@{self.scope}" if self.scope else "")

    @property
    def seconds(self) -> float:
        """The value as a duration: `200ms`, `1.5s`, `2`."""
        if self.value.endswith("ms"):
            return float(self.value[:-2]) / 1000
        return float(self.value.removesuffix("s"))


def parse(text: str) -> Fault:
    """Read a fault, or raise ValueError with a sentence."""
    rest, _, scope = text.strip().partition("@")
    verb, _, value = rest.partition("=")
    fault = Fault(verb, value, scope)
    if verb not in VERBS:
        raise ValueError(f"unknown fault {verb!r}: one of {', '.join(VERBS)}")
    if verb == "status" and not (value.isdigit() and 400 <= int(value) <= 599):
        raise ValueError(f"status takes a code from 400 to 599, not {value!r}")
    if verb == "latency":
        try:
            _ = fault.seconds
        except ValueError:
            raise ValueError(f"latency takes a duration such as 200ms, not {value!r}") from None
    return fault


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
    """The faults that are on. A new one replaces an old one of the same verb and scope; `heal` ends all."""

    def __init__(self) -> None:
        self.active: list[Fault] = []
        self._changed = asyncio.Event()

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
        """The error that a `status` fault asks for."""
        fault = self.find("status", path)
        if fault is None:
            return None
        code = int(fault.value)
        reason, text = _TEXTS.get(code, ("", f"the lab's fault says {code}"))
        return ApiError(code, reason, text)
