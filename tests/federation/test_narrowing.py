"""Annotations of services: they take away from what the policy allows, and add nothing to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fedns.federation.narrowing import narrowed
from fedns.federation.objects import Service
from fedns.federation.placement import Policy, policy_for
from tests.federation.worlds import UP, export, pods, policies, service

Notes = dict[str, str]


def told(*notes: Notes) -> Service:
    """A service of as many members, each with these annotations of fedns.io."""
    return service(
        *(
            export(
                f"eu{at}", *pods(UP, net=at), annotations=tuple((f"fedns.io/{key}", text) for key, text in each.items())
            )
            for at, each in enumerate(notes, 1)
        )
    )


@pytest.mark.parametrize(
    ("policy", "notes", "expected"),
    [
        pytest.param(None, [{"jurisdictions": "eu, ch"}], ("eu", "ch"), id="where the policy says nothing"),
        pytest.param(("eu", "us"), [{"jurisdictions": "eu,ch"}], ("eu",), id="within the policy"),
        pytest.param(("us",), [{"jurisdictions": "eu"}], (), id="nothing is left"),
        pytest.param(None, [{"jurisdictions": " , "}], (), id="none is nowhere"),
        pytest.param(None, [{"jurisdictions": "eu,ch"}, {"jurisdictions": "ch,us"}], ("ch",), id="every member counts"),
        pytest.param(None, [{}, {"jurisdictions": "eu"}], ("eu",), id="one member is enough"),
        pytest.param(None, [{"addresses": "PodIP"}], None, id="another annotation"),
    ],
)
def test_jurisdictions(policy: tuple[str, ...] | None, notes: list[Notes], expected: tuple[str, ...] | None) -> None:
    """What is left is what the policy and every member allow."""
    assert narrowed(Policy(jurisdictions=policy), told(*notes)).jurisdictions == expected


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        pytest.param({"whenAllUnhealthy": "closed"}, Policy(when_all_unhealthy="closed"), id="closed"),
        pytest.param({"whenAllUnhealthy": "open"}, Policy(), id="open says nothing"),
        pytest.param({"ttl": "30"}, Policy(ttl_limit=30), id="a TTL at most"),
        pytest.param({"ttl": " 0 "}, Policy(ttl_limit=0), id="no TTL"),
        pytest.param({"ttl": "-1", "maxAnswers": "x"}, Policy(), id="no numbers"),
        pytest.param({"ttl": "\u0663", "maxAnswers": "1" * 10}, Policy(), id="no numbers of ours"),
        pytest.param({"maxAnswers": "3"}, Policy(max_answers=3), id="fewer addresses"),
        pytest.param({"maxAnswers": "0"}, Policy(), id="no limit says nothing"),
    ],
)
def test_others(notes: Notes, expected: Policy) -> None:
    """Words and numbers that narrow count; whatever else stands there says nothing."""
    assert narrowed(Policy(), told(notes)) == expected


def test_closed_stays_closed() -> None:
    """No annotation opens what the policy has closed, nor raises a limit."""
    policy = Policy(when_all_unhealthy="closed", max_answers=2)
    assert narrowed(policy, told({"whenAllUnhealthy": "open", "maxAnswers": "9"})) == policy


@given(
    policy=policies,
    notes=st.lists(
        st.dictionaries(
            st.sampled_from(("jurisdictions", "whenAllUnhealthy", "ttl", "maxAnswers")),
            st.sampled_from(("eu", "us,eu", "closed", "open", "", "0", "7")),
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_nothing_is_ever_widened(policy: Policy, notes: list[Notes]) -> None:
    """Whatever is written, every field allows at most what it allowed, and the others stay as they are."""
    result = policy_for(told(*notes), [policy])
    if policy.jurisdictions is not None:
        assert set(result.jurisdictions or ()) <= set(policy.jurisdictions)
        assert result.jurisdictions is not None
    assert (policy.when_all_unhealthy, result.when_all_unhealthy) != ("closed", "open")
    if policy.max_answers:
        assert 0 < result.max_answers <= policy.max_answers
    narrow = {"jurisdictions", "when_all_unhealthy", "ttl_limit", "max_answers"}
    for field in structs.fields(Policy):
        assert field.name in narrow or getattr(result, field.name) == getattr(policy, field.name)


def test_a_namespace_speaks_for_its_services() -> None:
    """What it says and what the service says count together, of every member."""
    spoken = service(
        export("eu1", *pods(UP), annotations=(("fedns.io/jurisdictions", "eu,ch"), ("fedns.io/ttl", "9"))),
        structs.replace(export("eu2", *pods(UP, net=2)), namespace_annotations=(("fedns.io/jurisdictions", "ch,us"),)),
        structs.replace(export("eu3", *pods(UP, net=3)), namespace_annotations=(("fedns.io/ttl", "3"),)),
    )
    result = narrowed(Policy(), spoken)
    assert (result.jurisdictions, result.ttl_limit) == (("ch",), 3)
