"""`fedns history` shows what the page of a running one says."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner

from fedns.cli.main import fedns
from tests.cli.pages import serving

EVENTS = [
    {"at": 1_800_000_000.0, "subject": "us1", "kind": "state", "text": "fresh -> suspect (quiet)"},
    {"at": 1_800_000_004.5, "subject": "", "kind": "isolated", "text": "cut off: nothing expires"},
]


class Page(BaseHTTPRequestHandler):
    """Two events, of which one is of a cluster."""

    def do_GET(self) -> None:
        """One request."""
        asked = parse_qs(urlsplit(self.path).query)
        assert asked["since"] == ["600.0"]
        subject = asked.get("subject", [None])[0]
        found = [each for each in EVENTS if subject in {None, each["subject"]}]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"events": found}).encode())


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a server with this page."""
    with serving(Page) as address:
        yield address


def run(*words: str, code: int = 0) -> str:
    """What the command prints."""
    result = CliRunner().invoke(fedns, ["history", *words])
    assert result.exit_code == code, result.output
    return result.output


def test_everything_or_one_subject(server: str) -> None:
    """A line for each event, or JSON; nothing is said to be nothing."""
    lines = run("--since", "10m", "--server", server).splitlines()
    assert [line.split(maxsplit=2)[1:] for line in lines] == [
        ["us1", "fresh -> suspect (quiet)"],
        ["fedns", "cut off: nothing expires"],
    ]
    assert "fresh -> suspect" in run("us1", "--since", "10m", "--server", server)
    assert json.loads(run("-o", "json", "--since", "10m", "--server", server)) == EVENTS
    assert "nothing has changed" in run("shop/web", "--since", "10m", "--server", server)


def test_wrong_words_are_a_sentence(server: str) -> None:
    """A length of time without a unit."""
    assert "is not a duration" in run("--since", "10", "--server", server, code=2)
