"""The event path of nodes: where clients are, from a member's word to the workers."""

from pathlib import Path

from tests.control.stage import Control, node, rules, until


async def test_nodes_reach_the_workers(tmp_path: Path) -> None:
    """Those of the local cluster; a heartbeat is no news, and one that goes is told, also to a worker that comes."""
    control = Control(rules("eu1", "us1", local="eu1"), tmp_path / "control")
    async with control.serving(), control.worker() as replica:
        control.pipeline.located("eu1", {"n1": node(1), "n2": node(2)}, whole=True)
        await control.told(replica)
        assert set(replica.nodes) == {"n1", "n2"}
        generation = control.publisher.generation
        control.pipeline.located("eu1", {"n1": node(1)}, whole=False)
        control.pipeline.located("us1", {"n9": node(9)}, whole=True)
        assert control.publisher.generation == generation
        control.pipeline.located("eu1", {"n1": node(1, "eu-b"), "n2": None}, whole=False)
        await control.told(replica)
        assert replica.nodes == {"n1": node(1, "eu-b")}
        async with control.worker() as late:
            await control.told(late)
            await until(lambda: late.nodes == replica.nodes, "a late worker knows the nodes")
        control.pipeline.reload(rules("eu1", "us1", local="us1"))
        await control.told(replica)
        assert replica.nodes == {}


def test_that_there_are_no_nodes_is_news(tmp_path: Path) -> None:
    """A worker may hold some from a control process before this one."""
    control = Control(rules("eu1", local="eu1"), tmp_path / "control")
    generation = control.publisher.generation
    control.pipeline.located("eu1", {}, whole=True)
    assert (control.truth.nodes, control.publisher.generation) == ({}, generation + 1)
