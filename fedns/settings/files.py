"""The files that `dns` names: secrets of DNS cookies, certificate and key. What is wrong with one is a sentence."""

import re
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

MAX_SECRETS: Final = 8


def cookie_secrets(path: Path) -> tuple[bytes, ...]:
    """The secrets of a file, one of 32 hexadecimal digits a line; raises ValueError with a sentence."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="ascii").splitlines()]
    except (OSError, ValueError) as error:
        raise ValueError(f"the secrets in {path} cannot be read: {_reason(error)}") from error
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        raise ValueError(f"{path} holds no secret: write 32 hexadecimal digits, as `openssl rand -hex 16` prints them")
    if len(lines) > MAX_SECRETS:
        raise ValueError(f"{path} holds {len(lines)} secrets: keep the newest first, and one or two old ones")
    for at, line in enumerate(lines, 1):
        if not re.fullmatch("[0-9a-fA-F]{32}", line):
            raise ValueError(f"secret {at} in {path} is no line of 32 hexadecimal digits (openssl rand -hex 16)")
    return tuple(bytes.fromhex(line) for line in lines)


def server_context(cert_file: str, key_file: str, alpn: Sequence[str] = ("dot",)) -> ssl.SSLContext:
    """What a TLS server for DNS needs, TLS 1.2 or newer; raises ValueError with a sentence.

    `alpn` are the protocols that it speaks, the one that it likes best first.
    """
    for path in (cert_file, key_file):
        try:
            Path(path).read_bytes()
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {_reason(error)}") from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(list(alpn))
    try:
        context.load_cert_chain(cert_file, key_file, password=_no_password)
    except ssl.SSLError as error:
        if "MISMATCH" in str(error):
            raise ValueError(f"{key_file} is not the key of the certificate in {cert_file}") from error
        raise ValueError(f"{cert_file} and {key_file} are no PEM certificate with its key: {error.reason}") from error
    return context


def _no_password() -> str:
    """Nobody is there to ask."""
    raise ValueError("the private key is encrypted: give one without a password")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or "it is no plain text"
