"""The certificate of DNS over TLS: read again when it changes, and kept when what comes is of no use."""

import logging
import shutil
from pathlib import Path

import pytest

from fedns.servers.tls import LOOK_SECONDS, Certificate
from tests.settings.certificates import write_pair


def test_it_is_read_again_when_its_files_change(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A new pair makes a new context; nothing else does, and nothing is looked at more often than each second."""
    caplog.set_level(logging.INFO)
    certificate, key = write_pair(tmp_path, "one")
    held = Certificate(str(certificate), str(key))
    held.look(0.0)
    first = held.context
    assert first is not None
    held.look(LOOK_SECONDS)
    assert held.context is first
    for new, old in zip(write_pair(tmp_path, "two"), (certificate, key), strict=True):
        shutil.move(new, old)
    held.look(LOOK_SECONDS * 1.5)
    assert held.context is first
    held.look(LOOK_SECONDS * 2)
    assert held.context is not first
    assert "was read again" in caplog.text


def test_a_bad_one_is_told_once_and_the_old_one_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The sentence names the file; when it is good again, it counts."""
    certificate, key = write_pair(tmp_path, "one")
    content = certificate.read_bytes()
    certificate.unlink()
    held = Certificate(str(certificate), str(key))
    for at in range(3):
        held.look(at * LOOK_SECONDS)
    assert [held.context] == [None]
    assert [record.message.partition(":")[0] for record in caplog.records] == ["DNS over TLS"]
    assert str(certificate) in caplog.text
    certificate.write_bytes(content)
    held.look(4 * LOOK_SECONDS)
    good = held.context
    assert good is not None
    certificate.write_text("rubbish")
    held.look(5 * LOOK_SECONDS)
    assert held.context is good
    assert "the last good one stays" in caplog.text
