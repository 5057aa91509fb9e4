"""What annotations of a service and of its namespaces make of its policy: they narrow it, and never widen it.

Whoever may write a Service in one member is not whoever wrote the policy: so each annotation takes something away from
what the policy allows, that of every member counts, and one that cannot be read takes nothing but is no leave either.
A namespace speaks for all its services, beside what each says itself.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Final

from msgspec import structs

from fedns.federation.objects import Service
from fedns.federation.terms import Policy

JURISDICTIONS: Final = "fedns.io/jurisdictions"
"""Clusters of these jurisdictions only: names separated by commas; none is nowhere."""
WHEN_ALL_UNHEALTHY: Final = "fedns.io/whenAllUnhealthy"
"""`closed`: nothing is answered from what is no longer known; any other word says nothing."""
TTL: Final = "fedns.io/ttl"
"""Seconds at most."""
MAX_ANSWERS: Final = "fedns.io/maxAnswers"
"""Addresses in one answer at most."""


def narrowed(policy: Policy, service: Service) -> Policy:
    """The policy that binds this service."""
    if not any(export.annotations or export.namespace_annotations for export in service.exports):
        return policy
    allowed = policy.jurisdictions
    for text in _said(service, JURISDICTIONS):
        words = dict.fromkeys(word.strip() for word in text.split(",") if word.strip())
        allowed = tuple(word for word in words if allowed is None or word in allowed)
    closed = "closed" in {text.strip() for text in _said(service, WHEN_ALL_UNHEALTHY)}
    most = [each for each in (policy.max_answers, *_numbers(service, MAX_ANSWERS)) if each]
    return structs.replace(
        policy,
        jurisdictions=allowed,
        when_all_unhealthy="closed" if closed else policy.when_all_unhealthy,
        ttl_limit=min(_numbers(service, TTL), default=None),
        max_answers=min(most, default=0),
    )


def _said(service: Service, key: str) -> Iterator[str]:
    """What each member says under this key, of the service and of its namespace."""
    for export in service.exports:
        for name, text in chain(export.annotations, export.namespace_annotations):
            if name == key:
                yield text


def _numbers(service: Service, key: str) -> Iterator[int]:
    for text in _said(service, key):
        if text.strip().isascii() and text.strip().isdecimal() and len(text.strip()) <= 9:
            yield int(text)
