"""Files that `dns` names: what they hold, and a sentence for each way in which one can be of no use."""

import ssl
from pathlib import Path

import pytest

from fedns.settings.files import cookie_secrets, server_context
from tests.settings.certificates import write_pair


@pytest.mark.parametrize(
    ("content", "secrets"),
    [("00" * 16, [bytes(16)]), ("# new\n" + "Ff" * 16 + "\n\n" + "00" * 16 + "\n", [b"\xff" * 16, bytes(16)])],
    ids=["one", "two and a comment"],
)
def test_secrets_are_read(tmp_path: Path, content: str, secrets: list[bytes]) -> None:
    """One of 32 digits a line, the newest first."""
    (tmp_path / "file").write_text(content)
    assert cookie_secrets(tmp_path / "file") == tuple(secrets)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"\xff", "no plain text"),
        (b"#\n", "holds no secret"),
        (b"00" * 15, "secret 1 in"),
        (b"00" * 16 + b"\nx", "secret 2 in"),
        ((b"00" * 16 + b"\n") * 9, "holds 9 secrets"),
    ],
)
def test_bad_secrets_get_a_sentence(tmp_path: Path, content: bytes | None, words: str) -> None:
    """It names the file and the cure, and quotes nothing."""
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match=words):
        cookie_secrets(tmp_path / "file")


def test_a_good_pair_makes_a_context(tmp_path: Path) -> None:
    """TLS 1.2 at least."""
    certificate, key = write_pair(tmp_path, "one")
    assert server_context(str(certificate), str(key)).minimum_version == ssl.TLSVersion.TLSv1_2


def test_bad_pairs_get_a_sentence(tmp_path: Path) -> None:
    """A missing file, one that is no PEM, a key of another certificate, a key with a password."""
    certificate, key = write_pair(tmp_path, "one")
    _, other = write_pair(tmp_path, "two")
    _, locked = write_pair(tmp_path, "locked", password=b"secret")
    (tmp_path / "text").write_text("text")
    for cert_file, key_file, words in (
        (tmp_path / "none", key, "cannot be read"),
        (tmp_path / "text", key, "no PEM certificate"),
        (certificate, tmp_path / "text", "no PEM certificate"),
        (certificate, other, "not the key of"),
        (certificate, locked, "encrypted"),
    ):
        with pytest.raises(ValueError, match=words):
            server_context(str(cert_file), str(key_file))
