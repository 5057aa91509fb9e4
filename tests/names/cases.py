"""One row of a table of rules: what is asked in which federation, and the reply as lines of text."""

from typing import Final, NamedTuple

import dns.message

from tests.names.worlds import EU

STRICT: Final = "svc.clusterset.local"
FEDERAL: Final = "myfed.svc.example.com"
UDP, TCP = "udp", "tcp"


class Case(NamedTuple):
    """A question (`name TYPE`) with its expected reply; `@Z` is the clusterset zone's tree, `@F` the federation's."""

    rule: str
    question: str
    expected: list[str]
    world: str = "calm"
    source: str = EU
    over: tuple[str, ...] = (UDP, TCP)

    @property
    def query(self) -> bytes:
        """The question as a packet, with EDNS."""
        name, _, qtype = spelt(self.question).partition(" ")
        return dns.message.make_query(name, qtype, use_edns=0, payload=1232, id=7).to_wire()


def spelt(text: str) -> str:
    """A text with the trees' names in full."""
    return text.replace("@Z", STRICT).replace("@F", FEDERAL)


def pointers(name: str) -> list[str]:
    """The names of an address of the namespace shop, in both federations."""
    return [f"20 PTR {name}.shop.{tree}." for tree in (FEDERAL, FEDERAL.replace("myfed", "otherfed"))]


def clash(kind: str, aspect: str, used: str, clusters: str, number: str) -> str:
    """A line of `_explain` about exports that disagree with that of eu1."""
    told = f'Using \\"{used}\\" from the export in \\"eu1\\", which has precedence. {number} clusters disagree.'
    return f'0 TXT "conflict={kind} clusters={clusters} why=Conflicting {aspect}. {told}"'


def why(candidate: str, verdict: str, state: str = "fresh") -> str:
    """A line of `_explain` about one candidate."""
    return f'0 TXT "{candidate} state={state} age=* {verdict}"'
