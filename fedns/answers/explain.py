"""What fedns knows, as lines for people: why an answer is what it is, who asks, how the members are.

The lines about candidates are made from the same placement that answers are made from, so they cannot disagree.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from ipaddress import ip_address
from typing import Any, Final

from msgspec import Struct, to_builtins

from fedns.answers import codes, records
from fedns.answers.answer import Answer, Question, State, one
from fedns.answers.digests import at, digests
from fedns.answers.digests import lines as digest_lines
from fedns.answers.lengths import too_long
from fedns.answers.names import EXPLAIN, Subject
from fedns.answers.negatives import absent, nodata
from fedns.answers.parts import decided, parts_of, placement
from fedns.federation.health import NEVER, Freshness, Status
from fedns.federation.locality import Location
from fedns.federation.objects import Service
from fedns.federation.placement import Candidate, Placement, Policy, Rung, Tier, order, policy_for

_RUNGS: Final = {rung: at for at, rung in enumerate(Rung)}

Row = dict[str, str | int]
"""What is told of one candidate, by the words of the text."""


class UnexplainedError(ValueError):
    """There is nothing to explain; the message says why."""


class Explained(Struct, frozen=True, kw_only=True):
    """Why a service is answered as it is, for a client at a place."""

    service: str
    location: Location
    policy: Policy
    candidates: tuple[Row, ...]
    conflicts: tuple[str, ...]
    """The lines of `_explain` about exports that disagree, and about names that are too long to be told."""

    def plain(self) -> dict[str, Any]:
        """For scripts."""
        told: dict[str, Any] = to_builtins(self)
        return told

    def lines(self) -> list[str]:
        """For people: the place and the policy, then the lines of `_explain`."""
        where, policy = self.location, self.policy
        said = f" ({policy.said})" if policy.said else ""
        ladder = f"ladder {','.join(policy.ladder)}{said}, minReady {policy.min_ready}, spill {policy.spill}"
        bound = "" if policy.jurisdictions is None else f", jurisdictions {','.join(policy.jurisdictions) or 'none'}"
        weights = (
            f", weights {','.join(f'{k}={v}' for k, v in sorted(policy.weights.items()))}" if policy.weights else ""
        )
        return [
            f"{self.service} for a client at {place_line(where)} (rule {where.rule or '-'})",
            f"{ladder}{bound}{weights}, whenAllUnhealthy {policy.when_all_unhealthy}",
            *([line(row) for row in self.candidates] or ["no candidates"]),
            *self.conflicts,
        ]


def explain(question: Question) -> Answer:
    """`_explain.<service>` TXT: one string per candidate, also where nobody answers, and one per conflict."""
    asked = question.asked
    found = question.state.catalog.service((asked.namespace, asked.service))
    if found is None:
        return absent(question)
    told = lines(placement(question, found), question.state.statuses, question.now)
    policy = policy_for(found, question.state.rules.policies)
    chosen = [f"ladder={','.join(policy.ladder)} {policy.said}"] if policy.said else []
    return _text(question, told + chosen + conflict_lines(found, question.state))


def explained(held: State, name: str, location: Location, now: float) -> Explained:
    """Why a name is answered as it is, for a client at a place; raises UnexplainedError.

    `name` is a name of DNS, or NAMESPACE/SERVICE for the service's own.
    """
    labels = tuple(label.encode() for label in _own_name(held, name).lower().removesuffix(".").split("."))
    asked = held.grammar.read(labels[1:] if labels[0] == EXPLAIN.encode() else labels)
    if asked is None:
        served = ", ".join(zone.name for zone in held.rules.zones)
        raise UnexplainedError(f"{name} is in no zone of this fedns: it has {served}")
    found = held.catalog.service((asked.namespace, asked.service)) if asked.subject is Subject.SERVICE else None
    if found is None:
        what = f"no member exports {asked.namespace}/{asked.service}" if asked.service else "it names no service"
        raise UnexplainedError(f"{name}: {what}")
    decision = decided(held, location, found, parts_of(asked)[0])
    return Explained(
        service=f"{found.namespace}/{found.name}",
        location=location,
        policy=policy_for(found, held.rules.policies),
        candidates=tuple(rows(decision, held.statuses, now)),
        conflicts=tuple(conflict_lines(found, held)),
    )


def lines(decision: Placement, statuses: Mapping[str, Status], now: float) -> list[str]:
    """One line per candidate: those that answer with their share, then the others with the reason."""
    return [line(row) for row in rows(decision, statuses, now)] or ["no candidates"]


def line(row: Mapping[str, str | int]) -> str:
    """What is told of one candidate, as text."""
    return " ".join(f"{key}={value}" for key, value in row.items())


def rows(decision: Placement, statuses: Mapping[str, Status], now: float) -> list[Row]:
    """What is told of each candidate: of those that answer with their share, then of the others with the reason.

    The others stand by rung, those that are on none last, and by member on each.
    """
    told = [
        _row(each, group.rung, group.tier, statuses, now) | {"share": _share(group.share), "chosen": "yes"}
        for group in decision.groups
        for each in group.candidates
    ]
    others = [(each, left) for left in decision.left_out for each in left.candidates]
    told += [
        _row(each, left.rung, left.tier, statuses, now) | {"chosen": "no", "why": str(left.reason)}
        for each, left in sorted(others, key=lambda pair: (_distance(pair[1].rung), order(pair[0])))
    ]
    return told


def conflict_lines(service: Service, held: State) -> list[str]:
    """One line per aspect in which exports disagree, or names are too long, with the members that it touches."""
    told: dict[tuple[str, str], list[str]] = {}
    for each in service.conflicts + too_long(service, held.rules.zones):
        told.setdefault((each.kind, each.message), []).append(each.cluster)
    return [f"conflict={kind} clusters={','.join(names)} why={why}" for (kind, why), names in told.items()]


def whoami(question: Question) -> Answer:
    """`_whoami` TXT: the address seen, the place found and by which rule, and the ladder from there."""
    client = question.client
    where = client.location
    edns = question.query.edns
    announced = edns is not None and any(code == codes.CLIENT_SUBNET for code, _ in edns.options)
    subnet = client.subnet or ("ignored" if announced else "none")
    told = [
        f"address={ip_address(client.address)} subnet={subnet}",
        place_line(where),
        f"rule={where.rule or '-'}",
        f"ladder={','.join(Policy().ladder)}",
    ]
    return _text(question, told)


def place_line(where: Location) -> str:
    """A place, all that is known of it."""
    return (
        f"cluster={where.cluster or '-'} zone={where.zone or '-'} region={where.region or '-'}"
        f" jurisdiction={where.jurisdiction or '-'} network={where.network or '-'}"
    )


def clusters(question: Question) -> Answer:
    """`_clusters` PTR: the names where the state of each member can be read."""
    if question.query.qtype != codes.PTR:
        return nodata(question)
    origin = question.asked.origin
    targets = [records.name((*each.name.split("."), "_state", *origin)) for each in question.state.rules.clusters]
    pointers = [records.ptr(question.query.name, 0, target) for target in targets]
    return Answer(groups=one(*pointers)) if pointers else nodata(question)


def state(question: Question) -> Answer:
    """`<cluster>._state` TXT: freshness, age, whether one whole list was ever read, how many services."""
    name = question.asked.cluster
    if not name:
        return nodata(question)
    return _text(question, state_lines(name, question.state, question.now))


def digested(question: Question) -> Answer:
    """`_digest` TXT: the digest for clients at this place, and what replicas compare."""
    held, where = question.state, question.client.location
    found = digests(held.rules, held.catalog, held.statuses, held.epoch)
    return _text(question, [f"digest={at(found, held.rules, where)} {place_line(where)}", *digest_lines(found)])


def state_lines(cluster: str, held: State, now: float) -> list[str]:
    """What is known of one member."""
    status = held.statuses.get(cluster) or Status(cluster=cluster, joined=now)
    synced = "yes" if status.synced else "no"
    services = len(held.catalog.exports_of(cluster))
    forced = f" forced={held.rules.forced[cluster]}" if cluster in held.rules.forced else ""
    told = f"state={status.state}{forced} age={_age(status, now)} synced={synced} services={services}"
    if status.path is not None:
        told += f" path={'down' if status.cut else 'up'}"
    told += " isolated=yes" if held.isolated else ""
    return [told, f"reason={status.reason}"] if status.reason else [told]


def _own_name(held: State, name: str) -> str:
    """NAMESPACE/SERVICE as a name: in the federation zone where there is one, else in the clusterset zone."""
    namespace, slash, service = name.partition("/")
    if not slash:
        return name
    zone = min(held.rules.zones, key=lambda each: (each.kind != "federation", each.kind != "clusterset"))
    return ".".join(filter(None, (service, namespace, zone.federation, "svc", zone.name)))


def _row(candidate: Candidate, rung: Rung | None, tier: Tier | None, statuses: Mapping[str, Status], now: float) -> Row:
    status = statuses.get(candidate.cluster)
    cut: Row = {"path": "down"} if status is not None and status.cut else {}
    row: Row = {
        "rung": str(rung or "-"),
        "tier": str(tier or "-"),
        "cluster": candidate.cluster,
        "zone": ",".join(candidate.zones) or "-",
        "address": candidate.shown,
        "kind": str(candidate.kind),
        "state": str(status.state if status is not None else Freshness.SYNCING),
        "age": _age(status, now),
        "ready": candidate.ready,
    }
    return row | cut


def _distance(rung: Rung | None) -> int:
    """How far a rung is, the nearest first."""
    return len(Rung) if rung is None else _RUNGS[rung]


def _share(share: Fraction) -> str:
    return f"{share.numerator}/{share.denominator}"


def _age(status: Status | None, now: float) -> str:
    if status is None or status.alive == NEVER:
        return "never"
    return f"{max(0, round(now - status.alive))}s"


def _text(question: Question, told: Iterable[str]) -> Answer:
    """A TXT record per line, never remembered: the lines tell ages."""
    if question.query.qtype != codes.TXT:
        return nodata(question)
    texts = [records.txt(question.query.name, 0, line) for line in dict.fromkeys(told)]
    return Answer(groups=one(*texts), key=question.key, cacheable=False)
