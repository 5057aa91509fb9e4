"""Network: a cut loses every packet without a word, a bad line some; mended, all is as it was."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fedns.lab import network
from fedns.lab.network import Cuts

SILENT_SECONDS = 0.3


@pytest.fixture
async def cuts() -> AsyncIterator[Cuts]:
    """Mended in the end."""
    if not await network.possible():
        pytest.skip("nft may not be used here: cuts need CAP_NET_ADMIN")
    made = Cuts()
    yield made
    await made.close()
    assert made._table.partition(" ")[2] not in tables()


def tables() -> str:
    """What nft has."""
    return subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A server that says all twice."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(line * 2)
        finally:
            writer.transport.abort()  # what was cut off would never be sent

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        found: int = server.sockets[0].getsockname()[1]
        yield found


async def heard(reader: asyncio.StreamReader) -> bytes:
    """One line, nothing when none comes."""
    with contextlib.suppress(TimeoutError):
        return await asyncio.wait_for(reader.readline(), SILENT_SECONDS)
    return b""


async def test_a_cut_is_silent_and_can_be_mended(cuts: Cuts, port: int) -> None:
    """On a connection that is there nothing comes, a new one does not come about, and no other port is touched."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await cuts.cut(port)
    await cuts.cut(port + 1, 30)
    writer.write(b"one\n")
    assert await heard(reader) == b""
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), SILENT_SECONDS)
    await cuts.mend(port)
    assert await asyncio.wait_for(reader.readline(), 30) == b"one\n"
    writer.transport.abort()


async def test_many_are_cut_and_mended_at_once(cuts: Cuts) -> None:
    """None of them is forgotten."""
    await asyncio.gather(*(cuts.cut(port) for port in (11, 12, 13)))
    assert sorted(cuts._lost) == [11, 12, 13]
    await asyncio.gather(*(cuts.mend(port) for port in (11, 12)))
    assert cuts._lost == {13: 100}


async def test_a_bad_line_loses_some(cuts: Cuts, port: int) -> None:
    """The rule counts what it lost; what was lost comes in the end, for TCP says it again."""
    await cuts.cut(port, 30)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(20):
        writer.write(b"one\n")
        assert await asyncio.wait_for(reader.readline(), 30) == b"one\n"
        assert await asyncio.wait_for(reader.readline(), 30) == b"one\n"
    shown = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True).stdout
    assert f"tcp dport {port} numgen random mod 100 < 30 drop" in shown
    writer.transport.abort()


async def test_without_nft_there_are_no_cuts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nor where it may not be used; what is asked for all the same is told in its words."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not await network.possible()
    false = tmp_path / "nft"
    false.write_text("#!/bin/sh\necho 'Operation not permitted' >&2\nexit 1\n")
    false.chmod(0o755)
    assert not await network.possible()
    with pytest.raises(RuntimeError, match="nft: Operation not permitted"):
        await Cuts().cut(1)
