"""BIND, Knot and NSD serve what `fedns zone print` wrote, and answer as fedns does, but for reasons that are listed.

FEDNS_DIFFERENTIAL is the number of questions that fedns and each server are asked.
"""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from time import monotonic
from typing import Final

import pytest
from msgspec import Struct

from fedns.answers.snapshot import Heading, pack
from tests.differential import differences, realm
from tests.differential.messages import NOERROR, NXDOMAIN, Form, ask, ask_stream, form
from tests.differential.questions import Zone, questions, read
from tests.differential.servers import SERVERS, server
from tests.differential.worker import worker

pytestmark = [pytest.mark.interop, pytest.mark.timeout(600)]

QUESTIONS: Final = int(os.environ.get("FEDNS_DIFFERENTIAL", "26000"))
"""fedns has hardly ever heard one of them before, so this many take seconds; 100,000 take a minute."""
PRINT_SECONDS: Final = 300.0
GROUNDS: Final = {"many services": (2_100, realm.ZONES[:1]), "every zone": (250, realm.ZONES[1:])}
"""Services, and the zones that are compared: the federation zone has a dozen names where the clusterset has one."""
LARGE: Final = b"large"


class Ground(Struct, frozen=True):
    """The text of some zones, questions about them, and what fedns answers; `streamed` are those over TCP."""

    files: dict[str, Path]
    asked: list[bytes]
    ours: list[Form]
    streamed: list[bytes]
    ours_streamed: list[Form]


@pytest.fixture(scope="module", params=list(GROUNDS.values()), ids=list(GROUNDS))
def ground(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A worker of fedns is told of many services, and its zones are printed from a snapshot of the same."""
    services, zones = request.param
    directory = tmp_path_factory.mktemp("differential")
    now = monotonic()
    told = list(realm.messages(services, now))
    (directory / "snapshot").write_bytes(b"".join(pack(Heading(version="1", at=0.0, now=now), told)))
    files = _print(directory, [zone.name for zone in zones])
    texts = {name: read(path.read_text()) for name, path in files.items()}
    asked = list(chain.from_iterable(_questions(each, len(texts)) for each in texts.values()))
    # What is too large for UDP, fedns tells in parts and others not at all: here it is asked over TCP.
    large = (Zone(each.origin, tuple(name for name in each.names if LARGE in name)) for each in texts.values())
    streamed = [query for each in large if each.names for query in questions(each, len(each.names) + 100, seed=2)]
    with worker(directory, told) as port:
        ours = list(map(form, asked, ask(port, asked)))
        yield Ground(files, asked, ours, streamed, list(map(form, streamed, ask_stream(port, streamed))))


def _print(directory: Path, zones: list[str]) -> dict[str, Path]:
    """The text of each zone, as the command writes it."""
    files = {zone: directory / f"{zone}.zone" for zone in zones}
    running = []
    for zone, path in files.items():
        words = ("zone", "print", "--snapshot", str(directory / "snapshot"), "--zone", zone)
        with path.open("wb") as out:
            running.append(subprocess.Popen([sys.executable, "-m", "fedns", *words], stdout=out))
    assert [each.wait(PRINT_SECONDS) for each in running] == [0] * len(zones)
    return files


def _questions(zone: Zone, zones: int) -> Iterator[bytes]:
    return questions(zone, QUESTIONS // len(GROUNDS) // zones, seed=1, without=[LARGE])


def test_the_questions_say_something(ground: Ground) -> None:
    """They bring answers of every kind: positive, empty, none such, refused; and every type with records."""
    kinds = Counter((each.rcode, bool(each.answer)) for each in ground.ours)
    fewest = len(ground.asked) // 100
    assert all(kinds[kind] > fewest for kind in ((NOERROR, True), (NOERROR, False), (NXDOMAIN, False)))
    assert kinds[differences.REFUSED, False]


def _short(one: Form, other: Form) -> str:
    """What one says, and of its records those that the other has not."""
    sections = (
        (set(one.answer - other.answer), len(one.answer)),
        (set(one.authority - other.authority), len(one.authority)),
    )
    told = ", ".join(f"{number} records, of them {sorted(own)[:2]} alone" for own, number in sections)
    return f"rcode {one.rcode} flags {one.flags:04x} edns {one.edns}: {told}"


@pytest.mark.parametrize("kind", SERVERS)
def test_servers_agree(ground: Ground, kind: str, tmp_path: Path) -> None:
    """Rcode, flags, answer, authority and EDNS are the same, or the difference is listed; UDP, and large over TCP."""
    unexplained: list[str] = []
    with server(kind, tmp_path / kind, ground.files) as port:
        replies = chain(ask(port, ground.asked), ask_stream(port, ground.streamed))
        asked, ours = chain(ground.asked, ground.streamed), chain(ground.ours, ground.ours_streamed)
        for query, own, reply in zip(asked, ours, replies, strict=True):
            other = form(query, reply)
            if own != other and not differences.reason(differences.Pair(*differences.read(query), own, other)):
                unexplained.append(
                    f"{differences.read(query)}: fedns {_short(own, other)}, {kind} {_short(other, own)}"
                )
    assert not unexplained, f"{len(unexplained)} differences: " + "\n".join(unexplained[:5])
