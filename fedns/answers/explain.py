"""What fedns knows, as lines for people: why an answer is what it is, who asks, how the members are.

The lines about candidates are made from the same placement that answers are made from, so they cannot disagree.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from ipaddress import ip_address

from fedns.answers import codes, records
from fedns.answers.answer import Answer, Question, State, one
from fedns.answers.negatives import absent, nodata
from fedns.answers.parts import placement
from fedns.federation.health import NEVER, Freshness, Status
from fedns.federation.objects import Service
from fedns.federation.placement import Candidate, Placement, Policy, Rung, Tier, order


def explain(question: Question) -> Answer:
    """`_explain.<service>` TXT: one string per candidate, also where nobody answers, and one per conflict."""
    asked = question.asked
    found = question.state.catalog.service((asked.namespace, asked.service))
    if found is None:
        return absent(question)
    told = lines(placement(question, found), question.state.statuses, question.now)
    return _text(question, told + conflict_lines(found))


def lines(decision: Placement, statuses: Mapping[str, Status], now: float) -> list[str]:
    """One line per candidate: those that answer with their share, then the others with the reason."""
    told = [
        _line(each, group.rung, group.tier, statuses, now) + f" share={_share(group.share)} chosen=yes"
        for group in decision.groups
        for each in group.candidates
    ]
    others = [(each, left) for left in decision.left_out for each in left.candidates]
    told += [
        _line(each, left.rung, left.tier, statuses, now) + f" chosen=no why={left.reason}"
        for each, left in sorted(others, key=lambda pair: order(pair[0]))
    ]
    return told or ["no candidates"]


def conflict_lines(service: Service) -> list[str]:
    """One line per aspect in which exports disagree, with the members whose export is not used as it is."""
    told: dict[tuple[str, str], list[str]] = {}
    for each in service.conflicts:
        told.setdefault((each.kind, each.message), []).append(each.cluster)
    return [f"conflict={kind} clusters={','.join(names)} why={why}" for (kind, why), names in told.items()]


def whoami(question: Question) -> Answer:
    """`_whoami` TXT: the address seen, the place found and by which rule, and the ladder from there."""
    client = question.client
    where = client.location
    edns = question.query.edns
    announced = edns is not None and any(code == codes.CLIENT_SUBNET for code, _ in edns.options)
    subnet = client.subnet or ("ignored" if announced else "none")
    place = (
        f"cluster={where.cluster or '-'} zone={where.zone or '-'} region={where.region or '-'}"
        f" jurisdiction={where.jurisdiction or '-'} network={where.network or '-'}"
    )
    told = [
        f"address={ip_address(client.address)} subnet={subnet}",
        place,
        f"rule={where.rule or '-'}",
        f"ladder={','.join(Policy().ladder)}",
    ]
    return _text(question, told)


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


def state_lines(cluster: str, held: State, now: float) -> list[str]:
    """What is known of one member."""
    status = held.statuses.get(cluster) or Status(cluster=cluster, joined=now)
    synced = "yes" if status.synced else "no"
    services = len(held.catalog.exports_of(cluster))
    forced = f" forced={held.rules.forced[cluster]}" if cluster in held.rules.forced else ""
    told = f"state={status.state}{forced} age={_age(status, now)} synced={synced} services={services}"
    told += " isolated=yes" if held.isolated else ""
    return [told, f"reason={status.reason}"] if status.reason else [told]


def _line(
    candidate: Candidate, rung: Rung | None, tier: Tier | None, statuses: Mapping[str, Status], now: float
) -> str:
    status = statuses.get(candidate.cluster)
    state_ = status.state if status is not None else Freshness.SYNCING
    return (
        f"rung={rung or '-'} tier={tier or '-'} cluster={candidate.cluster} zone={','.join(candidate.zones) or '-'}"
        f" address={ip_address(candidate.address)} kind={candidate.kind} state={state_}"
        f" age={_age(status, now)} ready={candidate.ready}"
    )


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
