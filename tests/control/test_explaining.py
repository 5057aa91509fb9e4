"""The page that explains: the same as the command prints, from what the control process holds."""

import pytest

from fedns.control.explaining import Explaining
from tests.control.stage import Control, export


def test_a_service_is_explained(control: Control) -> None:
    """Every candidate with its reason, for the client that was asked about."""
    control.pipeline.replaced("eu1", [export("eu1", "web")])
    found = Explaining(control.truth).page("web.shop.svc.clusterset.local", "192.0.2.1")
    assert found["service"] == "shop/web"
    assert found["location"]["rule"] == "local"
    assert [each["address"] for each in found["candidates"]] == ["10.0.0.1"]


@pytest.mark.parametrize(
    ("name", "source", "words"),
    [
        ("shop/web", "192.0.2.1", "no member exports shop/web"),
        ("shop/web", "here", "'here' does not appear to be"),
    ],
)
def test_what_cannot_be(name: str, source: str, words: str, control: Control) -> None:
    """No such service, no such address."""
    with pytest.raises(ValueError, match=words):
        Explaining(control.truth).page(name, source)
