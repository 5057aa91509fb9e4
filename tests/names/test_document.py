"""docs/names.md shows answers as they are: every example is asked."""

import re
from pathlib import Path

import dns.message
import pytest

from tests.names.beds import answered, lines
from tests.names.cases import Case
from tests.names.worlds import WORLDS

DOCUMENT = Path(__file__).parents[2] / "docs" / "names.md"
ROW = re.compile(r"^\| `(\S+) ([A-Z]+)` \| (.+?) \|", re.MULTILINE)
EXAMPLES = [
    (f"{name} {qtype}", re.findall(r"`([^`]+)`", shown)) for name, qtype, shown in ROW.findall(DOCUMENT.read_text())
]


@pytest.mark.parametrize(("question", "expected"), EXAMPLES, ids=[question for question, _ in EXAMPLES])
def test_examples(question: str, expected: list[str]) -> None:
    """Asked by a pod in eu1, each example has this answer, apart from TTL, additional and authority records."""
    case = Case("document", question, expected)
    reply = dns.message.from_wire(answered(WORLDS["calm"](), case.query, case.source, stream=True))
    told = [line for line in lines(reply) if not line.startswith(("+", "SOA", "EDE", "no AA"))]
    assert [re.sub(r"(^|\. )\d+ (?=[A-Z]+ )", r"\1", line) for line in told] == expected


def test_there_are_examples() -> None:
    """Each kind of name has one."""
    assert len(EXAMPLES) > 20
