"""`fedns zone print`: text that other servers' own checkers take without a word, and sentences for what is wrong."""

import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fedns.answers.rules import Rules, Zone
from fedns.answers.snapshot import Heading, pack
from fedns.answers.wire import Generation, Members, NewRules, Replace, ToWorker
from fedns.cli.main import fedns
from fedns.federation.locality import ClientRule
from tests.answers.federations import API, CLUSTERS, DB, IN_EU, ZONES, status

RULES = Rules(
    zones=(
        *ZONES,
        Zone(name="10.in-addr.arpa", kind="reverse"),
        Zone(name="myfed.svc.cluster.local", kind="old", federation="myfed"),
    ),
    clusters=CLUSTERS,
    local=IN_EU,
    clients=(ClientRule(cidrs=("10.2.0.0/16",), cluster="us1", zone="us-a"),),
    allow=("10.0.0.0/8",),
)
CHECKERS = {
    "named-checkzone": (["named-checkzone", "ZONE", "FILE"], "loaded serial 7\nOK\n"),
    "kzonecheck": (["kzonecheck", "-o", "ZONE", "FILE"], ""),
    "ldns-read-zone": (["ldns-read-zone", "-s", "FILE"], None),
}
"""How each is started, and all that it says about a good zone (None: it prints the zone)."""


def snapshot(path: Path, rules: Rules = RULES, *, read: tuple[str, ...] = ("eu1", "us1", "c1.fleet")) -> str:
    """A snapshot file with two services, in which these members have been read."""
    exports = [
        Replace(name, tuple(each for each in (*DB, *API) if each.cluster == name), first=True, last=True)
        for name in read
    ]
    told = Members(tuple(status(name) for name in read))
    messages: list[ToWorker] = [NewRules(rules), told, *exports, Generation("epoch", 1, 7)]
    path.write_bytes(b"".join(pack(Heading(version="1", at=0.0, now=1000.0), messages)))
    return str(path)


def run(*words: str) -> Result:
    """`fedns zone print` with these words."""
    return CliRunner().invoke(fedns, ["zone", "print", *words])


@pytest.fixture
def file(tmp_path: Path) -> str:
    """The snapshot of a good day."""
    return snapshot(tmp_path / "snapshot")


@pytest.mark.parametrize("zone", [zone.name for zone in RULES.zones])
@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize(
    "servers", [(), ("ns.dns.ZONE/192.0.2.1/2001:db8::1", "ns.example.net.")], ids=["bare", "served"]
)
def test_other_servers_take_it(file: str, tmp_path: Path, zone: str, checker: str, servers: tuple[str, ...]) -> None:
    """Each checker loads each zone without a warning."""
    command, said = CHECKERS[checker]
    if shutil.which(checker) is None:
        pytest.skip(f"no {checker} here")
    words = [word for server in servers for word in ("--nameserver", server.replace("ZONE", zone))]
    done = run("--snapshot", file, "--zone", zone, *words)
    assert done.exit_code == 0, done.output
    (tmp_path / "zone").write_text(done.stdout)
    line = [word.replace("ZONE", zone).replace("FILE", str(tmp_path / "zone")) for word in command]
    # Names outside the zone are not looked up: there may be no network.
    line[1:1] = ["-i", "local"] if checker == "named-checkzone" else []
    checked = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    if said is not None:
        assert checked.stdout.endswith(said)
        assert len(checked.stdout.splitlines()) == said.count("\n")


def test_it_is_for_a_place(file: str) -> None:
    """The place of fedns itself, one that is given, or that of a client; the first line says which."""
    strict = ("--snapshot", file, "--zone", "ClusterSet.local.")
    here, there, client = (
        run(*strict),
        run(*strict, "--location", "cluster=us1, zone=us-a"),
        run(*strict, "--from", "10.2.0.9"),
    )
    assert here.stdout.startswith("; as a client in cluster eu1, zone eu-a, region eu, ")
    assert "db.shop.svc\t5\tIN\tA\t10.1.0.1\n" in here.stdout
    assert there.stdout.startswith("; as a client in cluster us1, zone us-a, region us, ")
    assert "db.shop.svc\t5\tIN\tA\t10.2.0.1\n" in there.stdout
    assert client.stdout == there.stdout
    assert (here.exit_code, there.exit_code, client.exit_code, here.stderr) == (0, 0, 0, "")


def test_a_place_nowhere(file: str, tmp_path: Path) -> None:
    """Outside of everything is a place, too; and one zone needs no name."""
    one = snapshot(tmp_path / "one", Rules(zones=ZONES[:1], clusters=CLUSTERS))
    assert run("--snapshot", one).stdout.startswith(
        "; as a client in network default sees it\n$ORIGIN clusterset.local.\n"
    )
    assert run("--snapshot", file, "--zone", "clusterset.local", "--location", "region=asia").exit_code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "say which zone with --zone; it has clusterset.local, example.com, 10.in-addr.arpa, myfed.svc.clu"),
        (("--zone", "example.org"), "--zone example.org: no zone of this fedns; it has clusterset.local, "),
        (("--zone", "example.com", "--from", "10.1.1.1", "--location", "zone=a"), "give one of them"),
        (("--zone", "example.com", "--from", "eu1"), "'eu1' is not an IP address"),
        (("--zone", "example.com", "--location", "cluster"), "write KEY=VALUE,... with each of cluster, zone, "),
        (("--zone", "example.com", "--location", "place=a"), "write KEY=VALUE,... with each of cluster, zone, "),
        (("--zone", "example.com", "--location", "cluster=eu9"), "no such cluster; there are eu1, us1, c1.fleet"),
        (("--zone", "example.com", "--nameserver", "a..b"), "--nameserver a..b: a label of 0 bytes"),
        (("--zone", "example.com", "--nameserver", "a.b/1.2.3"), "'1.2.3' does not appear to be an IPv4 or IPv6"),
        (("--zone", "example.com", "--nameserver", "ns.Example.com"), "is inside the zone: give its addresses"),
        (("--zone", "example.com", "--nameserver", "ns.example.net/192.0.2.1"), "is outside the zone: leave out"),
        (
            ("--zone", "example.com", "--nameserver", "db.shop.myfed.svc.example.com/192.0.2.1"),
            "db.shop.myfed.svc.example.com: the zone has records at this name already",
        ),
    ],
)
def test_wrong_words(file: str, words: tuple[str, ...], sentence: str) -> None:
    """A sentence that says what to write; exit code 2, and no part of a zone."""
    done = run("--snapshot", file, *words)
    assert sentence in done.stderr
    assert (done.exit_code, done.stdout) == (2, "")


def test_who_may_not_ask_gets_no_zone(file: str) -> None:
    """A client that would be refused has no zone either."""
    done = run("--snapshot", file, "--zone", "example.com", "--from", "192.0.2.1")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "192.0.2.1 may not ask here" in done.stderr


def test_what_is_not_known_whole_is_not_told_whole(tmp_path: Path) -> None:
    """A member that was never read: a server with this text would deny names that fedns does not; --partial does it."""
    words = ("--snapshot", snapshot(tmp_path / "snapshot", read=("eu1",)), "--zone", "clusterset.local")
    done = run(*words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "us1, c1.fleet: not read yet" in done.stderr
    done = run(*words, "--partial")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "db.shop.svc\t5\tIN\tA\t10.1.0.1\n" in done.stdout
