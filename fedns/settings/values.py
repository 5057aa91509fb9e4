"""The single values of a configuration: a text becomes a number, a duration, an address, a CIDR, a name.

Every check returns the value or raises ValueError with a sentence that names the cure.
"""

import re
from ipaddress import ip_address, ip_network
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import structs

from fedns.settings.kinds import NOT_YET, Leaf, Many
from fedns.settings.nodes import meant
from fedns.settings.schema import Address

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SIZES: Final = {
    "": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40,
}  # fmt: skip
_QUALIFIED: Final = r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?"
_LABEL_VALUE: Final = r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?"
_LABEL: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"


def text(doc: str) -> Leaf:
    """Any text but the empty one."""
    return Leaf(doc=doc, check=_text, json={"type": "string", "minLength": 1})


def _text(written: str) -> str:
    if not written.strip():
        raise ValueError("is empty: give it a text, or remove the key")
    return written


def choice(doc: str, *options: str, later: tuple[str, ...] = ()) -> Leaf:
    """One of these words; `later` are words of later versions."""

    def check(written: str) -> str:
        if written in later:
            raise ValueError(f"{written} is {NOT_YET}: use {' or '.join(options)}")
        if written not in options:
            raise ValueError(f"{written!r} is not one of the words for it{meant(written, list(options))}")
        return written

    return Leaf(doc=doc, check=check, json={"enum": list(options)}, expected=f"one of {', '.join(options)}")


def boolean(doc: str) -> Leaf:
    """True or false, and no other word: YAML versions disagree on yes, no, on and off."""

    def check(written: str) -> bool:
        if written not in {"true", "false"}:
            raise ValueError(f"{written} means different things to different YAML readers: write true or false")
        return written == "true"

    return Leaf(doc=doc, check=check, json={"type": "boolean"}, expected="true or false", accepts=("bool",))


def whole(doc: str, low: int, high: int) -> Leaf:
    """A whole number within bounds."""

    def check(written: str) -> int:
        if not re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", written):
            raise ValueError(f"{written!r} is not a whole number in plain decimal digits")
        if not low <= int(written) <= high:
            raise ValueError(f"{written} is out of bounds: give a number from {low} to {high}")
        return int(written)

    json = {"type": "integer", "minimum": low, "maximum": high}
    return Leaf(doc=doc, check=check, json=json, expected="a whole number", accepts=("int",))


def number(doc: str, *, zero: bool) -> Leaf:
    """A number that is not negative, with or without a fraction."""

    def check(written: str) -> float:
        if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", written):
            raise ValueError(f"{written!r} is not a number like 1 or 0.5")
        if float(written) == 0 and not zero:
            raise ValueError("must be more than 0")
        return float(written)

    json = {"type": "number", "minimum" if zero else "exclusiveMinimum": 0}
    return Leaf(doc=doc, check=check, json=json, expected="a number", accepts=("int", "float"))


def share(doc: str) -> Leaf:
    """A part of a whole: a number from 0 to 1."""
    plain = number(doc, zero=True)

    def check(written: str) -> float:
        found: float = plain.check(written)
        if found > 1:
            raise ValueError(f"{written} is more than all: give a number from 0 to 1, like 0.5")
        return found

    return structs.replace(plain, check=check, json={"type": "number", "minimum": 0, "maximum": 1})


def duration(doc: str, *, zero: bool = False) -> Leaf:
    """A length of time, read as seconds."""

    def check(written: str) -> float:
        parts = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|s|m|h)", written)
        if parts is None:
            cure = f"did you mean {written}s?" if re.fullmatch(r"[0-9.]+", written) else "write 10s, 500ms, 5m or 1h"
            raise ValueError(f"{written!r} is not a duration: {cure}")
        seconds = float(parts[1]) * _UNITS[parts[2]]
        if seconds == 0 and not zero:
            raise ValueError("must be longer than nothing")
        return seconds

    json = {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,6})?(ms|s|m|h)$"}
    return Leaf(doc=doc, check=check, json=json, expected="a duration like 10s", accepts=("text", "int", "float"))


