"""`fedns lab`: simulated clusters with a real `fedns serve`, on this machine, for trying and breaking."""

import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from fedns.lab.story import Tale
    from fedns.lab.world import World

DIRECTORY = Path(tempfile.gettempdir()) / "fedns-lab"


@click.group(invoke_without_command=True)
@click.option("--members", default=3, show_default=True, type=click.IntRange(1, 9), help="Simulated clusters.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="DNS worker processes.")
@click.option("--port", default=5353, show_default=True, help="DNS port on 127.0.0.1, UDP and TCP.")
@click.option(
    "--dir", "directory", default=DIRECTORY, show_default=True, type=click.Path(path_type=Path), help="Files."
)
@click.option(
    "--script",
    type=click.Choice(["demo", "burst", "drain", "jurisdiction", "migrate", "chaos"]),
    help="Tell a story; chaos: break everything at random while all answers are checked. 0 when all was right.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of chaos: the same seed, the same faults.")
@click.option("--minutes", type=click.FloatRange(0.1), default=1.0, show_default=True, help="Of chaos.")
@click.option(
    "--real",
    is_flag=True,
    help="Real etcd and kube-apiservers, from KUBEBUILDER_ASSETS; two in chaos.",
)
@click.pass_context
def lab(
    context: click.Context,
    members: int,
    workers: int,
    port: int,
    directory: Path,
    script: str | None,
    seed: int,
    minutes: float,
    *,
    real: bool,
) -> None:
    """Start simulated clusters and a real fedns that follows them; stays up until Ctrl-C."""
    if context.invoked_subcommand is not None:
        context.obj = directory
        return
    from fedns.lab.members import plan

    if script == "chaos":
        sys.exit(_end(_chaos(directory, members, workers, port, seed, minutes, real=real), 130))
    if script and (real or members != 3):
        raise click.UsageError("a story needs its three simulated members: leave --real and --members out")
    from fedns.lab.tales import TALES
    from fedns.lab.world import World

    tale = TALES[script] if script else None
    world = World(
        directory,
        members=members,
        workers=workers,
        port=port,
        real=[member.name for member in plan(members)] if real else (),
        settings=tale.settings if tale else None,
        entries=tale.entries if tale else None,
    )
    sys.exit(_end(_run(world, tale), 130 if script else 0))


def _end(story: Coroutine[Any, Any, bool], stopped: int) -> int:
    """Run it to its end: the exit code, `stopped` after Ctrl-C."""
    try:
        return 0 if asyncio.run(story) else 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        click.echo("\nstopped")
        return stopped
    except (RuntimeError, OSError) as error:
        raise click.ClickException(str(error)) from error


async def _chaos(
    directory: Path, members: int, workers: int, port: int, seed: int, minutes: float, *, real: bool
) -> bool:
    from fedns.lab import chaos

    reals = min(chaos.REAL, members - 1) if real else 0
    world, snapshot = chaos.made(directory, members=members, workers=workers, port=port, real=reals)
    async with world:
        run = chaos.Chaos(world, seed=seed, snapshot=snapshot)
        await world.deploy()
        await run.prepare()
        await world.serve()
        outcome = await run.run(minutes * 60)
    click.echo("\n".join(outcome.lines()))
    return outcome.good


async def _run(world: "World", tale: "Tale | None") -> bool:
    from fedns.lab.story import Story

    task = asyncio.current_task()
    assert task is not None
    # Like Ctrl-C: whatever has been started, members included, is ended in order.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with world:
        story = Story(world, tale) if tale else None
        if story is None:
            await world.deploy()
        await world.serve()
        click.echo(world.describe())
        if story is not None:
            return await story.tell()
        await asyncio.Event().wait()
    return True


@lab.command()
@click.argument("cluster")
@click.argument("verb")
@click.pass_obj
def fault(directory: Path, cluster: str, verb: str) -> None:
    """Break CLUSTER of the running lab, or heal it.

    VERB is one of these; a word after @ limits it to requests whose path contains it: hang@endpointslices.

    \b
    reachable   hang, reset, partition, stop, freeze (its process), latency=200ms
    refusals    status=503, retry-after=7, redirect=URL, rotate-token[=GRACE], rotate-certificate
    watches     gone[=http|continue|always], no-watchlist[=400|422], old-etcd, no-bookmarks, no-initial-end
    lies        swallow=RATE (events lost), empty or short (lists), lag=VERSIONS (a replica behind),
                snapshot, then restore (etcd goes back in time)
    bytes       garble=bits|cut|utf8|twice|type|fields[:RATE], huge=3MiB, deep=100000, bomb=64MiB (gzip)
    cure        heal
    """  # noqa: D301 -- click takes the character itself for: leave these lines as they are
    from fedns.lab.members import break_process
    from fedns.lab.world import STATE_FILE

    try:
        state = json.loads((directory / STATE_FILE).read_text())
    except FileNotFoundError:
        raise click.ClickException(f"no lab is running in {directory}: start one with `fedns lab`") from None
    if cluster not in state["clusters"]:
        raise click.ClickException(f"the lab has no cluster {cluster}, but {', '.join(state['clusters'])}")
    try:
        asyncio.run(break_process(**state["clusters"][cluster], text=verb))
    except (RuntimeError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{cluster}: {verb}")
