"""Real clients' own resolvers find what fedns says, directly and through a stub domain of CoreDNS.

They run in a network of their own, where fedns, or CoreDNS before it, answers on port 53 and /etc/resolv.conf has the
search path and the `ndots:5` of a pod.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import pytest

from tests.clients import realm
from tests.real.binaries import found

pytestmark = [pytest.mark.interop, pytest.mark.timeout(300)]

PROGRAMS: Final = Path(__file__).parent / "programs"
WHOLE: Final = {f"{name}.shop.{realm.ZONE}": set(addresses) for name, addresses in realm.SERVICES.items()}
SHORT: Final = {"web": WHOLE[f"web.shop.{realm.ZONE}"], "dual.shop": WHOLE[f"dual.shop.{realm.ZONE}"]}
ABSENT: Final = ("none", f"none.shop.{realm.ZONE}", f"web.none.{realm.ZONE}")


def needs(*tools: str) -> None:
    """Skip where one of these is not installed."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"no {', '.join(missing)} here")


class Namespace:
    """Runs commands beside what answers, and gives what they print."""

    def __init__(self, stdin: IO[str], stdout: IO[str]) -> None:
        self._stdin, self._stdout = stdin, stdout

    def run(self, *words: str) -> str:
        """The output of one command."""
        self._stdin.write(json.dumps(words) + "\n")
        self._stdin.flush()
        said: str = json.loads(self._stdout.readline())
        return said


@pytest.fixture(scope="module", params=["directly", "through CoreDNS"])
def namespace(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Namespace]:
    """A network with nothing but loopback, and mounts of its own; the test is skipped where that is not allowed."""
    needs("unshare", "ip", "mount")
    unshare = ["unshare", "--net", "--mount"]
    if os.geteuid() != 0 or subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespaces for this user")
    coredns: list[str] = []
    if request.param != "directly":
        folder = found(("coredns",))
        if folder is None:
            pytest.skip("no CoreDNS: `python -m tests.real.build` makes one")
        coredns = [str(folder / "coredns")]
    directory = tmp_path_factory.mktemp("clients")
    (directory / "resolv.conf").write_text(f"nameserver 127.0.0.1\nsearch {realm.SEARCH}\noptions ndots:5\n")
    words = [*unshare, sys.executable, "-m", "tests.clients.inside", str(directory), *coredns]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Namespace(process.stdin, process.stdout)
        process.stdin.close()


def glibc(_directory: Path) -> list[str]:
    """The getaddrinfo of this system's Python."""
    return [sys.executable, str(PROGRAMS / "look.py")]


def musl(directory: Path) -> list[str]:
    """The getaddrinfo of musl."""
    needs("musl-gcc")
    subprocess.run(["musl-gcc", "-static", "-o", str(directory / "look"), str(PROGRAMS / "look.c")], check=True)
    return [str(directory / "look")]


def golang(directory: Path) -> list[str]:
    """Go's own resolver."""
    needs("go")
    words = ["go", "build", "-o", str(directory / "look"), str(PROGRAMS / "look.go")]
    subprocess.run(words, check=True, env={**os.environ, "CGO_ENABLED": "0"}, cwd=directory)
    return [str(directory / "look")]


def java(directory: Path) -> list[str]:
    """Java's InetAddress."""
    needs("java", "javac")
    subprocess.run(["javac", "-d", str(directory), str(PROGRAMS / "Look.java")], check=True)
    return ["java", "-cp", str(directory), "Look"]


def node_lookup(_directory: Path) -> list[str]:
    """Node's dns.lookup."""
    needs("node")
    return ["node", str(PROGRAMS / "look.mjs"), "lookup"]


def node_resolve(_directory: Path) -> list[str]:
    """Node's dns.resolve4 and dns.resolve6, which are c-ares."""
    needs("node")
    return ["node", str(PROGRAMS / "look.mjs"), "resolve"]


@pytest.mark.parametrize(
    "client", [glibc, musl, golang, java, node_lookup, node_resolve], ids=lambda each: each.__name__
)
def test_clients_find_addresses(namespace: Namespace, client: object, tmp_path: Path) -> None:
    """Every address of small services in both families, some of a large one, and nothing where nothing is."""
    assert callable(client)
    expected = dict(WHOLE) if client is node_resolve else WHOLE | SHORT
    absent = ABSENT[1:] if client is node_resolve else ABSENT
    said = namespace.run(*client(tmp_path), *expected, *absent)
    told = {name: set(addresses) for name, *addresses in map(str.split, said.splitlines())}
    assert told.keys() == {*expected, *absent}, said
    for name, addresses in expected.items():
        found_ = {each.replace("fd00:0:0:0:0:0:0:", "fd00::") for each in told[name]}
        if name.startswith("large"):
            assert len(found_) > 20
            assert found_ <= addresses
        else:
            assert found_ == addresses, name
    assert all(told[name] == {"-"} for name in absent)


def test_nslookup_reads_srv(namespace: Namespace) -> None:
    """`nslookup -type=SRV` names each endpoint of a service, its port and its name, which it then finds."""
    needs("nslookup")
    said = namespace.run("nslookup", "-type=SRV", f"_http._tcp.web.shop.{realm.ZONE}")
    lines = re.findall(r"service = (\d+) (\d+) (\d+) (\S+)\.$", said, re.MULTILINE)
    assert sorted(lines) == sorted(
        ("0", "33", "80", f"{each.replace('.', '-')}.eu1.web.shop.{realm.ZONE}") for each in realm.SERVICES["web"]
    ), said
    for *_, target in lines:
        assert re.search(r"Address: 10\.1\.0\.\d$", namespace.run("nslookup", target), re.MULTILINE)