def quantity(doc: str, low: int, high: int) -> Leaf:
    """A number of bytes within bounds, with Kubernetes' suffixes for powers of 1000 and 1024."""

    def check(written: str) -> int:
        parts = re.fullmatch(r"([0-9]{1,15})(|[kMGT]|[KMGT]i)", written, re.ASCII)
        if parts is None:
            raise ValueError(f"{written!r} is not a quantity of bytes: write 512Mi or 1Gi")
        size = int(parts[1]) * _SIZES[parts[2]]
        if not low <= size <= high:
            raise ValueError(f"{written} is out of bounds: give a quantity from {low >> 20}Mi to {high >> 20}Mi")
        return size

    json = {"anyOf": [{"type": "string", "pattern": "^[0-9]{1,15}([kMGT]|[KMGT]i)?$"}, {"type": "integer"}]}
    return Leaf(doc=doc, check=check, json=json, expected="a quantity like 512Mi", accepts=("text", "int"))


def listen(doc: str, *, off: bool = False) -> Leaf:
    """An address and a port to listen on; `off` switches it off, where that is allowed."""

    def check(written: str) -> Address | None:
        if off and written == "off":
            return None
        parts = re.fullmatch(r"(?:\[(?P<six>[^\]]*)\]|(?P<four>[^:]*)):(?P<port>[0-9]{1,5})", written)
        if parts is None:
            raise ValueError(f"{written!r} is not an address with a port: write 0.0.0.0:53 or [::]:53")
        host, port = parts["six"] or parts["four"] or "", int(parts["port"])
        if not host:
            raise ValueError(f"{written!r} has no address: write 0.0.0.0:{port} for IPv4 or [::]:{port} for IPv6")
        if not 1 <= port <= 65535:
            raise ValueError(f"port {port} is out of bounds: give one from 1 to 65535")
        if (parse := _address(host)) is None or (parse.version == 6) != (parts["six"] is not None):
            raise ValueError(
                f"{host} is not an IP address: names are not looked up here, write 127.0.0.1 for localhost"
            )
        return Address(str(parse), port)

    json = {"type": "string", "pattern": r"^(\[[0-9a-fA-F:.]+\]|[0-9.]+):[0-9]{1,5}$"}
    words = ("off",) if off else ()
    return Leaf(doc=doc, check=check, json=json, expected="an address with a port", words=words)


def endpoint(doc: str) -> Leaf:
    """A host, by address or by name, and a port."""

    def check(written: str) -> Address:
        parts = re.fullmatch(
            r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<name>[A-Za-z0-9._-]{1,253})):(?P<port>[0-9]{1,5})", written
        )
        if parts is None:
            raise ValueError(
                f"{written!r} is not a host with a port: write 10.0.0.1:53, [fd00::1]:53 or a name with a port"
            )
        if not 1 <= int(parts["port"]) <= 65535:
            raise ValueError(f"port {parts['port']} is out of bounds: give one from 1 to 65535")
        if parts["six"] and _address(parts["six"]) is None:
            raise ValueError(f"{parts['six']} is not an IPv6 address")
        return Address(parts["six"] or parts["name"], int(parts["port"]))

    json = {"type": "string", "pattern": r"^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]{1,253}):[0-9]{1,5}$"}
    return Leaf(doc=doc, check=check, json=json, expected="a host with a port")


def url(doc: str) -> Leaf:
    """The URL of a page, without a name or a password in it."""

    def check(written: str) -> str:
        try:
            parts = urlsplit(written)
            whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            whole = False
        if not whole or not written.isascii() or any(each.isspace() for each in written):
            raise ValueError(f"{written!r} is not the URL of a page: write http://10.0.0.1:8080/healthz")
        if "@" in parts.netloc:
            raise ValueError("has a name or a password in it: it would stand in the log; ask for a page without")
        return written

    return Leaf(
        doc=doc, check=check, json={"type": "string", "pattern": "^https?://[^@/ ]+(/[^ ]*)?$"}, expected="a URL"
    )


def _address(written: str) -> Any:
    """An address without a scope, or None."""
    try:
        return None if "%" in written else ip_address(written)
    except ValueError:
        return None


def target(doc: str) -> Leaf:
    """An address to hand out, read packed: never one that means something else on every machine."""

    def check(written: str) -> bytes:
        if (parse := _address(written)) is None:
            raise ValueError(f"{written!r} is not an IP address")
        if parse.is_loopback or parse.is_link_local or parse.is_multicast or parse.is_unspecified:
            raise ValueError(f"{written} cannot be handed out: it is loopback, link-local, multicast or unspecified")
        packed: bytes = parse.packed
        return packed

    return Leaf(doc=doc, check=check, json={"type": "string", "minLength": 2}, expected="an IP address")


