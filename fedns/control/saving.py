"""All that the control process holds, as the bytes of a snapshot.

It knows nothing of files and of HTTP: pieces of bytes come out, as of one moment.
"""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic, time

from msgspec import structs

from fedns import __version__
from fedns.answers.snapshot import Heading, pack
from fedns.answers.wire import Generation, Members, NewRules, Nodes, ToWorker, Types, types_of
from fedns.control.outbox import in_chunks
from fedns.control.publish import Publisher
from fedns.control.truth import Truth


class Saving:
    """Makes snapshots of the truth as it is published."""

    def __init__(self, truth: Truth, publisher: Publisher) -> None:
        self._truth = truth
        self._publisher = publisher

    def pieces(self) -> Iterator[bytes]:
        """The bytes of a snapshot; whatever changes while they are taken, they are of the moment of this call."""
        truth, publisher = self._truth, self._publisher
        begin: tuple[ToWorker, ...] = (
            NewRules(structs.replace(truth.rules, cookie_secrets=())),  # no secret belongs into a file
            Members(tuple(truth.statuses.values())),
            *((Nodes(tuple(truth.nodes.values()), whole=True),) if truth.nodes else ()),
        )
        held = [(cluster, truth.catalog.exports_of(cluster)) for cluster in sorted(truth.read | truth.restored)]
        types = Types(types_of(truth.catalog))
        end = Generation(publisher.epoch, publisher.generation, publisher.serial)

        def messages() -> Iterator[ToWorker]:
            yield from begin
            for cluster, exports in held:
                yield from in_chunks(cluster, exports)
            yield types
            yield end

        return pack(Heading(version=__version__, at=time(), now=monotonic(), boot=boot()), messages())


def boot() -> str:
    """Which run of this machine's kernel this is; empty where it does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
