"""The truth model: it knows what was true when, and catches every kind of lie."""

from typing import Any

import pytest

from fedns.lab.hub import Hub
from fedns.lab.oracle import Heard, Kind, Oracle
from fedns.lab.simulator import Deployment
from fedns.lab.store import Store

KEY = ("shop", "web")
ONE, TWO, THREE = "10.1.0.1", "10.1.0.2", "10.2.0.1"


def deployment(pods: int = 2, **more: Any) -> Deployment:
    """A headless service with so many pods, from 10.1.0.1 on."""
    fields: dict[str, Any] = {"name": "web", "pod_range": "10.1.0.0/24", **more}
    return Deployment(namespace="shop", zones={"a": pods}, headless=True, **fields)


def put(store: Store, made: Deployment) -> None:
    """Have a deployment in a store as it is now."""
    for item in made.objects():
        store.apply(item)


def told(*addresses: str, rcode: int = 0, ttl: int = 5, errors: tuple[int, ...] = ()) -> Heard:
    """An answer."""
    return Heard(rcode, frozenset(addresses), ttl, frozenset(errors))


@pytest.fixture
def eu() -> Store:
    """The store of eu1, with two pods."""
    store = Store()
    put(store, deployment())
    return store


@pytest.fixture
def oracle(eu: Store) -> Oracle:
    """At 0 eu1 has two pods and us1 one; at 10 eu1 has only the first; answers may be 2 s old."""
    us = Store()
    put(us, deployment(1, pod_range="10.2.0.0/24"))
    made = Oracle({"eu1": eu, "us1": us}, limit=2.0)
    made.look(0.0)
    put(eu, deployment(1))
    made.look(10.0)
    return made


@pytest.mark.parametrize(
    ("heard", "now", "kind", "age"),
    [
        pytest.param(told(ONE), 10.0, Kind.CORRECT, 0.0, id="some of it"),
        pytest.param(told(ONE, THREE), 30.0, Kind.CORRECT, 0.0, id="all of it"),
        pytest.param(told(ONE, TWO), 11.0, Kind.OLDER, 1.0, id="what was true a second ago"),
        pytest.param(told(TWO), 12.5, Kind.WRONG, 2.5, id="too old"),
        pytest.param(told(TWO, errors=(3,)), 99.0, Kind.OLDER, 89.0, id="old and marked"),
        pytest.param(told(TWO, errors=(3,), ttl=30), 99.0, Kind.WRONG, 89.0, id="marked, for too long"),
        pytest.param(told(TWO, errors=(17,)), 99.0, Kind.WRONG, 89.0, id="another mark"),
        pytest.param(told("10.9.0.1"), 10.0, Kind.WRONG, float("inf"), id="never true"),
        pytest.param(told("10.9.0.1", errors=(3,)), 10.0, Kind.WRONG, float("inf"), id="never true, marked"),
        pytest.param(told(ONE, "10.9.0.1"), 10.0, Kind.WRONG, float("inf"), id="one that was never true"),
        pytest.param(told(), 10.0, Kind.WRONG, float("inf"), id="NODATA"),
        pytest.param(told(rcode=3), 10.0, Kind.WRONG, float("inf"), id="NXDOMAIN"),
        pytest.param(told(rcode=3, errors=(19,)), 10.0, Kind.WRONG, float("inf"), id="NXDOMAIN, marked"),
        pytest.param(told(rcode=2), 10.0, Kind.SERVFAIL, 0.0, id="SERVFAIL"),
    ],
)
def test_answers_are_told_apart(oracle: Oracle, heard: Heard, now: float, kind: Kind, age: float) -> None:
    """What is true, was true, was never true; a mark excuses age, and nothing else."""
    verdict = oracle.judge(heard, KEY, now)
    assert (verdict.kind, verdict.age) == (kind, age)
    assert bool(verdict.detail) == (kind is Kind.WRONG)


def test_a_service_that_went_may_be_denied(oracle: Oracle, eu: Store) -> None:
    """Nothing is told of what has nothing any more; and what came back cannot be denied for long."""
    put(eu, deployment(0))
    oracle.look(20.0)
    assert oracle.judge(told(rcode=3), KEY, 20.0).kind is Kind.WRONG  # us1 has one still
    alone = Oracle({"eu1": eu}, limit=2.0)
    alone.look(20.0)
    assert alone.judge(told(rcode=3), KEY, 25.0).kind is Kind.CORRECT
    put(eu, deployment(1))
    alone.look(30.0)
    assert [alone.judge(told(), KEY, at).kind for at in (30.0, 31.0, 33.0)] == [Kind.CORRECT, Kind.OLDER, Kind.WRONG]
    assert alone.judge(told(errors=(19,)), KEY, 33.0).kind is Kind.OLDER


