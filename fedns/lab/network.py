"""Cuts in the network of this machine: packets to and from TCP ports of loopback are lost, all or some, by nft.

Nobody is told: no RST and no FIN passes, neither on connections that are there nor on new ones.
"""

import asyncio
import os
import shutil
from itertools import count
from typing import Final

_TABLES: Final = count(1)
WHOLE: Final = 100


class Cuts:
    """One table of rules; `close` takes them away."""

    def __init__(self) -> None:
        self._table = f"inet fedns_lab_{os.getpid()}_{next(_TABLES)}"
        self._lost: dict[int, int] = {}
        self._lock = asyncio.Lock()

    async def cut(self, port: int, percent: int = WHOLE) -> None:
        """Lose all packets of a port, or so many of every hundred that go to it."""
        async with self._lock:
            await self._load({**self._lost, port: percent})

    async def mend(self, port: int) -> None:
        """Lose none any more."""
        async with self._lock:
            await self._load({each: percent for each, percent in self._lost.items() if each != port})

    async def close(self) -> None:
        """Mend everything."""
        async with self._lock:
            if self._lost:
                await self._load({})

    async def _load(self, lost: dict[int, int]) -> None:
        """Replace the table by one for these ports, at once and whole; one after the other."""
        rules = [f"add table {self._table}", f"delete table {self._table}"]
        if lost:
            chain = "\n".join(line for port, percent in lost.items() for line in _lines(port, percent))
            rules.append(f"table {self._table} {{ chain out {{ type filter hook output priority 0;\n{chain}\n}}\n}}")
        await _nft("\n".join(rules))
        self._lost = lost


def _lines(port: int, percent: int) -> list[str]:
    if percent == WHOLE:
        return [f"tcp dport {port} drop", f"tcp sport {port} drop"]
    return [f"tcp dport {port} numgen random mod {WHOLE} < {percent} drop"]


async def possible() -> bool:
    """Whether rules can be made here: that takes nft and CAP_NET_ADMIN."""
    if shutil.which("nft") is None:
        return False
    try:
        await _nft("list tables")
    except RuntimeError:
        return False
    return True


async def _nft(rules: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *("nft", "-f", "-"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, fault = await process.communicate(rules.encode())
    if process.returncode:
        raise RuntimeError(f"nft: {fault.decode().strip()}")
