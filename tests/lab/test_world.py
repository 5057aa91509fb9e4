"""World: the whole path from an API server's watch to dig, as a new user meets it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from fedns.lab.hub import Hub
from fedns.lab.oracle import Kind
from fedns.lab.simulator import Deployment
from fedns.lab.story import addresses_of, extended_errors
from fedns.lab.world import COMMAND, SERVICE, STATE_FILE, World
from tests.lab.worlds import has, run, running, until


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One lab for the tests of this module that break nothing."""
    async with running(tmp_path_factory.mktemp("lab")) as world:
        yield world


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_answers_differ_by_the_zone_of_the_client(world: World) -> None:
    """Each client gets the pods of its own zone."""
    for member in world.plan:
        for zone in member.zones:
            own = set(world.deployments[member.name].addresses(zone))

            async def answered(source: str = member.source(zone), own: set[str] = own) -> bool:
                # On a busy machine a member may count as stale for a moment, with these timers.
                reply = await world.ask(SERVICE, source=source)
                return reply is not None and set(addresses_of(reply)) == own and not extended_errors(reply)

            await until(answered)


@pytest.mark.skipif(not has("dig"), reason="dig is not installed (Debian: dnsutils)")
async def test_dig_shows_what_it_should(world: World) -> None:
    """The answer, its kind and its flags, as people read them; over TCP the same."""
    server = ["@127.0.0.1", "-p", str(world.port)]
    zone_a = world.plan[0].source(world.plan[0].zones[0])
    text = run("dig", *server, "-b", zone_a, SERVICE)
    assert "status: NOERROR" in text
    assert " aa " in text.partition("flags:")[2]
    expected = sorted(world.deployments["eu1"].addresses("eu-west-a"))
    assert sorted(run("dig", *server, "-b", zone_a, "+short", SERVICE).split()) == expected
    assert sorted(run("dig", *server, "-b", zone_a, "+short", "+tcp", SERVICE).split()) == expected
    assert "status: NXDOMAIN" in run("dig", *server, "nothing.shop.myfed.svc.example.com")
    assert "status: REFUSED" in run("dig", *server, "example.org")
    assert "1.0.0" in run("dig", *server, "+short", "dns-version.clusterset.local", "TXT")
    explained = run("dig", *server, "-b", zone_a, "+short", f"_explain.{SERVICE}", "TXT")
    assert "chosen=yes" in explained
    assert "chosen=no" in explained
    assert "cluster=eu1" in run("dig", *server, "-b", zone_a, "+short", "_whoami.example.com", "TXT")
    assert "rule=node node-eu-west-a" in run("dig", *server, "-b", zone_a, "+short", "_whoami.example.com", "TXT")
    services = run(
        "dig",
        *server,
        "+short",
        f"_http._tcp.{SERVICE.replace('.myfed', '').replace('example.com', 'clusterset.local')}",
        "SRV",
    )
    assert len(services.splitlines()) == 12


@pytest.mark.skipif(not has("nslookup"), reason="nslookup is not installed (Debian: dnsutils)")
async def test_nslookup_finds_the_addresses(world: World) -> None:
    """What people type first."""
    text = run("nslookup", f"-port={world.port}", "web.shop.svc.clusterset.local", "127.0.0.1")
    assert any(address in text for address in world.deployments["eu1"].addresses())


@pytest.mark.skipif(not has("kubectl"), reason="kubectl is not installed")
async def test_kubectl_changes_reach_the_answer(world: World) -> None:
    """A label on a Service exports it, from the moment that kubectl sets it."""
    kubectl = ["kubectl", "--kubeconfig", str(world.directory / "us1.kubeconfig"), "-n", "shop"]
    run(*kubectl, "create", "service", "clusterip", "plain", "--tcp=80:80", "--dry-run=client", "-o", "json")
    manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "plain", "namespace": "shop"},
        "spec": {"ports": [{"name": "http", "port": 80}]},
    }
    (world.directory / "plain.json").write_text(json.dumps(manifest))
    run(*kubectl, "apply", "-f", str(world.directory / "plain.json"))
    run(*kubectl, "label", "service", "plain", "fedns.io/export=true")
    source = world.plan[2].source("us-east-a")

    async def answered() -> bool:
        reply = await world.ask(SERVICE.replace("web", "plain"), source=source)
        return reply is not None and len(addresses_of(reply)) == 1

    await until(answered)
    run(*kubectl, "delete", "service", "plain")

    async def gone() -> bool:
        reply = await world.ask(SERVICE.replace("web", "plain"), source=source)
        return reply is not None and reply.message.header.rcode == 3

    await until(gone)


async def test_the_lab_tells_what_runs_where(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The description names each address, the dig lines for every zone, and commands as the reader types them."""
    monkeypatch.setenv(COMMAND, "./dev")
    text = world.describe()
    assert f"export FEDNS_SERVER=http://127.0.0.1:{world.http_port}" in text
    assert "  ./dev get clusters" in text
    assert "  fedns " not in text
    for member in world.plan:
        assert world.clusters[member.name].url in text
        for zone in member.zones:
            assert f"-b {member.source(zone)}" in text
    state = json.loads((world.directory / STATE_FILE).read_text())
    assert set(state["clusters"]) == {"eu1", "eu2", "us1"}


async def test_real_members_need_their_binaries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the folder there is a sentence that names it."""
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    with pytest.raises(RuntimeError, match="KUBEBUILDER_ASSETS"):
        async with World(tmp_path / "lab", members=1, real=("eu1",)):
            pass


@pytest.mark.timeout(150)  # a new authority is looked for every half minute, and a list that lost most is held as long
async def test_answers_stay_true_while_members_break(tmp_path: Path) -> None:
    """Over TLS, with tokens and a hub: lists that lie and credentials that change make no wrong answer."""
    imported = Deployment(namespace="shop", name="till", zones={"a": 2}, pod_range="10.200.0.0/24", headless=True)
    more: dict[str, Any] = {
        "embedded": True,
        "tls": True,
        "tokens": True,
        "hubs": {"us1": Hub(sources={"ap1": [imported]})},
    }
    async with running(tmp_path / "lab", entries={"eu2": {"weight": 50}}, **more) as world:
        settings = json.loads(world.config.read_text())["clusters"]
        assert [each.get("source") for each in settings] == [None, None, "imports"]
        assert settings[1]["weight"] == 50
        reply = await world.ask(SERVICE.replace("web", "till"))
        assert reply is not None
        assert set(addresses_of(reply)) == set(imported.addresses())
        async with world.checker(limit=2.0) as checker:
            eu1 = world.deployments["eu1"]
            # Healed before anything makes it read anew: so few objects may be gone from one list to the next.
            for fault in ("empty", "heal", "swallow=1", "rotate-token", "rotate-certificate", "gone", "heal"):
                await world.clusters["eu1"].fault(fault)
                before = checker.counts[Kind.CORRECT]
                await until(lambda before=before: checker.counts[Kind.CORRECT] >= before + 10)
            eu1.scale("eu-west-a", 3)
            await world.deploy()

            async def scaled() -> bool:
                answer = await world.ask(SERVICE, source=world.plan[0].source("eu-west-a"))
                return answer is not None and set(addresses_of(answer)) == set(eu1.addresses("eu-west-a"))

            await until(scaled, 100)
        assert checker.wrong == []
        assert checker.lost == 0


async def test_only_embedded_members_have_stores_to_read(tmp_path: Path) -> None:
    """The truth of a member in another process is not at hand."""
    async with World(tmp_path / "lab", members=1) as world:
        assert world.stores == {}