def cidr(doc: str) -> Leaf:
    """A prefix of addresses in its one normal form."""

    def check(written: str) -> str:
        if "/" not in written and (parse := _address(written)) is not None:
            raise ValueError(f"{written} has no prefix length: did you mean {written}/{parse.max_prefixlen}?")
        try:
            found = ip_network(written, strict=False)
        except ValueError:
            raise ValueError(f"{written!r} is not a CIDR: write 10.0.0.0/8 or fd00::/8") from None
        address = _address(written.split("/", maxsplit=1)[0])
        if address != found.network_address:
            raise ValueError(f"{written} has bits set right of its prefix: did you mean {found}?")
        return str(found)

    return Leaf(doc=doc, check=check, json={"type": "string", "pattern": "^[0-9a-fA-F:.]+/[0-9.]+$"}, expected="a CIDR")


def cidrs(doc: str, *, empty: bool = True) -> Many:
    """A list of prefixes."""
    return Many(doc=doc, item=cidr("a prefix of addresses"), empty=empty)


def reverse(doc: str) -> Leaf:
    """A prefix that can be cut into reverse zones: at an octet (IPv4) or a nibble (IPv6) below it."""
    plain = cidr(doc)

    def check(written: str) -> str:
        found = ip_network(plain.check(written))
        longest = 24 if found.version == 4 else 124
        if not found.prefixlen:
            raise ValueError(f"{found} is all of the reverse tree: give the prefixes that the clusters use")
        if found.prefixlen > longest:
            zone = found.supernet(new_prefix=longest)
            raise ValueError(f"{found} lies inside one zone of the reverse tree: give {zone}, or a shorter prefix")
        return str(found)

    return structs.replace(plain, check=check)


def dns_name(doc: str, *, labels: int = 127) -> Leaf:
    """A name that can stand in DNS, in lower case, of so many labels at most; a final dot is dropped."""
    kind = "DNS label" if labels == 1 else "DNS name"

    def check(written: str) -> str:
        name = written.removesuffix(".")
        if re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", name) and name.count(".") < labels and len(name) <= 253:
            return name
        lower = name.lower()
        cure = f"did you mean {lower}?" if lower != name else "use a-z, 0-9 and inner hyphens, 63 characters at most"
        raise ValueError(f"{written!r} is not a {kind}: {cure}")

    pattern = rf"^{_LABEL}$" if labels == 1 else rf"^{_LABEL}(\.{_LABEL})*\.?$"
    return Leaf(doc=doc, check=check, json={"type": "string", "pattern": pattern}, expected=f"a {kind}")


def pattern(doc: str) -> Leaf:
    """A DNS label in which `*` stands for any characters, also for none."""

    def check(written: str) -> str:
        if not re.fullmatch(r"[a-z0-9*-]{1,63}", written):
            raise ValueError(f"{written!r} is no name, nor a pattern: use a-z, 0-9, hyphens, and * for any characters")
        return written

    return Leaf(doc=doc, check=check, json={"type": "string", "pattern": "^[a-z0-9*-]{1,63}$"}, expected="a pattern")


def url_path(doc: str) -> Leaf:
    """The path of a URL, as it is written in a request: no escapes, no query."""

    def check(written: str) -> str:
        if not re.fullmatch(r"/[A-Za-z0-9._~/-]{0,127}", written):
            raise ValueError(f"{written!r} is no path of a URL: write /dns-query, with a-z, 0-9 and . _ ~ / - only")
        return written

    return Leaf(doc=doc, check=check, json={"type": "string", "pattern": "^/[A-Za-z0-9._~/-]{0,127}$"})


def selector(doc: str) -> Leaf:
    """A label selector of Kubernetes: requirements with commas between them, all of which an object must meet."""
    one = rf"!?\s*{_QUALIFIED}|{_QUALIFIED}\s*(==?|!=)\s*{_LABEL_VALUE}"
    some = rf"{_QUALIFIED}\s+(in|notin)\s*\(\s*{_LABEL_VALUE}(\s*,\s*{_LABEL_VALUE})*\s*\)"

    def check(written: str) -> str:
        if not written.strip():
            raise ValueError("is empty, and would take every object: write fedns.io/cluster=true")
        for term in re.split(r",(?![^(]*\))", written):
            if not re.fullmatch(rf"\s*({one}|{some})\s*", term, re.ASCII):
                cure = "write key=value, key!=value, key in (a, b), key notin (a, b), key or !key, with commas between"
                raise ValueError(f"{term.strip()!r} is no requirement of a label selector: {cure}")
        return written.strip()

    return Leaf(doc=doc, check=check, json={"type": "string", "minLength": 1}, expected="a label selector")
