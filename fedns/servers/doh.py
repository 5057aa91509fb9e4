"""DNS over HTTPS (RFC 8484): from a request to the query in it, from a reply to a response.

It knows no version of HTTP.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Final, NamedTuple
from urllib.parse import parse_qs

from fedns.answers.lifetime import lifetime
from fedns.servers.peer import MAX_QUERY_BYTES

MEDIA_TYPE: Final = "application/dns-message"
MAX_TEXT: Final = -(-MAX_QUERY_BYTES * 4 // 3)
"""Characters of the longest query in base64url."""
MAX_TARGET: Final = MAX_TEXT + 512
"""Characters of a path with everything behind it."""
MAX_HEAD_BYTES: Final = 16 * 1024
"""Of one request's header fields, and of what they take on the way."""
MAX_REQUESTS: Final = 1000
"""On one connection; then the client opens another. HTTP remembers something of each."""
MAX_PARAMETERS: Final = 8
_BASE64URL: Final = re.compile(r"[\w-]+", re.ASCII)


class Request(NamedTuple):
    """An HTTP request; `too_long` says that its body was not read to the end."""

    method: str
    target: str
    media_type: str = ""
    body: bytes = b""
    too_long: bool = False


class Response(NamedTuple):
    """An HTTP response, whole."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Refusal(NamedTuple):
    """A request that is no DNS query: an HTTP status, and a sentence for whoever made it."""

    status: int
    sentence: str


Answer = Callable[[Request], Response]
"""Who answers requests."""


def query(request: Request, path: str) -> bytes | Refusal:
    """The DNS query in a request to this path."""
    if len(request.target) > MAX_TARGET:
        return Refusal(414, f"the URI has more than {MAX_TARGET} characters: use POST")
    asked, _, parameters = request.target.partition("?")
    if asked != path:
        return Refusal(404, f"DNS queries are answered at {path}")
    if request.method == "GET":
        return _of_get(parameters)
    if request.method != "POST":
        return Refusal(405, "use GET or POST (RFC 8484)")
    if request.media_type.partition(";")[0].strip().lower() != MEDIA_TYPE:
        return Refusal(415, f"the content type must be {MEDIA_TYPE}")
    if request.too_long or len(request.body) > MAX_QUERY_BYTES:
        return Refusal(413, f"a query has {MAX_QUERY_BYTES} bytes at most")
    return request.body


def _of_get(parameters: str) -> bytes | Refusal:
    """What stands in `dns=`, base64url without padding."""
    try:
        given = parse_qs(parameters, keep_blank_values=True, max_num_fields=MAX_PARAMETERS).get("dns", [])
    except ValueError:
        return Refusal(400, f"there are more than {MAX_PARAMETERS} parameters")
    if len(given) != 1:
        return Refusal(400, "there must be one parameter dns=, with the query in base64url")
    if len(given[0]) > MAX_TEXT:
        return Refusal(414, f"a query has {MAX_QUERY_BYTES} bytes at most")
    if not _BASE64URL.fullmatch(given[0]) or len(given[0]) % 4 == 1:
        return Refusal(400, "the query is not in base64url without padding (RFC 4648 section 5)")
    return urlsafe_b64decode(given[0] + "=" * (-len(given[0]) % 4))


def answered(reply: bytes) -> Response:
    """The response that carries a reply; a cache may keep it as long as its shortest record lives."""
    return Response(
        200,
        [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", b"%d" % len(reply)),
            (b"cache-control", b"max-age=%d" % lifetime(reply)),
        ],
        reply,
    )


def refused(refusal: Refusal) -> Response:
    """The response that says what is wrong."""
    body = refusal.sentence.encode() + b"\n"
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
    ]
    return Response(refusal.status, [*headers, (b"allow", b"GET, POST")] if refusal.status == 405 else headers, body)
