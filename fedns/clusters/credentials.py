"""Turns files into credentials: where to ask, whom to believe, what to show; and says when a file was replaced.

What a kubeconfig may say stands in `kubeconfig`, what a program gives in `plugin`, when to look again in `renewal`.
"""

import os
import ssl
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

MAX_BYTES: Final = 1 << 20
"""The largest file that is read: a kubeconfig of a thousand clusters is smaller."""
SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where Kubernetes mounts the credentials of a pod."""

Stamp = tuple[int, int, int]
"""What tells that a file was replaced: inode, time and size."""


class CredentialsError(Exception):
    """Credentials that cannot be used; its text is one sentence."""


class Plugin(Struct, frozen=True, kw_only=True):
    """A program that gives credentials; `cluster` is what it is told of the cluster, None is nothing."""

    command: tuple[str, ...]
    version: str
    folder: str
    variables: tuple[tuple[str, str], ...] = ()
    cluster: Mapping[str, Any] | None = None
    hint: str = ""


class Credentials(Struct, frozen=True, kw_only=True):
    """What a request needs; "" is: the system's authorities, the server's own name, no proxy, nothing to show.

    `authorities` and `identity` (the client certificate with its key) are PEM, `authorization` is the whole header.
    What `plugin` gives comes on top.
    """

    server: str
    authorities: str = ""
    server_name: str = ""
    proxy: str = ""
    authorization: str = ""
    identity: str = ""
    plugin: Plugin | None = None

    def __repr__(self) -> str:
        """For whom, never what."""
        return f"Credentials({self.server!r})"


class Reading(Struct, frozen=True):
    """Credentials, and the files that they were read from, as those were then."""

    credentials: Credentials
    stamps: Mapping[str, Stamp]

    def current(self) -> bool:
        """Whether no file was replaced since; one that is gone for a moment is a change, too."""
        return all(_stamp_of(name) == stamp for name, stamp in self.stamps.items())


class Files:
    """Reads files, and remembers how they were; `folder` is where those that a kubeconfig names must lie."""

    def __init__(self, folder: Path | None = None) -> None:
        self.stamps: dict[str, Stamp] = {}
        self._folder = folder

    def named(self, name: str, at: str, instead: str) -> str:
        """The text of a file that a kubeconfig names; one that leads elsewhere, by links too, is refused.

        Mounted Secrets are links to a folder beside them: those stay inside.
        """
        if self._folder is None:
            raise CredentialsError(f"{at} names a file, and there is none beside it: use {instead}")
        path = self._folder / name
        inside = "\0" not in name and Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self._folder))
        if not inside:
            raise CredentialsError(f"{at} leads out of {self._folder}: put that file there, or use {instead}")
        return self.text(path, at)

    def text(self, path: Path, at: str) -> str:
        """The text of a file."""
        try:
            with open(path, "rb", opener=_at_once) as file:
                state = os.fstat(file.fileno())
                if not stat.S_ISREG(state.st_mode):
                    raise CredentialsError(f"{at}: {path} is no plain file")
                content = file.read(MAX_BYTES + 1)
            if len(content) > MAX_BYTES:
                raise CredentialsError(f"{at}: {path} is larger than {MAX_BYTES} bytes: no credentials are")
            text = content.decode("utf-8-sig")
        except OSError as fault:
            raise CredentialsError(f"{at}: cannot read {path}: {fault.strerror}") from fault
        except ValueError as fault:
            raise CredentialsError(f"{at}: {path} is not UTF-8 text") from fault
        if not text.strip():  # nothing would stand for the authorities of the system, or for nobody
            raise CredentialsError(f"{at}: {path} is empty")
        self.stamps[str(path)] = _stamp(state)
        return text


def bearer(token: str, at: str) -> str:
    """The header for a token; a newline at the end of its file is no part of it."""
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise CredentialsError(f"{at} is no token: it must be printable ASCII without spaces")
    return f"Bearer {token}"


def service_account() -> Reading:
    """The credentials of the pod that this runs in."""
    host, port = (os.environ.get(f"KUBERNETES_SERVICE_{name}", "") for name in ("HOST", "PORT"))
    if not host or not port:
        raise CredentialsError("inCluster: KUBERNETES_SERVICE_HOST is not set: this runs in no pod; use kubeconfig")
    files = Files()
    found = Credentials(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        authorization=bearer(files.text(SERVICE_ACCOUNT / "token", "inCluster: token"), "inCluster: token"),
        authorities=files.text(SERVICE_ACCOUNT / "ca.crt", "inCluster: CA"),
    )
    prove(found, "inCluster")
    return Reading(found, files.stamps)


def prove(credentials: Credentials, at: str) -> None:
    """Raise CredentialsError for certificates that TLS would not take: cut ones, or another's key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if credentials.authorities:
            context.load_verify_locations(cadata=credentials.authorities)
    except (ssl.SSLError, ValueError) as fault:
        raise CredentialsError(f"{at}: certificate-authority holds no certificates in PEM") from fault
    if "ENCRYPTED" in credentials.identity:  # TLS would ask the terminal for its password
        raise CredentialsError(f"{at}: client-key is encrypted: give it without a password")
    try:
        with identity_file(credentials) as name:
            if name:
                context.load_cert_chain(name)
    except (ssl.SSLError, ValueError) as fault:
        raise CredentialsError(f"{at}: client-certificate and client-key are no PEM, or no pair") from fault


def tls(credentials: Credentials) -> ssl.SSLContext:
    """What a connection to the server believes and shows."""
    context = ssl.create_default_context(cadata=credentials.authorities or None)
    with identity_file(credentials) as name:
        if name:
            context.load_cert_chain(name)
    return context


@contextmanager
def no_authorities() -> Iterator[None]:
    """Let OpenSSL find none of the system's authorities meanwhile; no other thread may look for them."""
    paths = ssl.get_default_verify_paths()
    names = (paths.openssl_cafile_env, paths.openssl_capath_env)
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, os.devnull))
    try:
        yield
    finally:
        for name, text in before.items():
            if text is None:
                del os.environ[name]
            else:
                os.environ[name] = text


@contextmanager
def identity_file(credentials: Credentials) -> Iterator[str | None]:
    """The client certificate and its key as a file, since TLS reads no other; in memory, so that no disk has it."""
    if not credentials.identity:
        yield None
        return
    handle = os.memfd_create("identity", os.MFD_CLOEXEC)
    try:
        with os.fdopen(handle, "wb", closefd=False) as file:
            file.write(credentials.identity.encode())
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)


def _at_once(path: str, flags: int) -> int:
    """Open a file, but wait for nobody at the other end of a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)


def _stamp(state: os.stat_result) -> Stamp:
    return state.st_ino, state.st_mtime_ns, state.st_size


def _stamp_of(name: str) -> Stamp:
    try:
        return _stamp(os.stat(name))  # noqa: PTH116 -- twice as cheap, and asked for often
    except OSError:
        return 0, 0, 0
