"""One real worker process, told by this one what it serves: nothing else of fedns runs."""

import os
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from time import monotonic, sleep
from typing import Final

from fedns.answers import counters
from fedns.answers.wire import ToWorker, frame
from fedns.listening import open_sockets
from fedns.settings.child import Child, map_block
from fedns.settings.schema import Address
from fedns.settings.starting import start

START_SECONDS: Final = 60.0
END_SECONDS: Final = 20.0


@contextmanager
def worker(
    directory: Path, messages: Iterable[ToWorker], *, port: int = 0, later: SimpleQueue[ToWorker] | None = None
) -> Iterator[int]:
    """The port on 127.0.0.1 where a worker answers from what these messages say, over UDP and TCP.

    What is put into `later` is told as it comes.
    """
    said = b"".join(map(frame, messages))
    path = directory / "feed"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        feed = threading.Thread(target=_tell, args=(listener, said, later), daemon=True)
        feed.start()
        opened = {each.type: each for each in open_sockets((Address("127.0.0.1", port),))}
        udp, tcp = opened[socket.SOCK_DGRAM], opened[socket.SOCK_STREAM]
        slots = tuple(os.memfd_create(f"differential {at}") for at in range(2))
        for each in slots:
            os.ftruncate(each, counters.BYTES)
        lifeline = os.pipe()
        child = Child(
            config="",
            overrides={},
            slot=1,
            slots=slots,
            listener=listener.fileno(),
            path=str(path),
            udp=(udp.fileno(),),
            tcp=(tcp.fileno(),),
            lifeline=lifeline[0],
            workers=1,
        )
        newcomer = start("fedns.servers.worker")
        child.tell(newcomer.connection)
        process = newcomer.process
        try:
            loaded, started = map_block(slots[1]), monotonic()
            while not loaded[counters.LOADED]:
                assert process.poll() is None, "the worker ended"
                assert monotonic() - started < START_SECONDS
                sleep(0.05)
            yield udp.getsockname()[1]
        finally:
            process.terminate()
            process.wait(END_SECONDS)
            for each in (*lifeline, *slots):
                os.close(each)
            udp.close()
            tcp.close()


def _tell(listener: socket.socket, said: bytes, later: SimpleQueue[ToWorker] | None) -> None:
    """Say everything to whoever comes first, and what comes later, and listen until it hangs up."""
    connection, _ = listener.accept()
    with connection, suppress(OSError):
        connection.sendall(said)
        while later is not None:
            connection.sendall(frame(later.get()))
        while connection.recv(4096):
            pass
