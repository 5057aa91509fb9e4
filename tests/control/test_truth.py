"""The truth: what is asked of it beside its parts."""

from fedns.control.truth import Truth
from tests.control.stage import export, rules


def test_an_export_is_found_by_member_and_name() -> None:
    """Each member's export of one name is its own; nothing stands for what nobody exports."""
    truth = Truth(rules=rules("eu1", "us1"))
    truth.catalog.replace("eu1", [export("eu1", "web", "10.0.0.1")])
    truth.catalog.replace("us1", [export("us1", "web", "10.0.0.2"), export("us1", "only")])
    assert truth.export("us1", ("shop", "web")) == export("us1", "web", "10.0.0.2")
    assert truth.export("eu1", ("shop", "only")) is None
    assert truth.export("eu1", ("shop", "nothing")) is None
