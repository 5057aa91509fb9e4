"""`fedns query`: one DNS question and its reply in words, with the extended errors spelled out."""

import asyncio
import json
import sys
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from fedns.client import Ask, Reply

OPT: Final = 41
NSID: Final = 3
EDE: Final = 15
EDE_NAMES: Final = {
    0: "Other Error",
    3: "Stale Answer",
    14: "Not Ready",
    17: "Filtered",
    18: "Prohibited",
    19: "Stale NXDOMAIN Answer",
    20: "Not Authoritative",
    22: "No Reachable Authority",
}
"""The codes of RFC 8914 that fedns sends."""
ANSWERED: Final = {"NOERROR", "NXDOMAIN"}
"""Rcodes that answer the question; the others say that it could not be answered."""


def address(_context: click.Context, _option: click.Parameter, value: str) -> str:
    """An IP address, or nothing; names are not looked up, for this asks servers about names."""
    try:
        return str(ip_address(value)) if value else ""
    except ValueError:
        raise click.BadParameter(f"{value!r} is not an IP address") from None


@click.command()
@click.argument("name")
@click.argument("qtype", metavar="[TYPE]", default="A")
@click.option("--server", default="127.0.0.1", show_default=True, callback=address, help="Address of the server.")
@click.option("--port", default=53, show_default=True, type=click.IntRange(1, 65535), help="Its port.")
@click.option("--from", "source", default="", callback=address, help="Own address to ask from.")
@click.option("--tcp", is_flag=True, help="Ask over TCP at once; otherwise only after a truncated reply.")
@click.option("--nsid", is_flag=True, help="Ask for the name of the server (RFC 5001).")
@click.option("--timeout", default=2.0, show_default=True, type=click.FloatRange(0.01, 3600), help="Seconds per try.")
@click.option("--retries", default=1, show_default=True, type=click.IntRange(0, 100), help="Further tries over UDP.")
@click.option("--short", is_flag=True, help="Print the values of the answer only.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form.")
def query(
    *,
    name: str,
    qtype: str,
    server: str,
    port: int,
    source: str,
    tcp: bool,
    nsid: bool,
    timeout: float,
    retries: int,
    short: bool,
    output: str,
) -> None:
    """Ask for NAME, and print the reply.

    Exit code 0 for an answer, also "there is no such name"; 1 for no reply or one that is an error; 2 for wrong usage.
    """
    from fedns.client import Ask, ClientError, ask

    _check_question(name, qtype)
    if source and ip_address(source).version != ip_address(server).version:
        raise click.UsageError(f"{source} cannot ask {server}: one is IPv4 and the other IPv6")
    question = Ask(
        name,
        qtype,
        (server, port),
        source,
        stream=tcp,
        timeout=timeout,
        tries=retries + 1,
        options=((NSID, b""),) if nsid else (),
    )
    try:
        reply = asyncio.run(ask(question))
    except ClientError as error:
        raise click.ClickException(str(error)) from error
    found = parts(reply, question)
    if output == "json":
        click.echo(json.dumps(found))
    else:
        for line in short_lines(found) if short else lines(found):
            click.echo(line)
    sys.exit(0 if found["rcode"] in ANSWERED else 1)


def _check_question(name: str, qtype: str) -> None:
    """Raise click.UsageError for a question that cannot be asked, which is not the server's failure."""
    from dnslib import QTYPE

    word = qtype.upper()
    number = int(word[4:]) if word.startswith("TYPE") and word[4:].isdecimal() else QTYPE.reverse.get(word)
    if number is None or number > 0xFFFF:
        raise click.UsageError(f"{qtype!r} is no record type that is known here (TYPE123 works for any)")
    labels = name.removesuffix(".").split(".")
    if name != "." and not all(0 < len(label.encode()) <= 63 for label in labels):
        raise click.UsageError(f"{name!r} is no domain name: a label has 1 to 63 bytes")
    if len(name.removesuffix(".").encode()) > 253:
        raise click.UsageError(f"{name!r} is no domain name: it has more than 253 bytes")


