"""DNS over HTTPS: which requests hold a query, and what is said to the others."""

from base64 import urlsafe_b64encode

import dns.message
import pytest

from fedns.servers.doh import MAX_TEXT, Refusal, Request, answered, query, refused
from fedns.servers.peer import MAX_QUERY_BYTES

PATH = "/dns-query"
KIND = "application/dns-message"
PACKET = dns.message.make_query("www.example.com", "A", id=0).to_wire()
TEXT = urlsafe_b64encode(PACKET).decode().rstrip("=")


def test_the_example_of_the_rfc() -> None:
    """RFC 8484 section 4.1.1: the URI of its example is the query that it shows."""
    target = "/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB"
    assert query(Request("GET", target), PATH) == PACKET


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", f"{PATH}?dns={TEXT}"),
        Request("GET", f"{PATH}?ct&dns={TEXT}&x=1"),
        Request("POST", PATH, KIND, PACKET),
        Request("POST", f"{PATH}?x", f" {KIND.upper()} ; charset=x", PACKET),
    ],
    ids=["GET", "GET with more parameters", "POST", "POST with parameters of its type"],
)
def test_a_query_is_found(request_: Request) -> None:
    """In the parameter or in the body."""
    assert query(request_, PATH) == PACKET


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (Request("GET", "/"), 404),
        (Request("GET", f"{PATH}/?dns={TEXT}"), 404),
        (Request("POST", "/other", KIND, PACKET), 404),
        (Request("PUT", PATH, KIND, PACKET), 405),
        (Request("HEAD", f"{PATH}?dns={TEXT}"), 405),
        (Request("POST", PATH, "", PACKET), 415),
        (Request("POST", PATH, "application/json", PACKET), 415),
        (Request("POST", PATH, KIND, bytes(MAX_QUERY_BYTES + 1)), 413),
        (Request("POST", PATH, KIND, b"", too_long=True), 413),
        (Request("GET", PATH), 400),
        (Request("GET", f"{PATH}?dns="), 400),
        (Request("GET", f"{PATH}?dns={TEXT}&dns={TEXT}"), 400),
        (Request("GET", f"{PATH}?dns={TEXT}="), 400),
        (Request("GET", f"{PATH}?dns=A"), 400),
        (Request("GET", f"{PATH}?dns=%2B%2F%C3%A9"), 400),
        (Request("GET", f"{PATH}?{'a=1&' * 20}dns={TEXT}"), 400),
        (Request("GET", f"{PATH}?dns={'A' * (MAX_TEXT + 1)}"), 414),
        (Request("GET", f"{PATH}?{'a' * 10_000}"), 414),
    ],
    ids=str,
)
def test_what_is_no_query_gets_a_status_and_a_sentence(request_: Request, status: int) -> None:
    """RFC 8484 section 4.2.1, RFC 9110 section 15.5; 405 tells the methods that there are."""
    refusal = query(request_, PATH)
    assert isinstance(refusal, Refusal)
    response = refused(refusal)
    assert (refusal.status, response.status) == (status, status)
    assert response.body.decode().strip() == refusal.sentence
    assert dict(response.headers).get(b"allow") == (b"GET, POST" if status == 405 else None)
    assert dict(response.headers)[b"cache-control"] == b"no-store"


def test_a_reply_is_kept_as_long_as_it_lives() -> None:
    """RFC 8484 section 5.1: the smallest TTL; a reply that names none is not kept."""
    reply = dns.message.from_text("id 0\nflags QR\n;QUESTION\na. IN A\n;ANSWER\na. 7 IN A 192.0.2.1\n").to_wire()
    told = answered(reply)
    assert (told.status, told.body) == (200, reply)
    expected = {b"content-type": KIND.encode(), b"content-length": b"%d" % len(reply), b"cache-control": b"max-age=7"}
    assert dict(told.headers) == expected
    assert dict(answered(PACKET).headers)[b"cache-control"] == b"max-age=0"
