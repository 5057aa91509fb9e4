"""Demo: the story's steps, and what is read from replies; the whole story is told by the command line's test."""

from pathlib import Path

from dnslib import QTYPE, RR, A, DNSRecord

from fedns.client import Reply
from fedns.lab.demo import FAILOVER_SECONDS, Story, addresses_of, extended_errors
from fedns.lab.world import World


def test_the_story_covers_every_way_to_lose_a_cluster(tmp_path: Path) -> None:
    """Scale, empty, stop remote, freeze remote, stop local, heal: each with its own bound."""
    steps = Story(World(tmp_path)).steps()
    told = " ".join(step.text for step in steps)
    for word in ("scale", "empty", "stop the API server of us1", "freeze", "stop the local API server", "heal"):
        assert word in told
    assert [step.expected.marked for step in steps].count(True) == 1
    assert max(step.expected.within for step in steps) == FAILOVER_SECONDS


def test_replies_are_read() -> None:
    """Addresses from the answer section, error codes from the OPT record."""
    message = DNSRecord.question("a.example", "A")
    message.add_answer(RR("a.example", QTYPE.A, rdata=A("10.0.0.1")))
    reply = Reply(message, b"", 0.0, "udp")
    assert addresses_of(reply) == ["10.0.0.1"]
    assert extended_errors(reply) == []
