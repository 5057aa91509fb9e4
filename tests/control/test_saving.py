"""A snapshot of the truth: a replica that reads it answers as the workers do."""

from msgspec import structs

from fedns.answers.snapshot import unpack
from fedns.answers.wire import Members, Replace, frame
from fedns.control.saving import Saving
from fedns.federation.health import Synced
from tests.control.stage import Control, export


def test_it_is_of_one_moment(control: Control) -> None:
    """What changes while the pieces are taken is not in it; a member that was not read is named, without exports."""
    control.pipeline.replaced("eu1", [export("eu1", "web"), export("eu1", "api")])
    control.pipeline.observed("eu1", Synced())
    control.truth.rules = structs.replace(control.truth.rules, cookie_secrets=(b"s" * 16,))
    generation = control.publisher.generation
    pieces = Saving(control.truth, control.publisher).pieces()
    control.pipeline.replaced("eu1", [])
    found = unpack(b"".join(pieces))
    assert b"s" * 16 not in b"".join(map(frame, found.messages))
    assert found.messages[-1].generation == generation  # type: ignore[union-attr]
    (members,) = [each for each in found.messages if isinstance(each, Members)]
    assert {each.cluster: each.synced for each in members.statuses} == {"eu1": True, "us1": False}
    told = [each for each in found.messages if isinstance(each, Replace)]
    assert {each.name for one in told for each in one.exports} == {"web", "api"}
    assert {one.cluster for one in told} == {"eu1"}
