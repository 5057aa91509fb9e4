"""Feeds follow the configured members, here simulated API servers over real sockets."""

from pathlib import Path

import msgspec
import pytest

from fedns.control.feeds import Feeds
from fedns.federation.objects import Cluster
from fedns.lab.cluster import FakeCluster
from fedns.settings.schema import FAST, Kubeconfig, Member, Settings
from tests.control.stage import Control, export, until


def member(api: FakeCluster, directory: Path) -> Member:
    """How to follow a simulated cluster."""
    config = api.kubeconfig(directory / f"{api.name}.yaml")
    return Member(cluster=Cluster(name=api.name), kubeconfig=Kubeconfig(path=str(config)))


async def test_exactly_the_configured_members_are_followed(
    control: Control, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A new member is started, one that left is stopped, one that changed is started anew, the others go on."""
    feeds = Feeds(control.pipeline)
    async with FakeCluster("eu1") as eu1, FakeCluster("us1") as us1:
        first, second = member(eu1, tmp_path), member(us1, tmp_path)
        settings = Settings(clusters=(first,), freshness=FAST)
        try:
            await feeds.follow(settings)
            await until(lambda: control.truth.read == {"eu1"}, "eu1 is read")
            eldest = feeds.running["eu1"]
            await feeds.follow(msgspec.structs.replace(settings, clusters=(first, second)))
            await until(lambda: control.truth.read == {"eu1", "us1"}, "us1 is read")
            assert feeds.running["eu1"] is eldest
            control.pipeline.changed("eu1", ("shop", "web"), export("eu1", "web"))
            changed = msgspec.structs.replace(first, exports=("All",))
            await feeds.follow(msgspec.structs.replace(settings, clusters=(changed,)))
            assert control.truth.export("eu1", ("shop", "web")), "the old truth is kept until the new one is there"
            await until(lambda: not control.truth.export("eu1", ("shop", "web")), "eu1 is read anew")
            assert set(feeds.running) == {"eu1"}
            assert feeds.running["eu1"] is not eldest
        finally:
            await feeds.close()
    assert feeds.running == {}
    assert "has ended" not in caplog.text
