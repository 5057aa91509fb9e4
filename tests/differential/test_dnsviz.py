"""dnsviz probes a worker as resolvers do, EDNS in all its forms included, and has neither error nor warning to tell."""

import json
import shutil
import subprocess
from pathlib import Path
from time import monotonic
from typing import Any, Final

import pytest

from tests.clients import realm
from tests.differential.worker import worker

pytestmark = pytest.mark.interop

NAMES: Final = ("clusterset.local", f"web.shop.{realm.ZONE}", f"six.shop.{realm.ZONE}", f"none.shop.{realm.ZONE}")
SECONDS: Final = 50


def told(found: Any, kind: str) -> list[Any]:
    """All that stands under a key, wherever it is in a document."""
    if isinstance(found, list):
        return [each for inner in found for each in told(inner, kind)]
    if not isinstance(found, dict):
        return []
    inner = [each for value in found.values() for each in told(value, kind)]
    return inner + ([found[kind]] if kind in found else [])


def test_nothing_is_wrong(tmp_path: Path) -> None:
    """No error and no warning, over UDP and TCP, with cookies, unknown versions, options and flags of EDNS."""
    if shutil.which("dnsviz") is None:
        pytest.skip("no dnsviz here")
    probe, grok = tmp_path / "probe.json", tmp_path / "grok.json"
    with worker(tmp_path, realm.messages(monotonic())) as port:
        server = f"clusterset.local+:ns.dns.clusterset.local=127.0.0.1:{port}"
        words = ["dnsviz", "probe", "-d", "1", "-A", "-E", "-x", server, "-o", str(probe), *NAMES]
        asked = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert asked.returncode == 0, asked.stderr
    words = ["dnsviz", "grok", "-l", "info", "-r", str(probe), "-o", str(grok)]
    read = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert read.returncode == 0, read.stderr
    found = json.loads(grok.read_text())
    assert [each["status"] for each in found.values()] == ["NOERROR", "NOERROR", "NOERROR", "NXDOMAIN"]
    # It did ask so: another version of EDNS, a flag that nobody knows, and over TCP.
    options = told(json.loads(probe.read_text()), "options")
    assert {each["edns_version"] for each in options} == {0, 100}
    assert {each["tcp"] for each in options} == {False, True}
    assert 128 in {each["edns_flags"] for each in options}
    assert (told(found, "errors"), told(found, "warnings")) == ([], [])
