"""A certificate, read again when its files change; what is open goes on with the old one."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fedns.settings.files import server_context

if TYPE_CHECKING:
    import ssl

LOOK_SECONDS: Final = 1.0

log = logging.getLogger(__name__)

Stamp = tuple[int, int, int]


class Certificate:
    """A certificate with its key: `context` is for new connections, None while there is none that can be used.

    `alpn` are the protocols of its server, which `what` names in words for the log.
    """

    def __init__(
        self, cert_file: str, key_file: str, alpn: Sequence[str] = ("dot",), what: str = "DNS over TLS"
    ) -> None:
        self.context: ssl.SSLContext | None = None
        self.files = (cert_file, key_file)
        self._alpn = alpn
        self._what = what
        self._seen: tuple[Stamp | None, ...] | None = None
        self._again = 0.0

    def look(self, now: float) -> None:
        """Read the files again if they have changed; bad ones are told once, and the last good ones stay."""
        if now < self._again:
            return
        self._again = now + LOOK_SECONDS
        stamps = tuple(_stamp(Path(each)) for each in self.files)
        if stamps == self._seen:
            return
        first, self._seen = self._seen is None, stamps
        try:
            self.context = server_context(*self.files, self._alpn)
        except ValueError as error:
            kept = "the last good one stays in use" if self.context else f"there is no {self._what} until it is good"
            log.error("%s: %s; %s", self._what, error, kept)  # noqa: TRY400 -- a sentence for the operator
            return
        if not first:
            log.info("%s: the certificate in %s was read again", self._what, self.files[0])


def _stamp(path: Path) -> Stamp | None:
    """What changes when a file is replaced or written; links are followed, as mounted Secrets need it."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
