"""Established TCP connections of a process tree: which there are, and how they are made half-open by nft."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Final

import pytest

QUIET_MS: Final = 700
"""A connection that sent nothing for so long carries no probe: those come twice a second."""
PATIENCE_SECONDS: Final = 20.0


def needed() -> None:
    """Skip the test where rules for packets cannot be made."""
    for tool in ("nft", "ss"):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool}, which half-open connections are made or found with")
    if subprocess.run(["nft", "list", "tables"], capture_output=True, check=False).returncode:
        pytest.skip("nft may not be used here: half-open connections need CAP_NET_ADMIN")


@asynccontextmanager
async def dropped(pid: int, port: int, *, quiet_only: bool) -> AsyncIterator[set[int]]:
    """Every packet of the connections that `pid` and its children have to `port` is lost, until the end.

    No RST and no FIN passes, and new connections work. With `quiet_only` those that spoke just now stay whole. Yields
    the local ports.
    """
    table = f"fedns_half_open_{os.getpid()}"
    mine = await _chosen(pid, port, quiet_only=quiet_only)
    ports = ",".join(map(str, mine))
    rules = f"""
        table inet {table} {{
            chain out {{
                type filter hook output priority 0;
                tcp sport {{ {ports} }} tcp dport {port} drop
                tcp sport {port} tcp dport {{ {ports} }} drop
            }}
        }}
    """
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
    try:
        yield mine
    finally:
        subprocess.run(["nft", "delete", "table", "inet", table], check=True)


async def _chosen(pid: int, port: int, *, quiet_only: bool) -> set[int]:
    """The connections to break, at a moment when all but one are quiet, or all that there are."""
    started = monotonic()
    while True:
        silent = established(pid, port)
        chosen = {local for local, quiet in silent.items() if quiet > QUIET_MS or not quiet_only}
        if len(chosen) == (len(silent) - 1 if quiet_only else len(silent)) and len(chosen) >= 3:
            return chosen
        assert monotonic() - started < PATIENCE_SECONDS, f"connections to {port}, ms since they spoke: {silent}"
        await asyncio.sleep(0.05)


def established(pid: int, port: int) -> dict[int, int]:
    """The connections that `pid` and its children have to `port`: local port -> ms since they last sent."""
    words = ["ss", "-Htinp", "state", "established", f"( dport = :{port} )"]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    family = _family(pid)
    found: dict[int, int] = {}
    for line in re.sub(r"\n\s+", " ", told).splitlines():
        owners = {int(number) for number in re.findall(r"pid=(\d+)", line)}
        local = re.search(r":(\d+)\s+\S+:\d+\s", line)
        if owners & family and local is not None:
            sent = re.search(r"\blastsnd:(\d+)", line)
            found[int(local.group(1))] = int(sent.group(1)) if sent else 0
    return found


def _family(pid: int) -> set[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {pid}.union(*map(_family, map(int, children)))
