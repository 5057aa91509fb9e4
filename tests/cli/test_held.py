"""What commands read: a running fedns or a file becomes a replica, and whatever is wrong becomes a sentence."""

import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import click
import pytest

from fedns.answers.snapshot import Heading, pack
from fedns.answers.wire import Generation, Members, NewRules, Replace
from fedns.cli import held
from tests.answers.replicas import RULES, export, fresh
from tests.cli.pages import serving

WHOLE = b"".join(
    pack(
        Heading(version="1", at=0.0, now=1000.0),
        [
            NewRules(RULES),
            Members((fresh("eu1"), fresh("us1"))),
            Replace("eu1", (export("eu1", [b"\n\1\0\1"], "eu-a"),), first=True, last=True),
            Generation("epoch", 7),
        ],
    )
)


class Page(BaseHTTPRequestHandler):
    """Says the same to everybody."""

    def do_GET(self) -> None:
        """One request."""
        good = self.path == "/api/v1/snapshot"
        self.send_response(200 if good else 404)
        self.end_headers()
        self.wfile.write(WHOLE if good else b"no such page\n")


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a server with one snapshot."""
    with serving(Page) as address:
        yield address


def test_a_running_one_is_asked(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its snapshot becomes a replica, and no proxy is asked for it."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    found = held.replica(server + "/", None)
    assert found.loaded
    assert found.catalog.service(("shop", "web")) is not None


def test_a_file_is_read(tmp_path: Path) -> None:
    """A snapshot in a file does as well, and nobody is asked."""
    (tmp_path / "snapshot").write_bytes(WHOLE)
    assert held.replica("http://127.0.0.1:1", tmp_path / "snapshot").statuses.keys() == {"eu1", "us1"}


def test_what_is_wrong_is_told(server: str, tmp_path: Path) -> None:
    """With the place, and what to do."""
    (tmp_path / "cut").write_bytes(WHOLE[:-1])
    with pytest.raises(click.ClickException, match=r"cut: no snapshot that can be used: its sum does not fit"):
        held.replica("", tmp_path / "cut")
    with pytest.raises(click.ClickException, match=r"none: cannot be read: No such file"):
        held.replica("", tmp_path / "none")
    with pytest.raises(click.ClickException, match=r"Connection refused; is fedns running"):
        held.replica("http://127.0.0.1:1", None)
    with pytest.raises(click.ClickException, match=r"HTTP 404: no such page"):
        held.fetch(server, "/api/v1/nothing")
    with pytest.raises(click.UsageError, match=r"write a URL like http://"):
        held.fetch("localhost:8053", "/")


def test_the_options(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address comes from the command line, else from the environment, else it is the default one."""
    said: list[tuple[str, Path | None]] = []

    @click.command()
    @held.options
    def command(server: str, snapshot: Path | None) -> None:
        said.append((server, snapshot))

    monkeypatch.delenv(held.VARIABLE, raising=False)
    command.main(["--snapshot", "x"], standalone_mode=False)
    monkeypatch.setenv(held.VARIABLE, server)
    command.main([], standalone_mode=False)
    command.main(["--server", "http://other"], standalone_mode=False)
    assert said == [(held.SERVER, Path("x")), (server, None), ("http://other", None)]


@pytest.mark.parametrize("missing", [KeyError("uid"), OSError("no such account")])
def test_an_order_without_an_account(missing: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container the user may have a number alone: that is told."""
    sent: list[Any] = []

    def nobody() -> str:
        raise missing

    def kept(*words: Any) -> bytes:
        sent.extend(words)
        return b""

    monkeypatch.setattr("getpass.getuser", nobody)
    monkeypatch.setattr(held, "fetch", kept)
    held.order("", "/api/v1/drains", "POST", {"target": "eu1"})
    assert sent[-1] == {"target": "eu1", "by": f"user {os.getuid()}"}
