"""Candidates into records: families, shares, weights, limits."""

from collections.abc import Sequence
from fractions import Fraction

from fedns.answers import codes, records
from fedns.answers.addresses import Place, addresses, most, services
from fedns.federation.objects import AddressKind, Port
from fedns.federation.placement import Candidate, Group, Rung, Tier
from tests.answers.federations import packed, text

OWNER = records.name("db.example.com")
HTTPS = Port("https", 443)


def candidate(address: str, ports: tuple[Port, ...] = (HTTPS,)) -> Candidate:
    """One ready pod."""
    return Candidate("eu1", AddressKind.POD_IP, packed(address)[0], 1, 1, ports=ports)


def group(share: Fraction, *texts: str) -> Group:
    """Candidates that answer together."""
    return Group(tuple(map(candidate, texts)), share, Rung.ANY, Tier.READY)


def target(each: Candidate) -> tuple[str, ...]:
    """A name for every candidate."""
    return (each.host, "example", "com")


def test_groups_without_the_family_leave_their_share() -> None:
    """The shares of what is left sum to one again; doubles go."""
    groups = [
        group(Fraction(1, 2), "10.0.0.1", "10.0.0.1", "2001:db8::1"),
        group(Fraction(1, 4), "2001:db8::2"),
        group(Fraction(1, 4), "10.0.0.2"),
    ]

    def ours(_: Sequence[bytes]) -> bool:
        return False

    found = addresses(OWNER, 5, codes.A, groups, ours)
    assert [(each.share, text(each.records)) for each in found] == [
        (Fraction(2, 3), ["5 A 10.0.0.1"]),
        (Fraction(1, 3), ["5 A 10.0.0.2"]),
    ]
    assert [each.share for each in addresses(OWNER, 5, codes.AAAA, groups, ours)] == [Fraction(2, 3), Fraction(1, 3)]
    assert addresses(OWNER, 5, codes.AAAA, groups[2:], ours) == ()


def test_no_response_over_64_kib() -> None:
    """A response never has more addresses than TCP can carry, whatever was asked for."""
    assert most(codes.A, 0) == 3750
    assert most(codes.AAAA, 10_000) == 2142
    assert most(codes.A, 8) == 8


def test_shares_as_weights() -> None:
    """Hundredths where they are exact, finer numbers where they would blur the shares; never zero."""
    exact = [Place(0, Fraction(3, 4), [candidate("10.0.0.1")]), Place(0, Fraction(1, 4), [candidate("10.0.0.2")])]
    fine = [Place(0, Fraction(2, 3), [candidate("10.0.0.1")]), Place(0, Fraction(1, 3), [candidate("10.0.0.2")])]
    many = [Place(0, Fraction(1), [candidate(f"10.0.1.{at}") for at in range(200)])]
    assert [line.split()[3] for line in text(services(OWNER, 5, exact, target, "", "")[0])] == ["75", "25"]
    assert [line.split()[3] for line in text(services(OWNER, 5, fine, target, "", "")[0])] == ["6666", "3333"]
    assert {line.split()[3] for line in text(services(OWNER, 5, many, target, "", "")[0])} == {"1"}
    thirds = [Place(0, Fraction(1), [candidate(f"10.0.1.{at}") for at in range(3)])]
    assert {line.split()[3] for line in text(services(OWNER, 5, thirds, target, "", "")[0])} == {"33"}


def test_a_set_that_no_transport_carries_is_cut_from_behind() -> None:
    """SRV records stop at what fits 64 KiB: the nearest ones stay."""
    far = [candidate(f"10.{at >> 8}.{at & 255}.7") for at in range(3000)]
    order = [Place(0, Fraction(1), [candidate("10.99.0.1")]), Place(1, Fraction(1), far)]
    answers, _ = services(OWNER, 5, order, target, "", "")
    assert text(answers[:1]) == ["5 SRV 0 100 443 10-99-0-1.example.com."]
    assert 1000 < len(answers) < 3000


def test_targets_without_the_port_are_left_out() -> None:
    """Only named ports that fit count; a target that DNS cannot say is left out."""
    order = [Place(0, Fraction(1), [candidate("10.0.0.1", (Port("", 80), Port("dns", 53, "UDP")))])]
    assert services(OWNER, 5, order, target, "https", "tcp") == ((), ())
    assert text(services(OWNER, 5, order, target, "dns", "udp")[0]) == ["5 SRV 0 100 53 10-0-0-1.example.com."]
    assert services(OWNER, 5, order, lambda _each: ("", "com"), "", "") == ((), ())
