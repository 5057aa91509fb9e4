"""The answers under a service's name: its addresses, its ports, its clusters and hosts, and what regions alias.

Who answers is `place`'s decision alone; this file asks it for the part of the federation that the name means, and turns
the result, or its absence, into an answer.
"""

from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction
from itertools import chain
from typing import Final, NamedTuple

from msgspec import structs

from fedns.answers import addresses, codes, records
from fedns.answers.addresses import Target
from fedns.answers.answer import Answer, AnswerGroup, Question, one
from fedns.answers.names import ANCHORS, Asked
from fedns.answers.negatives import UNSURE_TTL, absent, empty, nodata, outdated, tell, unknown, unnamed
from fedns.answers.packet import Record
from fedns.answers.parts import aliases, decide, parts, placement
from fedns.answers.tallies import concerning
from fedns.federation.health import Freshness
from fedns.federation.hosts import host_label
from fedns.federation.objects import AddressKind, Endpoint, Export, Port, Service, pack
from fedns.federation.placement import Candidate, Group, Placement, Policy, Reason, Rung, Tier, in_order, policy_for
from fedns.federation.tiers import OPEN_TIERS

KNOWN: Final = frozenset({Tier.READY, Tier.BACKUP, Tier.TERMINATING})
"""The tiers (a)-(c): true now, as far as anybody can know."""
FORBIDDEN: Final = frozenset(
    {Reason.JURISDICTION, Reason.UNREACHABLE_KIND, Reason.OTHER_KIND, Reason.PART, Reason.FORCED}
)
"""Why a candidate does not even answer under its own cluster's name: constraints, and addresses of no use."""
OTHER_TEXT: Final = {Tier.DRAINED: "only drained endpoints are left", Tier.UNREADY_ADDRESS: "no endpoint is ready"}


def service(question: Question) -> Answer:
    """The answer for a service's name, or one below it."""
    asked = question.asked
    found = question.state.catalog.service((asked.namespace, asked.service))
    if found is None:
        return unknown(question)
    if asked.protocol and not _has_port(found, asked):
        return absent(question, _owners(question))
    if asked.above_clusters:
        return _above(question, found)
    if asked.host:
        return _host(question, found)
    if asked.cluster:
        return _cluster(question, found)
    return _placed(question, found)


def _placed(question: Question, found: Service) -> Answer:
    """The best placement in the part that the name means, or aliases to the name above that has one (design: names)."""
    decisions: list[Placement] = []
    for part in parts(question):
        decisions.append(decide(question, found, part))
        if decisions[-1].groups and decisions[-1].groups[0].tier in KNOWN:
            chosen = len(decisions) - 1
            break
    else:
        # Nothing is known to be true anywhere: the lowest name that has anything answers, and `prefer` prefers nothing.
        chosen = next((at for at, decision in enumerate(decisions) if decision.groups), 0)
        chosen = len(decisions) - 1 if question.asked.directive else chosen
    if not decisions[chosen].groups:
        return _nobody(question, found, decisions[chosen])
    chain, owner = aliases(question, chosen)
    made = answer(question, found, decisions[chosen], owner, chain)
    if chain and question.query.qtype in {codes.CNAME, codes.ANY}:
        return Answer(groups=one(made.chain[0]), ede=made.ede, key=question.key)
    return made


def answer(
    question: Question, found: Service, decision: Placement, owner: bytes, chain: tuple[Record, ...] = ()
) -> Answer:
    """The records of a decision for the type that was asked."""
    asked, qtype = question.asked, question.query.qtype
    policy = policy_for(found, question.state.rules.policies)
    port_only = asked.protocol and not asked.port
    order = addresses.places(decision)
    used = [candidate.cluster for place_ in order for candidate in place_.candidates]
    if qtype != codes.SRV:
        used = [candidate.cluster for group in decision.groups for candidate in group.candidates]
    ttl = _ttl(question, policy, used)
    if any(group.tier in OPEN_TIERS for group in decision.groups):
        ttl = min(ttl, UNSURE_TTL)
    groups: tuple[AnswerGroup, ...] = ()
    named = not any(each.address for group in decision.groups for each in group.candidates)
    if qtype == codes.SRV and not port_only and (asked.protocol or not named):
        answers, glue = addresses.services(owner, ttl, order, _target(asked, found), asked.port, asked.protocol)
        groups = (AnswerGroup(Fraction(1), answers, glue),) if answers else ()
        if groups and _alone(asked, found):
            target = records.name(asked.home)
            # All point at one name: what lies behind those who answer now is not what that name answers.
            groups = tuple(
                AnswerGroup(group.share, answers, addresses.glue(target, ttl, group.candidates))
                for group in decision.groups
            )
    elif not asked.protocol:
        tallies = concerning(question.state.rules.tallies, found)
        groups = addresses.addresses(owner, ttl, qtype, decision.groups, question.state.grammar.has, tallies)
    ede = _ede(question, used, decision.groups)
    chain = tuple(structs.replace(alias, ttl=ttl) for alias in chain)
    if not groups:
        return Answer(chain=chain, authority=nodata(question).authority, ede=ede, key=question.key)
    plain = qtype in addresses.MAX_RDATA_BYTES
    return Answer(
        chain=chain,
        groups=groups,
        ede=ede,
        key=question.key,
        subset=plain and policy.large_answers == "subset",
        rotate=True,
        max_answers=addresses.most(qtype, policy.max_answers) if plain else 0,
    )


