"""What every worker knows: with all of them there, and each of them told."""

from msgspec import structs

from fedns.answers.rules import Zone
from fedns.control.reach import Reach, longest_ttl
from fedns.federation.placement import Policy
from tests.control.stage import Control, rules, until


async def test_all_workers_must_know(control: Control) -> None:
    """A thing is known once as many workers as there are have its generation."""
    one, two = Reach(control.publisher, 0), Reach(control.publisher, 2)
    assert one.known(["a"]) == set()
    async with control.serving(), control.worker() as replica:
        await control.told(replica)
        await until(lambda: one.known(["a"]) == {"a"}, "the worker says that it has it")
        control.publisher.rules()
        assert one.known(["a", "b"]) == {"a"}
        await until(lambda: one.known(["a", "b"]) == {"a", "b"}, "it has the next one, too")
        assert two.known(["a"]) == set()
        async with control.worker() as other:
            await control.told(other)
            await until(lambda: two.known(["a"]) == {"a"}, "both have it")


def test_the_longest_ttl() -> None:
    """Of zones and policies; without any, nobody holds anything."""
    given = structs.replace(rules("eu1"), zones=(Zone(name="a.b", kind="clusterset", ttl=7),))
    assert longest_ttl(given) == 7
    assert longest_ttl(structs.replace(given, policies=(Policy(ttl=30), Policy()))) == 30
    assert longest_ttl(structs.replace(given, zones=())) == 0
