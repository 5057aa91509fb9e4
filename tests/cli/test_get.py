"""`fedns get` against the real pages of a control process: tables for people, JSON and YAML for programs."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from msgspec import structs

from fedns.cli.get import get, table
from fedns.control.admin import Pages, Servers
from fedns.control.directory import Directory
from fedns.control.explaining import Explaining
from fedns.control.membership import Membership
from fedns.control.metrics import Metrics
from fedns.control.orders import Orders
from fedns.control.overview import Overview
from fedns.control.preserving import Keeper
from fedns.control.reach import Reach
from fedns.control.readiness import Health, Readiness
from fedns.control.saving import Saving
from fedns.federation.health import Synced
from fedns.federation.objects import READY, SERVING, TERMINATING, Endpoint, Port, pack
from fedns.settings.schema import Address, Kubeconfig, Member, Settings
from tests.cli.pages import serving
from tests.control.stage import Control, Followed, block, export, rules

PATIENCE = 10.0


def federation(path: Path) -> Control:
    """Two members that disagree about the ports of one service."""
    control = Control(rules("eu1", "us1"), path)
    conditions = (READY | SERVING, 0, SERVING | TERMINATING)
    points = [Endpoint(bytes([10, 0, 0, at]), each, "a", "pet") for at, each in enumerate(conditions)]
    ports = (Port("http", 80),)
    web = structs.replace(export("eu1", "web"), slices=pack(ports, points))
    address = structs.replace(export("eu1", "ip"), headless=False, cluster_ips=(bytes([10, 96, 0, 1]),))
    control.pipeline.replaced("eu1", [web, address])
    control.pipeline.observed("eu1", Synced())
    control.pipeline.replaced("us1", [structs.replace(export("us1", "web"), ports=(Port("http", 81),))])
    control.pipeline.tick()
    return control


class Wrong(Membership):
    """Whom a ClusterProfile describes wrongly."""

    @property
    def problems(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """One object with two problems."""
        wrong = ("region: 'US' is not a DNS label", "weigth: is not a known key")
        return {"secret": {}, "cluster profile": {"fleet/ap1": wrong}}


async def site(control: Control, started: threading.Event, stop: threading.Event, bound: list[str]) -> None:
    """The admin pages of a control process, until told to stop."""
    truth, publisher, pipeline = control.truth, control.publisher, control.pipeline
    followed = {"eu1": Followed()}
    member = Member(cluster=rules("eu1").clusters[0], kubeconfig=Kubeconfig(path="/nowhere"))
    settings = Settings(clusters=(member,), metrics=None, health=None, ready=None, admin=Address("127.0.0.1", 0))
    overview = Overview(
        truth=truth,
        publisher=publisher,
        pipeline=pipeline,
        feeds=lambda: followed,
        paths=control.paths,
        membership=Wrong(settings, lambda: None),
    )
    orders = Orders(truth, lambda: Reach(publisher, 1), lambda: None, history=pipeline.history)
    servers = Servers(
        Pages(
            overview=overview,
            directory=Directory(truth, pipeline.conflicts, lambda: followed),
            history=pipeline.history,
            saving=Saving(truth, publisher),
            orders=orders,
            explaining=Explaining(truth),
            others=control.others,
            metrics=Metrics(
                truth=truth,
                publisher=publisher,
                blocks=[block()],
                pipeline=pipeline,
                keeper=Keeper(truth, publisher, pipeline),
                feeds=lambda: followed,
                paths=control.paths,
                others=control.others,
                orders=orders,
                tasks=lambda: 1,
            ),
            readiness=Readiness(truth, None),
            health=Health([block()]),
        )
    )
    assert await servers.open(settings)
    host, port = servers.bound()["/api/v1/services"]
    bound.append(f"http://{host}:{port}")
    started.set()
    while not stop.is_set():
        await asyncio.sleep(0.02)
    await servers.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the pages, which another thread serves."""
    path = tmp_path_factory.mktemp("get") / "socket"
    started, stop, bound = threading.Event(), threading.Event(), list[str]()

    async def serve() -> None:
        await site(federation(path), started, stop, bound)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert started.wait(PATIENCE)
        yield bound[0]
    finally:
        stop.set()
        thread.join()


def run(*words: str) -> Result:
    """The command with these words."""
    return CliRunner().invoke(get, words)