def _nobody(question: Question, found: Service, decision: Placement) -> Answer:
    """Nobody may answer, or nobody is there: the reasons of the placement say which."""
    left = [each for each in decision.left_out if each.reason not in {Reason.PART, Reason.OTHER_KIND}]
    ready = [each for each in left if each.candidates[0].ready]
    if left and all(each.reason is Reason.JURISDICTION for each in ready or left):
        return nodata(question, (codes.EDE_FILTERED, "no place where this service may be answered from"))
    if ready or any(each.candidates[0].kind is not AddressKind.POD_IP for each in left):
        return nodata(question, (codes.EDE_NO_REACHABLE_AUTHORITY, "no address that may be handed out now"))
    # M13: what a fresh member says is believed; unready is not unknown.
    if found.headless and question.asked.zone.kind == "clusterset" and not question.asked.directive:
        return absent(question)
    return empty(question, _owners(question))


def _cluster(question: Question, found: Service) -> Answer:
    """`<cluster>.<service>`: never a record in the clusterset zone (M9, M15), everything of the cluster elsewhere."""
    asked = question.asked
    decision = placement(question, found)
    if asked.zone.kind == "clusterset":
        if not found.headless:
            return unnamed(question)
        below = any(each.host for each in _own(decision, FORBIDDEN | {Reason.CLOSED}))
        return nodata(question) if below else absent(question, {asked.cluster})
    if not any(export.cluster == asked.cluster for export in found.exports):
        return absent(question, {asked.cluster})
    own = _own(decision, FORBIDDEN)
    # The host of an endpoint that is not ready has no name for SRV to point at (M11).
    if not own and not (found.headless and question.query.qtype == codes.SRV):
        own = in_order(each.candidates for each in decision.left_out if each.reason not in FORBIDDEN)
    if not own:
        return _nobody(question, found, decision)
    return answer(question, found, _all_of(own), question.query.name)


def _host(question: Question, found: Service) -> Answer:
    """`<host>.<cluster>.<service>`: every ready endpoint of that name (M11), whatever the ladder prefers."""
    asked = question.asked
    if not found.headless:
        return absent(question, {asked.cluster})
    decision = placement(question, _only(found, asked.cluster, asked.host))
    own = [each for each in _own(decision, FORBIDDEN | {Reason.CLOSED}) if each.host.lower() == asked.host]
    if own:
        return answer(question, found, _all_of(own), question.query.name)
    ready = tuple(
        each
        for each in decision.left_out
        if each.candidates[0].ready
        and each.reason is not Reason.PART
        and any(candidate.host.lower() == asked.host for candidate in each.candidates)
    )
    return _nobody(question, found, Placement((), ready)) if ready else absent(question, {asked.cluster})


def _only(found: Service, cluster: str, host: str) -> Service:
    """The service as if it had but this host: placing one of many thousand endpoints costs what placing one does.

    All that is said of its addresses is kept, for an endpoint may stand in two slices, and have a hostname in one.
    """
    exports = []
    for export in found.exports:
        if export.cluster == cluster:
            hosts = _hosts(found, export)
            own: dict[tuple[Port, ...], list[Endpoint]] = {}
            for address in sorted(hosts.addresses.get(host, ())):
                for ports, at in hosts.endpoints[address]:
                    own.setdefault(ports, []).append(at)
            slices = chain.from_iterable(pack(ports, points) for ports, points in own.items())
            exports.append(structs.replace(export, slices=tuple(slices)))
        else:
            # What another member forbids binds this one, too.
            exports.append(structs.replace(export, slices=()))
    return structs.replace(found, exports=tuple(exports))


