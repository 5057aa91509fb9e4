"""The tools of the comparison: forms are what dnspython reads, and reasons excuse what they say and no more."""

import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from tests.differential.differences import Pair, read, reason
from tests.differential.messages import Form, form
from tests.differential.questions import Zone, questions

A_RECORD = (b"\3web\0", 1, 5, b"\n\0\0\1")
OTHER = (b"\3web\0", 1, 5, b"\n\0\0\2")
SOA = (b"\0", 6, 5, b"")
GOOD = Form(0, 0x8400, frozenset({A_RECORD}), frozenset(), edns=True)
CD, TC = 0x10, 0x200
CUT = GOOD._replace(flags=GOOD.flags | TC)


def pair(theirs: Form, ours: Form = GOOD, kind: int = 1, qclass: int = 1) -> Pair:
    """Two answers to a question for `web`."""
    return Pair((b"web",), kind, qclass, ours, theirs)


@pytest.mark.parametrize(
    ("case", "name"),
    [
        (pair(GOOD._replace(flags=GOOD.flags | CD)), "_checking"),
        (pair(GOOD._replace(flags=GOOD.flags | CD, answer=frozenset({OTHER}))), ""),
        (pair(GOOD._replace(answer=frozenset({OTHER}))), ""),
        (pair(GOOD._replace(answer=frozenset())), ""),
        (pair(GOOD._replace(rcode=3)), ""),
        (pair(GOOD._replace(flags=0x8000)), ""),
        (pair(GOOD._replace(edns=False)), ""),
        (pair(GOOD._replace(authority=frozenset({SOA}))), ""),
        (pair(CUT._replace(flags=CUT.flags & ~0x400)), ""),
        (
            pair(GOOD._replace(flags=GOOD.flags | TC), GOOD._replace(flags=GOOD.flags | TC, answer=frozenset())),
            "_truncated",
        ),
        (pair(CUT._replace(answer=frozenset())), "_compressed"),
        (pair(CUT._replace(answer=frozenset({OTHER}))), ""),
        (pair(GOOD._replace(answer=frozenset()), CUT), ""),
        (pair(GOOD, GOOD._replace(answer=frozenset({(b"\3web\0", 13, 3600, b"")})), 255), "_any"),
        (pair(GOOD._replace(rcode=3), GOOD._replace(answer=frozenset({(b"\3web\0", 13, 3600, b"")})), 255), ""),
        (pair(GOOD, GOOD._replace(rcode=5, answer=frozenset()), qclass=255), "_any_class"),
        (pair(GOOD, GOOD._replace(rcode=5, answer=frozenset())), ""),
        (
            pair(
                GOOD._replace(answer=frozenset({(b"\0", 2, 5, b"\1a\0")})),
                GOOD._replace(answer=frozenset({(b"\0", 2, 5, b"\1b\0")})),
                2,
            ),
            "_servers",
        ),
    ],
)
def test_reasons_are_narrow(case: Pair, name: str) -> None:
    """Each excuses its own kind of difference; everything else stays one."""
    assert reason(case) == name


def test_topology_zones_without_endpoints_are_excused() -> None:
    """Those of a known region that the realm does not have, where fedns has an alias: all three."""
    alias = GOOD._replace(answer=frozenset({(b"\3web\0", 5, 5, b"\1a\0")}))
    absent = Form(3, 0x8400, frozenset(), frozenset({SOA}), edns=True)

    def excused(name: bytes, ours: Form) -> bool:
        return reason(Pair((*name.split(b"."), b"example", b"com"), 1, 1, ours, absent)) == "_area"

    assert excused(b"web.shop.myfed.svc.other.eu", alias)
    assert not excused(b"web.shop.myfed.svc.eu-a.eu", alias)
    assert not excused(b"web.shop.myfed.svc.other.asia", alias)
    assert not excused(b"web.shop.myfed.svc.other.eu", GOOD)
    assert not excused(b"svc", alias)


def test_forms_are_what_others_read() -> None:
    """Names are whole and in lower case, however they were compressed; another question is a fault."""
    query = dns.message.make_query("Web.Shop.", "SRV", use_edns=0)
    reply = dns.message.make_response(query)
    reply.answer.append(dns.rrset.from_text("Web.Shop.", 5, "IN", "SRV", "0 100 443 Pod.Web.Shop."))
    reply.authority.append(dns.rrset.from_text("Shop.", 7, "IN", "SOA", "NS.Shop. h.shop. 1 2 3 4 5"))
    wire = reply.to_wire()
    made = form(query.to_wire(), wire)
    assert (made.rcode, made.edns) == (0, True)
    assert made.answer == {(b"\3web\4shop\0", 33, 5, b"\0\0\0\x64\1\xbb\3pod\3web\4shop\0")}
    ((owner, kind, ttl, content),) = made.authority
    assert (owner, kind, ttl) == (b"\4shop\0", 6, 7)
    assert content.startswith(b"\2ns\4shop\0\1h\4shop\0")
    with pytest.raises(AssertionError, match="another question"):
        form(dns.message.make_query("web.shop.", "SRV").to_wire(), wire)


def test_questions_are_packets_that_others_can_read() -> None:
    """Whatever is drawn is a well-formed query, and each name is asked first of all."""
    names = ((b"web", b"shop", b"local"), (b"local",))
    drawn = list(questions(Zone((b"local",), names), 500, 7))
    assert [read(each)[0] for each in drawn[:2]] == list(names)
    for each in drawn:
        assert dns.message.from_wire(each).to_wire() == each
    assert len({read(each)[1] for each in drawn}) > 10
    assert any(read(each)[2] != 1 for each in drawn)
    assert {b"no", b"web"} < {label for each in drawn for label in read(each)[0]}
    assert dns.rdatatype.SRV in {read(each)[1] for each in drawn}
