"""Since when every worker knows what is in force: the moment from which no older answer is handed out.

It knows nothing of what that is.
"""

from collections.abc import Hashable, Iterable
from typing import TypeVar

from fedns.answers.rules import Rules
from fedns.control.publish import Publisher

Thing = TypeVar("Thing", bound=Hashable)


class Reach:
    """Follows things that are published with the rules; `workers` is how many processes answer, none: this one."""

    def __init__(self, publisher: Publisher, workers: int) -> None:
        self._publisher = publisher
        self._workers = max(1, workers)
        self._published: dict[Hashable, int] = {}

    def known(self, in_force: Iterable[Thing]) -> set[Thing]:
        """Of the things in the published rules, those that every worker knows; call it a few times a second."""
        publisher, in_force = self._publisher, tuple(in_force)
        self._published = {each: self._published.get(each, publisher.generation) for each in in_force}
        if len(publisher.links) < self._workers:
            return set()
        return {each for each in in_force if publisher.acknowledged >= self._published[each]}


def longest_ttl(rules: Rules) -> int:
    """Seconds after which no answer of before is held any more: the TTL of the answers that are kept longest."""
    policies = (policy.ttl for policy in rules.policies if policy.ttl is not None)
    return max((*(zone.ttl for zone in rules.zones), *policies), default=0)