class _Hosts(NamedTuple):
    """The addresses of each host label of one member, and all that its slices say of each address."""

    addresses: dict[str, set[bytes]]
    endpoints: dict[bytes, list[tuple[tuple[Port, ...], Endpoint]]]


def _hosts(found: Service, export: Export) -> _Hosts:
    """Made when a host of this member is first asked for: to list all hosts costs what there is, not its square."""
    key = ("hosts", export.cluster)
    known: _Hosts | None = found.memory.get(key)
    if known is None:
        known = found.memory[key] = _Hosts({}, {})
        for each in export.slices:
            for at in each.endpoints():
                known.addresses.setdefault(host_label(at.hostname, at.address).lower(), set()).add(at.address)
                known.endpoints.setdefault(at.address, []).append((each.ports, at))
    return known


def _above(question: Question, found: Service) -> Answer:
    """A name above dotted cluster ids or pinned names: it has no records, and exists where names below it do."""
    asked, labels = question.asked, question.query.labels
    left = ".".join(label.decode("latin-1") for label in labels[: len(labels) - len(asked.home)])
    if asked.protocol:
        return unnamed(question)  # a port of a dotted cluster does not lie below this name
    decision = placement(question, found)
    if left.endswith(tuple(ANCHORS)):
        return nodata(question) if decision.groups else _nobody(question, found, decision)
    below = {name for name in question.state.world.clusters if name.lower().endswith(f".{left}")}
    exists = any(export.cluster in below for export in found.exports)
    if asked.zone.kind == "clusterset":
        if not found.headless:
            return unnamed(question)
        own = _own(decision, FORBIDDEN | {Reason.CLOSED})
        exists = any(each.host and each.cluster in below for each in own)
    return nodata(question) if exists else absent(question, below)


def _own(decision: Placement, excluded: Collection[Reason]) -> Sequence[Candidate]:
    """The candidates that answer, and the ready ones that were left out for other reasons than these."""
    chosen = [each for group in decision.groups for each in group.candidates]
    ready = [each for each in decision.left_out if each.candidates[0].ready or each.priority is not None]
    return [*chosen, *in_order(each.candidates for each in ready if each.reason not in excluded)]


def _all_of(own: Sequence[Candidate]) -> Placement:
    """All of them, as one group."""
    return Placement((Group(tuple(own), Fraction(1), Rung.CLUSTER, Tier.READY),), ())


def _target(asked: Asked, found: Service) -> Target:
    """How SRV names a candidate: a host of a headless service, else the cluster, where such names exist."""
    home = asked.home
    if found.headless:
        return lambda candidate: (candidate.host, *candidate.cluster.split("."), *home)
    if _alone(asked, found):
        return lambda _candidate: home
    return lambda candidate: (*candidate.cluster.split("."), *home)


def _alone(asked: Asked, found: Service) -> bool:
    """Whether the service's own name is the only one that has its addresses (M6, M9)."""
    return asked.zone.kind == "clusterset" and not found.headless


def _has_port(found: Service, asked: Asked) -> bool:
    """Whether a named port fits; without a port's name any of the protocol does."""
    return any(
        port.name and port.protocol.lower() == asked.protocol and asked.port in {"", port.name.lower()}
        for port in found.ports
    )


def _owners(question: Question) -> set[str] | None:
    """The members that could own what is asked; None for all."""
    asked = question.asked
    if asked.cluster:
        return {asked.cluster}
    return None


def _ttl(question: Question, policy: Policy, used: Iterable[str]) -> int:
    ttl = question.asked.zone.ttl if policy.ttl is None else policy.ttl
    ttl = ttl if policy.ttl_limit is None else min(ttl, policy.ttl_limit)
    fresh = all(question.state.freshness(cluster) is Freshness.FRESH for cluster in set(used))
    return ttl if fresh else min(ttl, UNSURE_TTL)


def _ede(question: Question, used: Iterable[str], groups: Sequence[Group]) -> tuple[tuple[int, str], ...]:
    """Stale members in the answer, and other reasons to look twice."""
    stale = outdated(question, used)
    if stale:
        return (
            tell(question, codes.EDE_STALE_ANSWER, "last known answer of a member that is not heard or reached", stale),
        )
    text = OTHER_TEXT.get(groups[0].tier, "")
    return ((codes.EDE_OTHER, text),) if text else ()
