"""An etcd of the lab's own: started, frozen for a copy of its files, put back to an older copy, compacted.

It knows processes and etcd's HTTP gateway, and nothing of Kubernetes.
"""

import asyncio
import shutil
import signal
from pathlib import Path
from typing import Final

import aiohttp

from fedns.lab.processes import die_with_parent, free_port

_READY_SECONDS: Final = 30.0


async def run(binary: Path, words: tuple[str, ...], log: Path) -> asyncio.subprocess.Process:
    """Start a binary that ends with the lab; what it says is appended to `log`."""
    with log.open("ab") as out:
        return await asyncio.create_subprocess_exec(
            binary, *words, stdout=out, stderr=out, start_new_session=True, preexec_fn=die_with_parent
        )


class Etcd:
    """One etcd of one node, whose files are in `directory`/etcd."""

    def __init__(self, binary: Path, directory: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._peer = f"http://127.0.0.1:{free_port()}"
        self._binary = binary
        self._files = directory / "etcd"
        self._log = directory / "etcd.log"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process that runs now."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it on its old addresses and its old data; clients of its own kind wait until it is ready."""
        words = (
            f"--data-dir={self._files}",
            f"--listen-client-urls={self.url}",
            f"--advertise-client-urls={self.url}",
            f"--listen-peer-urls={self._peer}",
            f"--initial-advertise-peer-urls={self._peer}",
            f"--initial-cluster=default={self._peer}",
            "--unsafe-no-fsync",
        )
        self._process = await run(self._binary, words, self._log)

    async def stop(self) -> None:
        """Kill it: without fsync the kernel still has every byte."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def copy(self, to: Path) -> None:
        """Copy its files while it is frozen: what a machine that lost its power would find."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.to_thread(shutil.copytree, self._files, to)
        finally:
            self._process.send_signal(signal.SIGCONT)

    async def restore(self, copy: Path) -> None:
        """Stop it, put an older copy of its files back, and start it: revisions go back with the data."""
        await self.stop()
        shutil.rmtree(self._files)
        await asyncio.to_thread(shutil.copytree, copy, self._files)
        await self.start()

    async def compact(self) -> int:
        """Forget every revision but the present one, which is returned."""
        async with (
            aiohttp.ClientSession(self.url, timeout=aiohttp.ClientTimeout(_READY_SECONDS)) as session,
            session.post("/v3/kv/range", json={"key": "AA=="}) as found,
        ):
            revision = int((await found.json())["header"]["revision"])
            async with session.post("/v3/kv/compaction", json={"revision": revision, "physical": True}) as done:
                if done.status != 200:
                    raise RuntimeError(f"etcd did not compact: {await done.text()}")
        return revision
