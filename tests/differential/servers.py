"""BIND, Knot and NSD from Debian's packages, each serving the same zone files on 127.0.0.1 and a port of its own."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Final

import dns.exception
import dns.message
import dns.query
import pytest

from fedns.lab.processes import free_port

START_SECONDS: Final = 60.0
END_SECONDS: Final = 20.0
BIND: Final = """
options {{
  directory "{directory}"; pid-file none; session-keyfile none; listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }}; recursion no; minimal-responses yes; max-records-per-type 0; dnssec-validation no;
  notify no; max-udp-size 1232; edns-udp-size 1232; empty-zones-enable no; allow-query {{ any; }};
  zone-statistics none; zero-no-soa-ttl no;
}};
controls {{ }};
"""
KNOT: Final = """
server:
  rundir: "{directory}"
  listen: 127.0.0.1@{port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  udp-max-payload: 1232
database:
  storage: "{directory}"
control:
  listen: "{directory}/knot.sock"
template:
  - id: default
    zonefile-sync: -1
    journal-content: none
zone:
"""
NSD: Final = """
server:
  server-count: 1
  ip-address: 127.0.0.1@{port}
  username: ""
  chroot: ""
  zonesdir: "{directory}"
  database: ""
  pidfile: "{directory}/nsd.pid"
  xfrdfile: "{directory}/xfrd.state"
  zonelistfile: "{directory}/zone.list"
  xfrdir: "{directory}"
  logfile: "{directory}/nsd.log"
  minimal-responses: yes
  ipv4-edns-size: 1232
  rrl-ratelimit: 0
remote-control:
  control-enable: no
"""
"""minimal-responses: the name servers in positive answers and further additional records are free (RFC 1034 4.3.2)."""


def bind(directory: Path, port: int, files: Mapping[str, Path]) -> list[str]:
    """The command of BIND."""
    zones = (f'zone "{zone}" {{ type primary; file "{path}"; }};\n' for zone, path in files.items())
    return _named(
        directory, BIND.format(directory=directory, port=port) + "".join(zones), "named", "-g", "-n", "1", "-c"
    )


def knot(directory: Path, port: int, files: Mapping[str, Path]) -> list[str]:
    """The command of Knot."""
    zones = (f'  - domain: {zone}\n    file: "{path}"\n' for zone, path in files.items())
    return _named(directory, KNOT.format(directory=directory, port=port) + "".join(zones), "knotd", "-c")


def nsd(directory: Path, port: int, files: Mapping[str, Path]) -> list[str]:
    """The command of NSD."""
    zones = (f'zone:\n  name: "{zone}"\n  zonefile: "{path}"\n' for zone, path in files.items())
    return _named(directory, NSD.format(directory=directory, port=port) + "".join(zones), "nsd", "-d", "-c")


SERVERS: Final = {"bind": bind, "knot": knot, "nsd": nsd}
PROGRAMS: Final = {"bind": "named", "knot": "knotd", "nsd": "nsd"}


@contextmanager
def server(kind: str, directory: Path, files: Mapping[str, Path]) -> Iterator[int]:
    """The port where this server answers for all zones; the test is skipped where it is not installed."""
    program = shutil.which(PROGRAMS[kind], path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip(f"no {PROGRAMS[kind]} here")
    directory.mkdir()
    port = free_port()
    words = SERVERS[kind](directory, port, files)
    log = directory / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([program, *words[1:]], cwd=directory, stdout=out, stderr=out)
    try:
        started = monotonic()
        while not all(_answers(port, zone) for zone in files):
            assert process.poll() is None, log.read_text()
            assert monotonic() - started < START_SECONDS, log.read_text()
            sleep(0.1)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(port: int, zone: str) -> bool:
    """Whether the zone is loaded."""
    try:
        reply = dns.query.udp(dns.message.make_query(zone, "SOA"), "127.0.0.1", 1.0, port)
    except (dns.exception.DNSException, OSError):
        return False
    return bool(reply.answer)


def _named(directory: Path, configuration: str, *words: str) -> list[str]:
    """A command whose last word is its configuration file."""
    path = directory / "server.conf"
    path.write_text(configuration)
    return [*words, str(path)]
