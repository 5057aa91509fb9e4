"""DNS cookies: as other servers make them, good for an hour, and for nobody else."""

from ipaddress import ip_address

import pytest

from fedns.answers import cookies
from fedns.answers.cookies import DAY_SECONDS, Jar, siphash

NOW = 1_559_731_985
SECRET = bytes.fromhex("e5e973e5a6b2a43f48e7dc849e37bfcf")
CLIENT = ip_address("198.51.100.100").packed
OTHER = ip_address("198.51.100.101").packed


def jar(*secrets: bytes, now: int = NOW) -> Jar:
    """A jar at some time."""
    made = Jar(secrets or (SECRET,))
    made.tick(now)
    return made


def test_siphash() -> None:
    """The vector of the SipHash paper's appendix A."""
    assert siphash(bytes(range(16)), bytes(range(15))).hex() == "e545be4961ca29a1"


@pytest.mark.parametrize(
    ("secrets", "client", "now", "sent", "reply", "good"),
    [
        pytest.param(
            ["e5e973e5a6b2a43f48e7dc849e37bfcf"],
            "198.51.100.100",
            1559731985,
            "2464c4abcf10c957",
            "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
            False,
            id="A.1: a first one",
        ),
        pytest.param(
            ["e5e973e5a6b2a43f48e7dc849e37bfcf"],
            "198.51.100.100",
            1559734385,
            "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
            "2464c4abcf10c957010000005cf7a871d4a564a1442aca77",
            True,
            id="A.2: a good one of 40 minutes is renewed",
        ),
        pytest.param(
            ["e5e973e5a6b2a43f48e7dc849e37bfcf"],
            "203.0.113.203",
            1559727985,
            "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
            "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
            True,
            id="A.3: reserved bytes are part of the hash",
        ),
        pytest.param(
            ["e5e973e5a6b2a43f48e7dc849e37bfcf"],
            "203.0.113.203",
            1559734700,
            "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
            "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e",
            False,
            id="A.3: but it is older than an hour",
        ),
        pytest.param(
            ["445536bcd2513298075a5d379663c962", "dd3bdf9344b678b185a6f5cb60fca715"],
            "2001:db8:220:1:59de:d0f4:8769:82b8",
            1559741961,
            "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
            "22681ab97d52c298010000005cf7c609a6bb79d16625507a",
            True,
            id="A.4: IPv6, with the last secret",
        ),
    ],
)
def test_vectors_of_the_specification(
    secrets: list[str], client: str, now: int, sent: str, reply: str, *, good: bool
) -> None:
    """RFC 9018 appendix A: what other servers with the same secret make and take."""
    held = jar(*map(bytes.fromhex, secrets), now=now)
    address = ip_address(client).packed
    for _ in range(2):
        assert held.answer(address, bytes.fromhex(sent)) == (bytes.fromhex(reply), good)


@pytest.mark.parametrize(
    ("later", "good"),
    [
        (0, True),
        (cookies.VALID_SECONDS, True),
        (cookies.VALID_SECONDS + 1, False),
        (-cookies.AHEAD_SECONDS, True),
        (-cookies.AHEAD_SECONDS - 1, False),
    ],
)
def test_validity(later: int, *, good: bool) -> None:
    """A cookie is good for an hour, and from a clock that is five minutes ahead."""
    cookie, _ = jar().answer(CLIENT, bytes(8))
    assert jar(now=NOW + later).answer(CLIENT, cookie)[1] is good


def test_the_time_goes_round() -> None:
    """Times are 32 bits (RFC 1982): the year 2106 makes no cookie old."""
    cookie, _ = jar(now=(1 << 32) - 10).answer(CLIENT, bytes(8))
    assert jar(now=(1 << 32) + 10).answer(CLIENT, cookie) == (cookie, True)


def test_a_cookie_is_for_one_address_and_one_secret() -> None:
    """Another address, another secret, another version, another length, another bit: none proves anything."""
    cookie, _ = jar().answer(CLIENT, bytes(8))
    assert not jar().answer(OTHER, cookie)[1]
    assert not jar(bytes(16)).answer(CLIENT, cookie)[1]
    for wrong in (cookie[:8] + b"\2" + cookie[9:], cookie[:-1], cookie[:-1] + bytes((cookie[-1] ^ 1,)), bytes(40)):
        fresh, good = jar().answer(CLIENT, wrong)
        assert (good, fresh[:8]) == (False, wrong[:8])
        assert jar().answer(CLIENT, fresh)[1]


def test_a_good_cookie_of_an_old_secret_is_renewed() -> None:
    """So clients move to the new secret while the old one is still good."""
    cookie, _ = jar(SECRET).answer(CLIENT, bytes(8))
    fresh, good = jar(bytes(16), SECRET).answer(CLIENT, cookie)
    assert good
    assert fresh != cookie
    assert jar(bytes(16)).answer(CLIENT, fresh)[1]


def test_secrets_of_a_day() -> None:
    """Without secrets they are made from the master's: the same everywhere, yesterday's still good, older ones not."""
    one, other = Jar(master=b"m" * 32), Jar(master=b"m" * 32)
    assert one.on
    start = NOW // DAY_SECONDS * DAY_SECONDS
    one.tick(start - 1)
    cookie, _ = one.answer(CLIENT, bytes(8))
    for now, good in ((start + 1, True), (start + DAY_SECONDS, False)):
        other.tick(now)
        fresh, proven = other.answer(CLIENT, cookie)
        assert (proven, fresh == cookie) == (good, False)
    assert not Jar().on


def test_checked_cookies_are_remembered_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """The outcome of a check costs memory for a bounded number of cookies, and a bounded time."""
    monkeypatch.setattr(cookies, "MAX_SEEN", 2)
    held = jar()
    first, _ = held.answer(CLIENT, bytes(8))
    held.tick(NOW + 1)
    assert held.answer(CLIENT, bytes(8))[0] == first
    held.tick(NOW + cookies.SEEN_SECONDS)
    assert held.answer(CLIENT, bytes(8))[0] != first
    for number in range(5):
        held.answer(CLIENT, bytes((number,)) * 8)
        assert len(held._seen) <= 2
