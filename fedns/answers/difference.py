"""Two configurations over the same members: whose answers differ, and where.

A place is a prefix of clients, a zone of the local cluster's nodes, or everybody else; what is at the same place under
both is told together.
"""

from collections.abc import Iterator
from fractions import Fraction
from ipaddress import ip_network

from msgspec import Struct, structs

from fedns.answers.answer import State
from fedns.answers.parts import decided
from fedns.answers.rules import Rules, Zone
from fedns.federation.locality import Location, Locator
from fedns.federation.objects import Service, ServiceKey
from fedns.federation.placement import Placement, policy_for

MAX_SHOWN = 3
"""Addresses of one group that are told; the rest is counted."""


class Change(Struct, frozen=True):
    """One service whose answers differ for clients of these prefixes, and the answers in words."""

    service: str
    places: tuple[str, ...]
    before: str
    after: str


class Ends(Struct, frozen=True):
    """What the answer to a name is made of: shares with their addresses, and the settings of its responses."""

    groups: tuple[tuple[Fraction, tuple[tuple[str, str], ...]], ...]
    settings: tuple[int | str | None, ...]


def changes(old: State, new: State) -> list[Change]:
    """Every service with answers that differ, in the order of names."""
    found = []
    pairs = _pairs(old.rules, new.rules, sorted(old.zones | new.zones))
    for key in sorted({*old.catalog.keys(), *new.catalog.keys()}):
        told: dict[tuple[str, str], list[str]] = {}
        for (before, after), prefixes in pairs.items():
            ends = _ends(old, key, before), _ends(new, key, after)
            if ends[0] != ends[1]:
                told.setdefault((_words(ends[0]), _words(ends[1])), []).extend(prefixes)
        found += [Change("/".join(key), tuple(places), *words) for words, places in told.items()]
    return found


def zones(old: Rules, new: Rules) -> list[str]:
    """The zones that come, go, or answer with other settings."""
    before, after = ({(zone.kind, zone.name): zone for zone in rules.zones} for rules in (old, new))
    told = [f"zone {name} goes: none of its names is answered any more" for _, name in before.keys() - after.keys()]
    told += [f"zone {name} comes" for _, name in after.keys() - before.keys()]
    told += [_other(before[key], zone) for key, zone in after.items() if key in before and before[key] != zone]
    return sorted(told)


def _other(before: Zone, after: Zone) -> str:
    was, now = structs.asdict(before), structs.asdict(after)
    told = ", ".join(f"{key} {was[key]} -> {now[key]}" for key in was if was[key] != now[key])
    return f"zone {after.name}: {told}"


def _pairs(old: Rules, new: Rules, zones: list[str]) -> dict[tuple[Location, Location], list[str]]:
    """Where clients are, under both; with the prefixes, and the zones of nodes, that are there."""
    locators = [Locator(r.clients, r.local, {each.name: each for each in r.clusters}) for r in (old, new)]
    found: dict[tuple[Location, Location], list[str]] = {}
    # What is no address is in no prefix.
    default = tuple(locator.locate(bytes(3)) for locator in locators)
    nodes = [(f"nodes in {zone}", _at(zone, locators)) for zone in zones]
    for label, places in [("everybody else", default), *_prefixes(old, new, locators), *nodes]:
        before, after = (structs.replace(each, rule="") for each in places)
        found.setdefault((before, after), []).append(label)
    return found


def _prefixes(old: Rules, new: Rules, locators: list[Locator]) -> Iterator[tuple[str, tuple[Location, ...]]]:
    cidrs = dict.fromkeys(cidr for rules in (old, new) for rule in rules.clients for cidr in rule.cidrs)
    for cidr in cidrs:
        first = ip_network(cidr, strict=False).network_address.packed
        yield cidr, tuple(locator.locate(first) for locator in locators)


def _at(zone: str, locators: list[Locator]) -> tuple[Location, ...]:
    return tuple(each.complete(Location(each.default.cluster, zone)) for each in locators)


def _ends(state: State, key: ServiceKey, location: Location) -> Ends | None:
    found = state.catalog.service(key)
    if found is None:
        return None
    policy = policy_for(found, state.rules.policies)
    return Ends(
        _groups(state, found, location), (policy.ttl, policy.ttl_limit, policy.max_answers, policy.large_answers)
    )


def _groups(
    state: State, found: Service, location: Location
) -> tuple[tuple[Fraction, tuple[tuple[str, str], ...]], ...]:
    decision: Placement = decided(state, location, found)
    return tuple(
        (group.share, tuple((each.cluster, each.shown) for each in group.candidates)) for group in decision.groups
    )


def _words(ends: Ends | None) -> str:
    if ends is None:
        return "no such service"
    told = []
    for share, addresses in ends.groups:
        shown = ", ".join(address for _, address in addresses[:MAX_SHOWN])
        more = f" and {len(addresses) - MAX_SHOWN} more" if len(addresses) > MAX_SHOWN else ""
        clusters = ",".join(sorted({cluster for cluster, _ in addresses}))
        told.append(f"{share.numerator}/{share.denominator} {shown}{more} ({clusters})")
    ttl, limit, most, large = ends.settings
    settings = [f"ttl {ttl}"] if ttl is not None else []
    settings += [f"ttl at most {limit}"] if limit is not None else []
    settings += ([f"at most {most}"] if most else []) + ([f"{large}"] if large != "subset" else [])
    return " + ".join(told or ["nobody"]) + (f" [{', '.join(settings)}]" if settings else "")
