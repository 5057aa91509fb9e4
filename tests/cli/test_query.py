"""`fedns query`: what is asked, what is printed, and which exit code scripts get."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import pytest
from click.testing import CliRunner, Result

from fedns.cli.main import fedns
from fedns.cli.query import lines
from fedns.listening import open_sockets
from fedns.servers.stream import StreamDoor
from fedns.servers.udp import UdpDoor
from fedns.settings.schema import Address
from tests.answers.replicas import WEB, replica


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """The port, UDP and TCP, of a server of 300 pods in this process."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        number = int(probe.getsockname()[1])
    opened = {each.type: each for each in open_sockets((Address("127.0.0.1", number),))}
    held = replica(pods=300)
    udp, tcp = UdpDoor([opened[socket.SOCK_DGRAM]], held), StreamDoor([opened[socket.SOCK_STREAM]], held)
    udp.start(loop)
    tcp.start(loop)
    yield number
    udp.stop(loop)
    tcp.stop(loop)
    for each in opened.values():
        each.close()


async def query(port: int, *words: str) -> Result:
    """`fedns query` of a local port, in a thread, for the server needs this one."""
    return await asyncio.to_thread(CliRunner().invoke, fedns, ["query", *words, "--port", str(port)])


async def test_the_reply_is_printed_whole(port: int) -> None:
    """Header, EDNS, question, records and how it came."""
    done = await query(port, f"us1.{WEB}")
    assert done.exit_code == 0, done.output
    assert done.output.startswith(";; QUERY, status: NOERROR, id: ")
    assert f"\n;us1.{WEB}.  IN  A\n" in done.output
    assert "\n;; EDNS: version 0, udp 1232\n" in done.output
    assert f"\nus1.{WEB}.  5  IN  A  10.2.0.1\n" in done.output
    assert done.output.rstrip().endswith(f"bytes from 127.0.0.1 port {port} (UDP)")


async def test_short_prints_values_only(port: int) -> None:
    """One value a line."""
    assert sorted((await query(port, f"us1.{WEB}", "--short")).output.split()) == ["10.2.0.1", "10.2.0.2"]


async def test_json_is_for_scripts(port: int) -> None:
    """The same as values."""
    found = json.loads((await query(port, f"us1.{WEB}", "-o", "json")).output)
    assert found["rcode"] == "NOERROR"
    assert {record["value"] for record in found["answer"]} == {"10.2.0.1", "10.2.0.2"}
    assert (found["transport"], found["port"], found["edns"]["nsid"]) == ("udp", port, None)


async def test_a_truncated_reply_is_asked_again_over_tcp(port: int) -> None:
    """TC leads to TCP, and the reply says so."""
    found = json.loads((await query(port, f"_http._tcp.{WEB}", "SRV", "-o", "json")).output)
    assert found["transport"] == "tcp"
    assert len(found["answer"]) >= 300


async def test_tcp_can_be_asked_for(port: int) -> None:
    """`--tcp` asks over TCP at once."""
    assert json.loads((await query(port, f"us1.{WEB}", "--tcp", "-o", "json")).output)["transport"] == "tcp"


async def test_the_source_address_is_used(port: int) -> None:
    """`--from` decides who asks."""
    assert "127.3.2.1" in (await query(port, "_whoami.example.com", "TXT", "--from", "127.3.2.1", "--short")).output


async def test_the_server_names_itself(port: int) -> None:
    """`--nsid` prints the server's name."""
    assert "\n;; NSID: here\n" in (await query(port, WEB, "--nsid")).output


@pytest.mark.parametrize(
    ("name", "code", "rcode", "words"),
    [(f"none.shop.{WEB[9:]}", 0, "NXDOMAIN", "AUTHORITY"), ("elsewhere.test", 1, "REFUSED", "EDE: 20 (Not Auth")],
    ids=["no such name", "not ours"],
)
async def test_exit_codes_follow_the_rcode(port: int, name: str, code: int, rcode: str, words: str) -> None:
    """No such name is an answer; a refusal is none, and its extended error is spelled out."""
    done = await query(port, name)
    assert done.exit_code == code
    assert f"status: {rcode}," in done.output
    assert words in done.output


async def test_silence_is_a_failure() -> None:
    """Nobody answers: exit code 1, and a sentence after the last try."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        done = await query(deaf.getsockname()[1], "a.test", "--timeout", "0.05", "--retries", "1")
    assert done.exit_code == 1
    assert "no reply from 127.0.0.1" in done.stderr
    assert "2 tries" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        [], ["a.test", "NONSENSE"], ["a.test", "TYPE65536"], ["a..test"], [f"{'a' * 64}.test"], [".".join(["a"] * 128)],
        ["a.test", "--server", "localhost"], ["a.test", "--server", "::1", "--from", "127.0.0.1"],
    ],
    ids=["nothing", "type", "type number", "empty label", "long label", "long name", "server name", "two families"],
)  # fmt: skip
async def test_wrong_usage_exits_with_2(words: list[str]) -> None:
    """A question that cannot be asked is no failure of the server."""
    assert (await query(53, *words)).exit_code == 2


def test_unusual_parts_are_printed() -> None:
    """Unknown extended errors and options have their numbers."""
    found = json.loads("""{"opcode": "QUERY", "rcode": "BADVERS", "id": 1, "flags": ["qr"], "question": [],
        "answer": [], "authority": [], "additional": [], "server": "::1", "port": 53, "transport": "udp", "bytes": 9,
        "milliseconds": 1.25, "edns": {"version": 0, "udp": 512, "do": true, "nsid": null, "options": {"9": "ab"},
        "errors": [{"code": 99, "name": "", "text": "why"}]}}""")
    assert lines(found)[:4] == [
        ";; QUERY, status: BADVERS, id: 1, flags: qr",
        ";; EDNS: version 0, udp 512, do",
        ";; EDE: 99: why",
        ";; OPT 9: ab",
    ]