def parts(reply: "Reply", question: "Ask") -> dict[str, Any]:
    """A reply as plain values, as `-o json` prints them."""
    from dnslib import OPCODE, QTYPE, RCODE

    message = reply.message
    header = message.header
    opt = next((record for record in message.ar if record.rtype == OPT), None)
    # RFC 6891 6.1.3: the upper eight bits of the rcode stand in the TTL of OPT.
    rcode = header.rcode | ((opt.ttl >> 24) << 4 if opt else 0)
    return {
        "id": header.id,
        "opcode": _name(OPCODE, header.opcode),
        "rcode": {16: "BADVERS", 23: "BADCOOKIE"}.get(rcode) or _name(RCODE, rcode),
        "flags": [flag for flag in ("qr", "aa", "tc", "rd", "ra", "ad", "cd") if getattr(header, flag)],
        "question": [{"name": str(each.qname), "type": _name(QTYPE, each.qtype)} for each in message.questions],
        "answer": [_record(record) for record in message.rr],
        "authority": [_record(record) for record in message.auth],
        "additional": [_record(record) for record in message.ar if record.rtype != OPT],
        "edns": _edns(opt) if opt else None,
        "server": question.server[0],
        "port": question.server[1],
        "transport": reply.transport,
        "bytes": len(reply.wire),
        "milliseconds": round(reply.seconds * 1000, 3),
    }


def _name(table: Any, number: int) -> str:
    """The name of a number in one of dnslib's tables, or the number."""
    return str(table.forward.get(number, number))


def _record(record: Any) -> dict[str, Any]:
    """One record."""
    from dnslib import QTYPE

    return {
        "name": str(record.rname),
        "ttl": record.ttl,
        "type": _name(QTYPE, record.rtype),
        "value": str(record.rdata),
    }


def _edns(opt: Any) -> dict[str, Any]:
    """What EDNS says: version, size, flags, the server's name, extended errors, and other options as hexadecimal."""
    options = [(option.code, bytes(option.data)) for option in opt.rdata]
    errors = [(int.from_bytes(content[:2]), content[2:]) for code, content in options if code == EDE]
    return {
        "version": (opt.ttl >> 16) & 0xFF,
        "udp": opt.rclass,
        "do": bool(opt.ttl & 0x8000),
        "nsid": next((content.decode("utf-8", "replace") for code, content in options if code == NSID), None),
        "errors": [
            {"code": code, "name": EDE_NAMES.get(code, ""), "text": text.decode("utf-8", "replace")}
            for code, text in errors
        ],
        "options": {str(code): content.hex() for code, content in options if code not in {NSID, EDE}},
    }


def short_lines(found: dict[str, Any]) -> list[str]:
    """The values of the answer, one a line."""
    return [record["value"] for record in found["answer"]]


def lines(found: dict[str, Any]) -> list[str]:
    """The whole reply, in the way of dig."""
    shown = [
        f";; {found['opcode']}, status: {found['rcode']}, id: {found['id']}, flags: {' '.join(found['flags'])}",
        *_edns_lines(found["edns"]),
        *(f";{each['name']}  IN  {each['type']}" for each in found["question"]),
    ]
    for section in ("answer", "authority", "additional"):
        if found[section]:
            shown += ["", f";; {section.upper()}"]
            shown += [f"{r['name']}  {r['ttl']}  IN  {r['type']}  {r['value']}" for r in found[section]]
    where = f"{found['server']} port {found['port']} ({found['transport'].upper()})"
    return [*shown, "", f";; {found['milliseconds']:.1f} ms, {found['bytes']} bytes from {where}"]


def _edns_lines(edns: dict[str, Any] | None) -> list[str]:
    """What EDNS says, one line each."""
    if edns is None:
        return []
    shown = [f";; EDNS: version {edns['version']}, udp {edns['udp']}{', do' if edns['do'] else ''}"]
    if edns["nsid"] is not None:
        shown.append(f";; NSID: {edns['nsid']}")
    for error in edns["errors"]:
        name = f" ({error['name']})" if error["name"] else ""
        text = f": {error['text']}" if error["text"] else ""
        shown.append(f";; EDE: {error['code']}{name}{text}")
    return [*shown, *(f";; OPT {code}: {content}" for code, content in edns["options"].items())]