def test_clusters(server: str) -> None:
    """Each member with its state and what it exports; a dash where nothing is known."""
    done = run("clusters", "--server", server)
    assert done.exit_code == 0
    head, first, second = done.stdout.splitlines()
    assert head.split()[:4] == ["NAME", "STATE", "REGION", "JURISDICTION"]
    assert first.split()[:6] == ["eu1", "fresh", "-", "-", "-", "2"]
    assert "never" in second
    wrong = "cluster profile fleet/ap1 is wrong: region: 'US' is not a DNS label; weigth: is not a known key\n"
    assert done.stderr == wrong
    assert run("clusters", "--server", server, "--prefix", "x").stderr == f"no clusters\n{wrong}"


def test_services(server: str) -> None:
    """Services by name, with readiness and conflicts."""
    done = run("services", "--server", server)
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["NAMESPACE", "NAME", "TYPE", "READY", "CLUSTERS", "PORTS", "CONFLICTS"],
        ["shop", "ip", "ClusterSetIP", "1/1", "eu1", "http:80/TCP", "-"],
        ["shop", "web", "Headless", "2/4", "eu1,us1", "http:80/TCP", "PortConflict"],
    ]
    done = run("services", "--server", server, "--limit", "1")
    assert (len(done.stdout.splitlines()), done.stderr) == (
        2,
        "these are the first 1 only: narrow them down, or raise --limit\n",
    )


def test_endpoints(server: str) -> None:
    """Every address with one word for its state."""
    done = run("endpoints", "shop/web", "--server", server)
    states = [line.split()[3] for line in done.stdout.splitlines()]
    assert states == ["STATE", "ready", "unready", "terminating", "ready"]
    done = run("endpoints", "shop/ip", "--server", server)
    assert done.stdout.splitlines()[1].split() == ["eu1", "ClusterIP", "10.96.0.1", "-", "-", "-", "http:80/TCP"]


def test_conflicts(server: str) -> None:
    """What exports disagree about stands next to what is exported in vain."""
    done = run("conflicts", "--server", server)
    lines = done.stdout.splitlines()
    assert [line.split()[2] for line in lines] == ["KIND", "InvalidServiceType", "PortConflict"]
    assert lines[2].endswith("1/2 clusters disagree.")


@pytest.mark.parametrize(("form", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_for_programs(server: str, form: str, load: object) -> None:
    """JSON and YAML say the same as the pages."""
    assert callable(load)
    done = run("services", "--server", server, "-o", form)
    assert [each["name"] for each in load(done.stdout)["services"]] == ["ip", "web"]


def test_what_cannot_be_shown(server: str) -> None:
    """No fedns, no such service: exit code 1 with a sentence; a word that is no service: 2."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = run("services", "--server", f"http://127.0.0.1:{port}")
    assert (done.exit_code, "is fedns running" in done.stderr) == (1, True)
    done = run("endpoints", "shop/none", "--server", server)
    assert (done.exit_code, "no member exports a service shop/none" in done.stderr) == (1, True)
    done = run("endpoints", "web", "--server", server)
    assert (done.exit_code, "write NAMESPACE/NAME" in done.stderr) == (2, True)


def test_replicas(server: str) -> None:
    """Without other replicas there are none to tell of."""
    done = run("replicas", "--server", server)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "no replicas\n")


def test_a_replica_that_differs() -> None:
    """A line for each, with since when and in what; one that tells nothing has no verdict."""
    found = [
        {
            "replica": "10.0.0.2:53",
            "verdict": "disagrees",
            "disagreesFor": 31.2,
            "lastHeard": 1.0,
            "reasons": ["a", "b"],
        },
        {
            "replica": "10.0.0.3:53",
            "verdict": "unknown",
            "disagreesFor": None,
            "lastHeard": None,
            "reasons": ["no reply"],
        },
    ]

    def get(self: BaseHTTPRequestHandler) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"replicas": found}).encode())

    with serving(type("Page", (BaseHTTPRequestHandler,), {"do_GET": get})) as server:
        lines = [line.split("   ") for line in run("replicas", "--server", server).stdout.splitlines()]
    assert [[cell.strip() for cell in line if cell.strip()] for line in lines] == [
        ["REPLICA", "VERDICT", "SINCE", "HEARD", "REASONS"],
        ["10.0.0.2:53", "disagrees", "31s ago", "1s ago", "a; b"],
        ["10.0.0.3:53", "unknown", "-", "never", "no reply"],
    ]


def test_columns_stand_under_their_heads() -> None:
    """Each column is as wide as its widest cell, and no line ends in blanks."""
    assert table(["A", "B"], [["long", "x"], ["y", ""]]) == ["A      B", "long   x", "y"]
