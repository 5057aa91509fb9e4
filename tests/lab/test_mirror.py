"""Mirror: what a member in another process holds is known here, also when it cannot be changed."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from fedns.lab import network
from fedns.lab.kinds import SERVICES
from fedns.lab.members import Simulated, plan
from fedns.lab.mirror import Mirror
from fedns.lab.network import Cuts
from fedns.lab.simulator import Deployment

MEMBER = plan(1)[0]


@pytest.fixture
async def cuts() -> AsyncIterator[Cuts]:
    """Mended in the end."""
    made = Cuts()
    yield made
    await made.close()


@pytest.fixture
async def mirror(cuts: Cuts) -> AsyncIterator[Mirror]:
    """A simulated member in a process of its own, which is another one after a stop."""

    async def revive() -> Simulated:
        await first.stop()
        return await Simulated.start(MEMBER)

    first = await Simulated.start(MEMBER)
    made = Mirror(first, cuts, revive)
    yield made
    await made.stop()


def service(name: str) -> Deployment:
    """A service of one pod."""
    return Deployment(namespace="shop", name=name, zones={"z": 1}, pod_range="10.0.0.0/24", headless=True)


def written(mirror: Mirror) -> set[str]:
    """The services that are written down."""
    return {item["metadata"]["name"] for item in mirror.store.items(SERVICES, "shop")}


async def held(mirror: Mirror) -> set[str]:
    """The services that the member has."""
    url = f"{mirror.url}/api/v1/namespaces/shop/services"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        found: dict[str, Any] = await response.json()
    return {item["metadata"]["name"] for item in found["items"]}


async def test_both_hold_the_same(mirror: Mirror) -> None:
    """What is put or removed, and nothing is sent twice."""
    await mirror.put([*service("web").objects(), *service("till").objects()])
    assert written(mirror) == await held(mirror) == {"web", "till"}
    await mirror.remove(service("web").objects()[1:])
    await mirror.put(service("till").objects())
    assert written(mirror) == await held(mirror) == {"till"}
    assert mirror.kubeconfig()["contexts"][0]["name"] == MEMBER.name


@pytest.mark.parametrize("verb", ["freeze", "cut"])
async def test_what_cannot_answer_is_not_changed(mirror: Mirror, verb: str) -> None:
    """Neither here nor there; healed, it takes changes again."""
    if verb == "cut" and not await network.possible():
        pytest.skip("nft may not be used here: cuts need CAP_NET_ADMIN")
    await mirror.put(service("web").objects())
    await mirror.fault(verb)
    await mirror.put(service("till").objects())
    await mirror.remove(service("web").objects()[1:])
    assert written(mirror) == {"web"}
    await mirror.fault("heal")
    assert await held(mirror) == {"web"}
    await mirror.put(service("till").objects())
    assert written(mirror) == await held(mirror) == {"web", "till"}


async def test_what_was_stopped_is_started_again(mirror: Mirror) -> None:
    """By whoever knows how; other faults go to the member itself."""
    await mirror.fault("status=503")
    assert mirror.pid
    await mirror.fault("stop")
    await mirror.put(service("web").objects())
    assert written(mirror) == set()
    before = mirror.pid
    await mirror.fault("heal")
    assert mirror.pid != before
    await mirror.put(service("web").objects())
    assert await held(mirror) == {"web"}
