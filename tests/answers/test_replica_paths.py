"""A replica that is told of data paths: a member whose endpoints cannot be reached gives way."""

import dns.edns
import dns.message
from msgspec import structs

from fedns.answers.wire import Members, NewRules
from fedns.federation.health import Freshness, PathBad, PathGood, Status, Timers, observe
from tests.answers.replicas import NOW, RULES, WEB, addresses, ask, fresh, replica


def cut(cluster: str, alive: float = NOW) -> Status:
    """A member whose data path fails, as the control process tells it."""
    return observe(fresh(cluster, alive), PathBad("refused", lost=True), NOW, Timers())


def test_a_lost_data_path_demotes_the_local_cluster() -> None:
    """Its answers change at once, where its API server alone would change nothing; also when it was stale before."""
    held = replica()
    local = addresses(ask(held, WEB))
    held.tick(NOW + 20)
    assert addresses(ask(held, WEB, now=NOW + 20)) == local
    held.apply(Members((cut("eu1", NOW - 20), fresh("us1", NOW + 20))), NOW + 20)
    assert sorted(addresses(ask(held, WEB, now=NOW + 20))) == ["10.2.0.1", "10.2.0.2"]
    forced = structs.replace(RULES, forced={"eu1": Freshness.FRESH})
    held.apply(NewRules(forced), NOW + 20)
    assert addresses(ask(held, WEB, now=NOW + 20)) == local


def test_a_new_control_process_that_has_not_read_a_member_knows_its_data_path() -> None:
    """What is probed is true whoever has read what; without a word of it, the last one stands."""
    held = replica()
    unread = Status(cluster="us1", joined=NOW)
    held.apply(Members((fresh("eu1"), observe(unread, PathBad("refused", lost=True), NOW, Timers()))), NOW)
    assert (held.statuses["us1"].state, held.statuses["us1"].synced) == (Freshness.STALE, True)
    held.apply(Members((fresh("eu1"), unread)), NOW)
    assert held.statuses["us1"].cut


def test_a_lost_data_path_is_told() -> None:
    """By `_state`, `_explain` and the text of the extended error."""
    held = replica()
    held.apply(Members((fresh("eu1"), cut("us1"))), NOW)
    told = str(ask(held, "us1._state.example.com", "TXT").answer[0])
    assert "state=stale" in told
    assert "path=down" in told
    assert "reason=data-path: refused" in told
    assert "path=down" in str(ask(held, f"_explain.{WEB}", "TXT").answer[0])
    (ede,) = ask(held, f"us1.{WEB}").options
    assert isinstance(ede, dns.edns.EDEOption)
    assert ede.text == "cut off? us1 stale (data path) 0s"
    held.apply(Members((fresh("eu1"), observe(fresh("us1"), PathGood(), NOW, Timers()))), NOW)
    assert "path=up" in str(ask(held, "us1._state.example.com", "TXT").answer[0])