def test_who_is_blind_may_deny_what_is_new_and_nothing_else(oracle: Oracle, eu: Store) -> None:
    """While a fault hides a member, what came since is not known; what was there before must not be denied."""
    put(eu, deployment(1, name="new"))
    oracle.look(20.0)
    oracle.blind = True
    assert oracle.judge(told(rcode=3), ("shop", "new"), 40.0).kind is Kind.OLDER
    assert oracle.judge(told(rcode=3), KEY, 40.0).kind is Kind.WRONG
    assert oracle.judge(told(TWO), KEY, 40.0).kind is Kind.WRONG


def test_only_what_is_exported_and_ready_is_true() -> None:
    """No export, not ready, or not permitted: no address of it is ever right."""
    store = Store()
    hidden = deployment(2, name="hidden", exported=False)
    unready = deployment(2)
    unready.pods[1].ready = False
    for each in (hidden, unready):
        put(store, each)
    oracle = Oracle({"eu1": store}, limit=2.0)
    oracle.look(0.0)
    assert oracle.services() == {KEY}
    assert oracle.now(KEY) == {ONE}
    strict = Oracle({"eu1": store}, limit=2.0, permits=lambda _cluster, _key, address: address != ONE)
    strict.look(0.0)
    assert strict.now(KEY, "eu1") == frozenset()


def test_a_labelled_service_is_exported_without_definitions() -> None:
    """A member without the definitions of the Multi-Cluster Services API exports by label."""
    store = Store(multicluster=False)
    made = deployment(1, exported=False, labels={"fedns.io/export": "true"})
    put(store, made)
    oracle = Oracle({"eu1": store}, limit=2.0)
    oracle.look(0.0)
    assert oracle.now(KEY) == {ONE}


def test_a_mark_excuses_the_last_copy_and_the_local_cluster_only(eu: Store) -> None:
    """While another member has the service an old answer is wrong, unless it is of a kept member; alone it is older."""
    us = Store()
    put(us, deployment(1, pod_range="10.2.0.0/24"))
    stores = {"eu1": eu, "us1": us}
    strict, local = Oracle(stores, limit=2.0, kept=()), Oracle(stores, limit=2.0, kept=("eu1",))
    for each in (strict, local):
        each.look(0.0)
    put(eu, deployment(1))
    old = told(TWO, errors=(3,))
    for each in (strict, local):
        each.look(10.0)
    assert (strict.judge(old, KEY, 20.0).kind, local.judge(old, KEY, 20.0).kind) == (Kind.WRONG, Kind.OLDER)
    put(us, deployment(0, pod_range="10.2.0.0/24"))
    strict.look(21.0)
    assert strict.judge(old, KEY, 22.0).kind is Kind.OLDER
    assert strict.judge(told(TWO), KEY, 22.0).kind is Kind.WRONG


def test_a_restored_store_is_the_truth_again(eu: Store) -> None:
    """What a restore brings back is true, whatever its version."""
    oracle = Oracle({"eu1": eu}, limit=2.0)
    snapshot = eu.snapshot()
    put(eu, deployment(1))
    oracle.look(0.0)
    eu.restore(snapshot)
    oracle.look(10.0)
    assert oracle.now(KEY) == {ONE, TWO}


def test_what_a_hub_tells_of_is_true() -> None:
    """The ready addresses of headless imports, of all their sources, and the IPs of the others."""
    hub = Hub(
        sources={
            "ap1": [deployment(1), Deployment(namespace="shop", name="till", zones={"a": 1}, pod_range="10.4.0.0/24")],
            "ap2": [deployment(1, pod_range="10.2.0.0/24")],
        }
    )
    store = Store()
    for item in hub.objects():
        store.apply(item)
    oracle = Oracle({"hub": store}, limit=2.0)
    oracle.look(0.0)
    assert oracle.now(KEY) == {ONE, THREE}
    assert oracle.now(("shop", "till")) == {"10.250.0.1"}
