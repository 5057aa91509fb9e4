"""The keys of `dns`: what they become, and what is wrong with them."""

import socket
from pathlib import Path

import pytest

from fedns.answers.rules import Dnstap, QueryLog, RateLimit
from fedns.settings.load import ConfigError, load, parse
from fedns.settings.schema import PRIVATE, Cookies, Https, Quic, Settings, Tls
from fedns.settings.told import rules
from tests.settings.certificates import write_pair
from tests.settings.conftest import GOOD


def settings(dns: str) -> Settings:
    """Settings with these keys of `dns`."""
    return parse(f"{GOOD}\ndns: {dns}\n", Path("/etc"), {}, {}, check_files=False)


def test_no_limit_unless_it_is_set() -> None:
    """Cookies are on, the limit is off; an empty table is a limit that spares private ranges."""
    assert settings("{}").dns.rate_limit is None
    assert settings("{}").dns.cookies == Cookies()
    assert settings("{rateLimit: {}}").dns.rate_limit == RateLimit(exempt=PRIVATE)
    set_ = settings("{rateLimit: {responsesPerSecond: 5, slip: 0, ipv4Prefix: 32, window: 1s, exempt: []}}").dns
    assert set_.rate_limit == RateLimit(responses_per_second=5, slip=0, ipv4_prefix=32, window=1.0)


def test_the_query_log_is_off_unless_it_is_set() -> None:
    """An empty table is a line for each query; it reaches the workers."""
    assert rules(settings("{}")).query_log is None
    assert rules(settings("{queryLog: {}}")).query_log == QueryLog()
    told = settings("{queryLog: {sample: 9, only: failures, format: json}}").dns.query_log
    assert told == QueryLog(sample=9, only="failures", format="json")


def test_dnstap_is_off_unless_it_is_set() -> None:
    """It has a name, and a socket whose path starts at the file."""
    assert rules(settings("{}")).dnstap is None
    told = settings("{nsid: me, dnstap: {socket: tap.sock, sample: 9, only: failures}}")
    assert rules(told).dnstap == Dnstap(socket="/etc/tap.sock", identity="me", sample=9, only="failures")
    named = settings('{nsid: "off", dnstap: {socket: /tap}}').dns.dnstap
    assert named == Dnstap(socket="/tap", identity=socket.gethostname())


def test_cookies_off_and_shared(tmp_path: Path) -> None:
    """The secrets of the file reach the workers; they are in no representation."""
    assert not rules(settings("{cookies: off}")).cookies
    (tmp_path / "secrets").write_text("12" * 16)
    for name in ("eu1", "us1"):
        (tmp_path / f"{name}.yaml").write_text("")
    path = tmp_path / "fedns.yaml"
    path.write_text(f"{GOOD}\ndns: {{cookies: {{secretFile: secrets}}}}\n")
    shared = load(path, check_files=False)
    assert shared.dns.cookies.secret_file == str(tmp_path / "secrets")
    path.write_text(f"{GOOD}\ndns: {{cookies: {{secretFile: none}}}}\n")
    assert "dns.cookies.secretFile" in told(path)
    assert "12" not in repr(Cookies(secrets=(b"\x12" * 16,), secret_file="file"))


def test_tls_has_a_certificate(tmp_path: Path) -> None:
    """Relative paths start at the file; a pair that is of no use is told when fedns starts."""
    tls = settings("{tls: {certFile: a.crt, keyFile: /b.key}}").dns.tls
    assert tls == Tls(cert_file="/etc/a.crt", key_file="/b.key")
    certificate, key = write_pair(tmp_path, "one")
    path = tmp_path / "fedns.yaml"
    path.write_text(f"{GOOD}\ndns: {{tls: {{certFile: {certificate.name}, keyFile: {key.name}}}}}\n")
    assert "dns.tls.certFile" not in told(path)
    key.write_text("rubbish")
    assert "dns.tls.certFile" in told(path)


def test_quic_is_udp() -> None:
    """It may have the address of TLS, but not one of plain DNS."""
    quic = settings("{tls: {certFile: a, keyFile: b}, quic: {certFile: a, keyFile: /b}}").dns.quic
    assert quic == Quic(cert_file="/etc/a", key_file="/b")
    with pytest.raises(ConfigError, match=r"dns\.quic\.listen\[0\]: 0\.0\.0\.0:53 is taken already"):
        settings('{listen: ["0.0.0.0:53"], quic: {certFile: a, keyFile: b, listen: ["0.0.0.0:53"]}}')


def test_https_has_its_own_place() -> None:
    """A port, a path and processes of its own; relative paths start at the file."""
    https = settings("{https: {certFile: a.crt, keyFile: b.key, path: /ask, workers: 3}}").dns.https
    assert https == Https(cert_file="/etc/a.crt", key_file="/etc/b.key", path="/ask", workers=3)
    both = '{https: {certFile: a, keyFile: b, listen: ["0.0.0.0:853"]}, tls: {certFile: a, keyFile: b}}'
    with pytest.raises(ConfigError, match=r"dns\.https\.listen\[0\]: 0\.0\.0\.0:853 is taken already") as caught:
        settings(both.replace("tls: {", 'tls: {listen: ["0.0.0.0:853"], '))
    assert len(caught.value.problems) == 1


def told(path: Path) -> set[str]:
    """The paths of all problems of a file."""
    with pytest.raises(ConfigError) as caught:
        load(path)
    return {problem.path for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("dns", "path"),
    [
        ("{tls: {certFile: a}}", "dns.tls.keyFile"),
        ('{tls: {certFile: a, keyFile: b, listen: ["0.0.0.0:53"]}, listen: ["0.0.0.0:53"]}', "dns.tls.listen[0]"),
        ("{https: {certFile: a, keyFile: b, path: ask}}", "dns.https.path"),
        ("{https: {certFile: a, keyFile: b, workers: 0}}", "dns.https.workers"),
        ("{rateLimit: {responsesPerSecond: 0}}", "dns.rateLimit.responsesPerSecond"),
        ("{rateLimit: {slip: 11}}", "dns.rateLimit.slip"),
        ("{rateLimit: {ipv4Prefix: 33}}", "dns.rateLimit.ipv4Prefix"),
        ("{cookies: on}", "dns.cookies"),
    ],
)
def test_bad_values_are_told(dns: str, path: str) -> None:
    """Each at its own path."""
    with pytest.raises(ConfigError) as caught:
        settings(dns)
    assert [problem.path for problem in caught.value.problems] == [path]
