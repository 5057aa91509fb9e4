"""Selectors over labels and fields."""

import pytest

from fedns.lab.selectors import both
from fedns.lab.status import ApiError

ITEM = {"metadata": {"name": "web", "namespace": "shop", "labels": {"app": "a", "fast": ""}}}


@pytest.mark.parametrize(
    ("labels", "fields", "found"),
    [
        ("", "", True),
        ("app", "", True),
        ("!app", "", False),
        ("nope", "", False),
        ("!nope", "", True),
        ("app=a", "", True),
        ("app==a", "", True),
        ("app = a , fast=", "", True),
        ("app!=a", "", False),
        ("nope!=a", "", True),
        ("app in (a, b)", "", True),
        ("app notin (a,b)", "", False),
        ("nope notin (a)", "", True),
        ("app in (b),app=a", "", False),
        ("", "metadata.name=web,metadata.namespace=shop", True),
        ("", "metadata.name!=web", False),
        ("app=a", "metadata.name==other", False),
    ],
)
def test_choice(labels: str, fields: str, found: bool) -> None:
    """All terms must hold; a missing label is unequal to everything."""
    assert both(labels, fields)(ITEM) is found


@pytest.mark.parametrize(("labels", "fields"), [("a=b=c", ""), ("a in b", ""), ("", "spec.type=x"), ("", "nope")])
def test_nonsense(labels: str, fields: str) -> None:
    """A selector that cannot be read, or a field that cannot be selected, is a 400."""
    with pytest.raises(ApiError) as caught:
        both(labels, fields)
    assert caught.value.code == 400


def test_item_without_labels() -> None:
    """No labels at all is the same as none that match."""
    assert not both("app=a", "")({"metadata": {"name": "x", "labels": None}})
