"""`fedns compare` against two servers with snapshots: alike, or with differences that are named."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler

import pytest
from click.testing import CliRunner, Result
from msgspec import structs

from fedns.answers.snapshot import Heading, pack
from fedns.answers.wire import Generation, Members, NewRules, Replace, ToWorker
from fedns.cli.compare import compare
from fedns.federation.drains import drain
from tests.answers.replicas import RULES, export, fresh
from tests.cli.pages import serving

Server = Callable[..., str]


def content(address: bytes = b"\n\1\0\1", drained: str = "", age: float = 0.0) -> bytes:
    """A snapshot with a service of one endpoint."""
    rules = structs.replace(RULES, drains=(drain(drained),) if drained else ())
    messages: list[ToWorker] = [
        NewRules(rules),
        Members((fresh("eu1"), fresh("us1", 1000.0 - age))),
        Replace("eu1", (export("eu1", [address], "eu-a"),), first=True, last=True),
        Replace("us1", (export("us1", [b"\n\2\0\1"], "us-a"),), first=True, last=True),
        Generation("epoch", 7),
    ]
    return b"".join(pack(Heading(version="1", at=0.0, now=1000.0), messages))


@pytest.fixture
def server() -> Iterator[Server]:
    """Starts a server that says these snapshots, the last one for ever; gives its address."""
    with ExitStack() as stack:

        def start(*snapshots: bytes) -> str:
            left = list(snapshots)

            def get(self: BaseHTTPRequestHandler) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(left.pop(0) if len(left) > 1 else left[0])

            return stack.enter_context(serving(type("Page", (BaseHTTPRequestHandler,), {"do_GET": get})))

        yield start


def run(*words: str) -> Result:
    """The command, without a rest between its two looks."""
    return CliRunner().invoke(compare, ["--settle", "0", *words])


def test_both_serve_the_same(server: Server) -> None:
    """Equal ones are told as such, exit code 0."""
    done = run(server(content()), server(content()))
    assert (done.exit_code, done.output) == (0, "both serve the same\n")


def test_a_service_is_named_with_both_answers(server: Server) -> None:
    """Another endpoint: the member, the service, and what clients of each place get here and there; exit code 1."""
    done = run(server(content()), server(content(b"\n\1\0\2")))
    assert done.exit_code == 1
    assert done.output.splitlines() == [
        "eu1: other exports (1 services here, 1 there)",
        "shop/web: other exports in eu1",
        "shop/web for everybody else: 1/1 10.1.0.1 (eu1) here, 1/1 10.1.0.2 (eu1) there",
    ]


def test_a_drain_of_one_alone(server: Server) -> None:
    """What was ordered from one replica only shows, with what it does to answers, as JSON too."""
    done = run("-o", "json", server(content()), server(content(drained="us1")))
    told = json.loads(done.output)
    assert (done.exit_code, told["services"]) == (1, [])
    assert told["differences"] == ["rules: configuration, drains or migrations are not the same"]
    assert [each["places"] for each in told["answers"]] == [["10.9.0.0/16"]]


def test_a_member_that_one_alone_has_lost(server: Server) -> None:
    """The states of members are told, and whose clients get other answers by that."""
    done = run(server(content()), server(content(age=60)))
    assert done.output.splitlines() == [
        "us1: fresh here, stale there",
        "shop/web for 10.9.0.0/16: 1/1 10.2.0.1 (us1) here, 1/1 10.1.0.1 (eu1) there",
    ]


def test_a_change_on_its_way_is_not_told(server: Server) -> None:
    """What differs in the first look only was late."""
    done = run(server(content()), server(content(b"\n\1\0\2"), content()))
    assert (done.exit_code, done.output) == (0, "both serve the same\n")


def test_one_that_cannot_be_asked() -> None:
    """Neither agreement nor difference: a sentence, exit code 1."""
    done = run("http://127.0.0.1:1", "http://127.0.0.1:1")
    assert done.exit_code == 1
    assert "is fedns running" in done.output


def test_many_differences_are_cut_for_people(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A screen is not flooded; it is said how many more there are, and where they are."""
    monkeypatch.setattr("fedns.cli.compare.MAX_SHOWN", 0)
    done = run(server(content()), server(content(b"\n\1\0\2")))
    assert "... and 1 services more (-o json has them all)" in done.output
    assert "... and 1 answers more (-o json has them all)" in done.output
