"""Tales: what each is about; the command line's test tells all of them."""

from pathlib import Path

import pytest

from fedns.cli.lab import lab
from fedns.lab.story import Nothing, Shares
from fedns.lab.tales import TALES
from fedns.lab.world import World


@pytest.mark.parametrize(
    ("tale", "words", "expected"),
    [
        ("burst", ("a quarter", "the burst is over"), Shares),
        ("migrate", ("a tenth", "it waits", "goes on", "abort"), Shares),
        ("jurisdiction", ("rather nobody", "narrows to nothing"), Nothing),
        ("drain", ("stop the API server of us1, which is drained", "by force", "undrain all"), Nothing),
    ],
)
def test_what_they_tell(tale: str, words: tuple[str, ...], expected: type, tmp_path: Path) -> None:
    """The promises of each, with answers that only it could have."""
    steps = TALES[tale].steps(World(tmp_path))
    told = " ".join(step.text for step in steps)
    assert [word for word in words if word not in told] == []
    assert any(isinstance(step.expected, expected) for step in steps)


def test_every_tale_can_be_asked_for() -> None:
    """The command line has the same words."""
    (script,) = (each for each in lab.params if each.name == "script")
    assert set(script.type.choices) == {*TALES, "chaos"}  # type: ignore[attr-defined]
