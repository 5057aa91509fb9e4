"""Shares over real UDP from a real fedns: exact over a turn of one worker's ring, as decided over many answers of four.

FEDNS_SHARES is the number of answers for each table: 100000 shows in minutes what the small default number hints at.
"""

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import Any, Final

import pytest

from fedns.answers.records import name as wire_name
from fedns.cli.held import fetch
from fedns.lab.simulator import Deployment
from fedns.lab.world import World
from tests.lab.worlds import running, until

ANSWERS: Final = int(os.environ.get("FEDNS_SHARES", "2000"))
AT_ONCE: Final = 32
"""Questions under way: fewer than the smallest receive buffer takes."""
PATIENCE: Final = 20.0
CHI_SQUARE: Final = {1: 10.83, 2: 13.82}
"""What a fair draw exceeds once in a thousand times, by degrees of freedom; rings draw better than chance."""
MEMBERS: Final = ("eu1", "eu2", "us1")
CALM: Final = {"suspectAfter": "5m", "staleAfter": "10m", "expireAfter": "20m"}
"""A member that turns suspect, as on a busy machine, would have every ring begin anew."""
SPILL: Final = {"ladder": ["cluster", "jurisdiction", "any"], "minReady": 5}
"""For clients in eu1, where all ask from: eu1, eu2, us1 have a rung each."""
TABLES: Final[dict[str, tuple[dict[str, Any], tuple[int, int, int], tuple[str, str, str]]]] = {
    "weights-35-50-15": (
        {"ladder": ["any"], "weights": {"eu1": 35, "eu2": 50, "us1": 15}},
        (1, 3, 2),
        ("7/20", "1/2", "3/20"),
    ),
    "weights-1-0-0": ({"ladder": ["any"], "weights": {"eu1": 1, "eu2": 0, "us1": 0}}, (1, 3, 2), ("1", "0", "0")),
    "spill-2-1-10": (SPILL, (2, 1, 10), ("2/5", "1/5", "2/5")),
    "spill-1-1-1": (SPILL, (1, 1, 1), ("1/3", "1/3", "1/3")),
    "spill-2-5-10": (SPILL, (2, 5, 10), ("2/5", "3/5", "0")),
    "spill-5-5-5": (SPILL, (5, 5, 5), ("1", "0", "0")),
    "spill-0-0-1": (SPILL, (0, 0, 1), ("0", "0", "1")),
}
"""By service: its policy, its ready pods in each member, the share of each."""


def objects(table: int, member: int, name: str, pods: int) -> list[dict[str, Any]]:
    """A headless service of one member; the second octet of its addresses tells the member."""
    made = Deployment(
        namespace="fair",
        name=name,
        zones={"a": 0},
        headless=True,
        pod_range=f"10.{200 + member}.{table << 4}.0/20",
    )
    made.scale("a", pods)
    return made.objects()


def asked(port: int, name: str, count: int) -> Iterator[str]:
    """The members of each answer, in the order in which answers come; a lost one is an error."""
    question = wire_name(f"{name}.fair.myfed.svc.example.com") + b"\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.connect(("127.0.0.1", port))
        told: dict[bytes, str] = {}
        for first in range(0, count, AT_ONCE):
            under_way = min(AT_ONCE, count - first)
            for at in range(under_way):
                client.send(at.to_bytes(2) + b"\1\0\0\1\0\0\0\0\0\0" + question)
            for _ in range(under_way):
                reply = client.recv(512)[2:]
                if reply not in told:
                    told[reply] = "+".join(sorted(set(members(reply, 10 + len(question)))))
                yield told[reply]


def members(reply: bytes, start: int) -> Iterator[str]:
    """The members of the addresses of a reply without its id: records of 16 bytes behind the question."""
    for at in range(int.from_bytes(reply[4:6])):
        yield MEMBERS[reply[start + 16 * at + 13] - 200]


async def caught_up(world: World, workers: int) -> bool:
    """Whether every worker knows all that the control process knows."""
    text = await asyncio.to_thread(fetch, f"http://127.0.0.1:{world.http_port}", "/metrics")
    wanted = {"publish_lag_generations": 0, "publish_pending": 0, "workers_connected": workers}
    return all(f"fedns_{name} {value}.0\n".encode() in text for name, value in wanted.items())


def check(answers: Sequence[str], shares: dict[str, Fraction]) -> None:
    """Nobody else answers, and the shares are as decided, by chi-square."""
    counts = Counter(answers)
    assert counts.keys() == shares.keys()
    expected = {name: float(share * len(answers)) for name, share in shares.items()}
    distance = sum((counts[name] - expected[name]) ** 2 / expected[name] for name in shares)
    assert distance < CHI_SQUARE.get(len(shares) - 1, 1e-9), counts


@pytest.mark.timeout(120 + ANSWERS // 200)
@pytest.mark.parametrize("workers", [1, 4])
async def test_shares_over_udp(workers: int, tmp_path: Path) -> None:
    """Every table: exact over each turn of one worker's ring, chi-square for any number of workers; one group each."""
    policies = [{"match": {"namespaces": ["fair"], "services": [name]}, **table[0]} for name, table in TABLES.items()]
    settings = {"policies": policies, "freshness": CALM}
    async with running(tmp_path, workers=workers, embedded=True, settings=settings) as world:
        for table, (name, (_, ready, _)) in enumerate(TABLES.items()):
            for member, pods in enumerate(ready):
                await world.clusters[MEMBERS[member]].put(objects(table, member, name, pods))

        async def right(name: str, shares: dict[str, Fraction]) -> bool:
            """Whether all members of the table have been heard of: of those that answer, each in some answer."""
            turn = 4 * workers * lcm(*(share.denominator for share in shares.values()))
            return set(asked(world.port, name, turn)) == shares.keys()

        decided = {
            name: {member: Fraction(text) for member, text in zip(MEMBERS, texts, strict=True) if Fraction(text)}
            for name, (_, _, texts) in TABLES.items()
        }
        for name, shares in decided.items():
            await until(lambda name=name, shares=shares: right(name, shares), PATIENCE)
        await until(lambda: caught_up(world, workers), PATIENCE)
        for name, shares in decided.items():
            answers = list(asked(world.port, name, ANSWERS))
            check(answers, shares)
            if workers == 1:
                slots = lcm(*(share.denominator for share in shares.values()))
                turns = (Counter(answers[at : at + slots]) for at in range(0, len(answers) - slots, slots))
                assert all(each == {name: share * slots for name, share in shares.items()} for each in turns)
