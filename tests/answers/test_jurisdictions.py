"""The law of the place: whatever fails, is drained or is asked, no address from elsewhere is ever named.

Every form of name is asked, in worlds made by chance; each address tells which cluster it is from.
"""

from ipaddress import ip_address
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fedns.answers import codes
from fedns.federation.drains import Drain
from fedns.federation.health import Freshness
from fedns.federation.objects import READY, SERVING, TERMINATING, Cluster, Endpoint, Export, Port, pack
from fedns.federation.placement import Policy
from tests.answers.federations import FEDERAL, IN_EU, IN_US, OUTSIDE, STRICT, ZONES, ask, errors, federation

PLACES: Final = {"eu1": ("eu", "eu"), "eu2": ("eu", "eu"), "us1": ("us", "us"), "nowhere": ("", "")}
"""Region and jurisdiction of each member; its addresses are 10.<its number>.0.0/16."""
NAMES: Final = tuple(PLACES)
PORT: Final = Port("http", 80)
FORMS: Final = (
    f"api.shop.{FEDERAL}",
    f"api.shop.{STRICT}",
    "api.shop.myfed.svc.eu.example.com",
    "api.shop.myfed.svc.us.example.com",
    "api.shop.myfed.svc.a.us.example.com",
    f"us.pin._region.api.shop.{FEDERAL}",
    f"us.prefer._region.api.shop.{FEDERAL}",
    f"a.prefer._zone.api.shop.{FEDERAL}",
    *(f"{each}.pin._cluster.api.shop.{FEDERAL}" for each in NAMES),
    *(f"{each}.prefer._cluster.api.shop.{STRICT}" for each in NAMES),
    *(f"{each}.api.shop.{zone}" for each in NAMES for zone in (FEDERAL, STRICT)),
    *(f"pet-0.{each}.api.shop.{zone}" for each in NAMES for zone in (FEDERAL, STRICT)),
    *(f"_http._tcp.{form}api.shop.{FEDERAL}" for form in ("", "us1.", "pet-0.us1.")),
)


def exported(name: str, headless: bool, conditions: list[int], annotation: str | None) -> Export:
    """What one member has: pods in two zones, and an address for all of them."""
    net = NAMES.index(name)
    endpoints = [
        Endpoint(bytes((10, net, 0, at)), each, "ab"[at % 2], "pet-0" if at == 1 else "")
        for at, each in enumerate(conditions, 1)
    ]
    notes = (("fedns.io/jurisdictions", annotation),) if annotation is not None else ()
    return Export(
        name,
        "shop",
        "api",
        created=1,
        headless=headless,
        ports=(PORT,),
        cluster_ips=(bytes((10, net, 1, 1)),),
        load_balancer_ips=(bytes((10, net, 1, 2)),),
        slices=pack((PORT,), endpoints),
        annotations=notes,
    )


_conditions = st.lists(st.sampled_from((READY | SERVING, SERVING | TERMINATING, 0)), max_size=3)
_drains = st.lists(
    st.builds(Drain, cluster=st.sampled_from(NAMES), zone=st.sampled_from(("", "a")), force=st.booleans()), max_size=3
)
_allowed = st.sampled_from((None, (), ("eu",), ("us",)))


@given(
    members=st.dictionaries(st.sampled_from(NAMES), _conditions, min_size=1),
    annotations=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(("eu", "us", "eu,us", "")), max_size=2),
    allowed=_allowed,
    headless=st.booleans(),
    states=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(Freshness)),
    drains=_drains,
    policy=st.builds(
        Policy,
        weights=st.dictionaries(st.sampled_from(NAMES), st.sampled_from((0, 1, 3)), max_size=3),
        min_ready=st.sampled_from((1, 5, "50%")),
    ),
    where=st.sampled_from((IN_EU, IN_US, OUTSIDE)),
)
def test_no_name_leads_out_of_the_jurisdictions(
    *,
    members: dict[str, list[int]],
    annotations: dict[str, str],
    allowed: tuple[str, ...] | None,
    headless: bool,
    states: dict[str, Freshness],
    drains: list[Drain],
    policy: Policy,
    where: Any,
) -> None:
    """Policy and annotations bind every form of name, in any state of the members, and before any last resort."""
    clusters = tuple(
        Cluster(name=name, region=region, jurisdiction=law, cluster_ips_routable=True)
        for name, (region, law) in PLACES.items()
    )
    exports = [exported(name, headless, ready, annotations.get(name)) for name, ready in members.items()]
    state = federation(
        exports,
        states=states,
        policies=(structs.replace(policy, jurisdictions=allowed),),
        clusters=clusters,
        zones=ZONES,
    )
    state = structs.replace(state, rules=structs.replace(state.rules, drains=tuple(drains)))
    binding = [set(allowed)] if allowed is not None else []
    binding += [set(filter(None, annotations[name].split(","))) for name in members if name in annotations]
    for form in FORMS:
        answer = ask(form, "SRV" if form.startswith("_") else "A", state, where=where)
        records = [each for group in answer.groups for each in (*group.records, *group.additional)]
        for record in records:
            if record.rtype == codes.A:
                name = NAMES[ip_address(record.rdata).packed[1]]
                assert all(PLACES[name][1] in laws for laws in binding), (form, name)
        assert 17 not in errors(answer) or not records
