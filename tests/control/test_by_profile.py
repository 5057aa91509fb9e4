"""Members from ClusterProfiles: what one says, whose credentials go where it leads, and how they come and go."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from fedns.clusters import kubeconfig
from fedns.clusters.backoff import Pace
from fedns.clusters.connect import Timeouts, connect
from fedns.clusters.listing import Resource
from fedns.control.by_profile import source
from fedns.control.described import Read, Telling
from fedns.control.discovery import Discovery
from fedns.federation.objects import Cluster
from fedns.lab import crds
from fedns.lab.cluster import FakeCluster
from fedns.lab.credentials import Credentials
from fedns.settings.schema import ClusterProfiles, Exec, Kubeconfig, Member, Provider
from tests.control.stage import until

TOKENS = Provider(name="tokens", token_file="/var/run/tokens/{name}")
RUN = Exec(command="/bin/plugin", args=("-v",), env={"A": "b"})
WHERE = ClusterProfiles(namespace="fleet", providers=(TOKENS, Provider(name="runs", exec=RUN)))
QUICK = Pace(grace=0.5, absent=0.2, confirm=0.2, again=0.2)
SERVER = {"server": "https://192.0.2.1:6443"}


def profile(name: str = "us1", **status: Any) -> dict[str, Any]:
    """A ClusterProfile as the API server has it, with one access provider unless it is given others."""
    meta = {"namespace": "fleet", "name": name, "creationTimestamp": "2026-01-01T00:00:00Z", "resourceVersion": "7"}
    status.setdefault("accessProviders", [{"name": "tokens", "cluster": SERVER}])
    head = {"apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ClusterProfile"}
    return {**head, "metadata": meta, "spec": {"clusterManager": {"name": "us"}}, "status": status}


def read(one: dict[str, Any], where: ClusterProfiles = WHERE) -> Read:
    """What it says."""
    item = source(where).decode(msgspec.Raw(json.dumps(one).encode()))
    assert isinstance(item, Telling), item.fault
    return item.read


def told(one: dict[str, Any], where: ClusterProfiles = WHERE) -> Member:
    """The member that it is."""
    found = read(one, where)
    assert found.member is not None, found.problems
    return found.member


def user_of(member: Member) -> dict[str, Any]:
    """The credentials of its kubeconfig."""
    assert member.kubeconfig is not None
    found: dict[str, Any] = json.loads(member.kubeconfig.content)["users"][0]["user"]
    return found


def test_where_they_are() -> None:
    """In one namespace, in the versions that there are; their definition may be missing."""
    found = source(structs.replace(WHERE, label_selector="x=y"))
    assert found.resource == Resource(
        "clusterprofiles",
        tuple(
            f"/apis/multicluster.x-k8s.io/{each}/namespaces/fleet/clusterprofiles" for each in ("v1alpha2", "v1alpha1")
        ),
        optional=True,
        selector="x=y",
    )


def test_a_profile_is_a_member() -> None:
    """By its own name, with what the standard says of a region, and a token in the file that is named after it."""
    properties = [{"name": "topology.kubernetes.io/region", "value": "us-east1"}, {"name": "other", "value": "x"}]
    member = told(profile(properties=properties))
    assert member.cluster == Cluster(name="us1", region="us-east1")
    assert user_of(member) == {"tokenFile": "/var/run/tokens/us1"}
    assert "192.0.2.1" not in repr(member)


def test_who_says_what_a_member_is() -> None:
    """The annotation goes before labels, labels before properties; of these only those count that are configured."""
    mapping = {"name": "cluster.id", "region": "my/region", "weight": "my/weight"}
    one = profile(
        properties=[
            {"name": "cluster.id", "value": "id1"},
            {"name": "my/region", "value": "from-property"},
            {"name": "my/weight", "value": "7"},
            {"name": "fedns.io/jurisdiction", "value": "eu"},
        ]
    )
    one["metadata"]["labels"] = {"fedns.io/region": "from-label", "fedns.io/network": "n1", "fedns.io/trust": "x"}
    one["metadata"]["annotations"] = {"fedns.io/cluster": "network: n2\ntrust: {namespaces: [shop]}\n"}
    member = told(one, structs.replace(WHERE, properties=mapping))
    assert member.cluster == Cluster(name="id1", region="from-label", network="n2", weight=7)
    assert member.trust.namespaces == ("shop",)
    one["metadata"]["labels"]["fedns.io/cluster-name"] = "id2"
    assert told(one, structs.replace(WHERE, properties=mapping)).name == "id2"
    assert told(one).cluster.weight == Cluster(name="x").weight


def test_the_first_configured_provider_counts(tmp_path: Path) -> None:
    """Whatever the profile's order; the field's first name counts, too. A program is the operator's own."""
    ways: list[dict[str, Any]] = [{"name": name, "cluster": SERVER} for name in ("else", "runs", "tokens")]
    assert "tokenFile" in user_of(told(profile(accessProviders=ways)))
    old = profile(accessProviders=[], credentialProviders=[{"name": "runs", "cluster": SERVER}])
    run = user_of(told(old))["exec"]
    assert (run["command"], run["args"], run["env"]) == ("/bin/plugin", ["-v"], [{"name": "A", "value": "b"}])
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"clusterName": "us1"}}
    ways = [{"name": "runs", "cluster": {**SERVER, "extensions": [extension, {"name": "x", "extension": {}}]}}]
    asked = kubeconfig.read(told(profile(accessProviders=ways)).kubeconfig or Kubeconfig(path="")).credentials.plugin
    assert asked is not None
    assert asked.command == ("/bin/plugin", "-v")
    assert asked.cluster == {"server": SERVER["server"], "config": {"clusterName": "us1"}}
    (tmp_path / "us1").write_text("sesame\n")
    where = structs.replace(WHERE, providers=(Provider(name="tokens", token_file=f"{tmp_path}/{{name}}"),))
    found = kubeconfig.read(told(profile(), where).kubeconfig or Kubeconfig(path=""))
    assert found.credentials.authorization == "Bearer sesame"


def led(**cluster: Any) -> dict[str, Any]:
    """A profile whose access provider has these keys."""
    return profile(accessProviders=[{"name": "tokens", "cluster": {**SERVER, **cluster}}])


def noted(text: str) -> dict[str, Any]:
    """A profile with this annotation."""
    one = profile()
    one["metadata"]["annotations"] = {"fedns.io/cluster": text}
    return one


WRONG = {
    "no provider yet": (profile(accessProviders=None), "status.accessProviders", "it has none yet"),
    "another provider": (
        profile(accessProviders=[{"name": "gke", "cluster": SERVER}]), "status.accessProviders", "name one of gke",
    ),
    "no server": (led(server=None), "status.accessProviders", "`server`"),
    "plain http": (led(server="http://192.0.2.1"), "status.accessProviders", "use https"),
    "no verification": (led(**{"insecure-skip-tls-verify": True}), "status.accessProviders", "to anybody"),
    "a file": (led(**{"certificate-authority": "/etc/passwd"}), "status.accessProviders", "names a file"),
    "no authority": (
        led(**{"certificate-authority-data": base64.b64encode(b"x").decode()}), "status.accessProviders", "PEM",
    ),
    "a proxy of no kind": (led(**{"proxy-url": "socks5://x"}), "status.accessProviders", "proxy-url"),
    "a wrong type": (led(server=5), "status.accessProviders", "Expected `str`"),
    "a wrong key": (noted("wieght: 1"), "wieght", "did you mean weight?"),
    "credentials": (noted("kubeconfig: {path: /a}"), "kubeconfig", "remove it"),
    "no YAML": (noted("a: ["), "cluster", "is not YAML"),
    "too long": (noted("#" * 70_000), "fedns.io/cluster", "64 KiB"),
    "no region": (
        profile(properties=[{"name": "topology.kubernetes.io/region", "value": "Us"}]), "region", "did you mean us?",
    ),
    "no name": (profile("Us1"), "name", "did you mean us1?"),
    "no name of Kubernetes": (profile("../us1"), "metadata.name", "is no name"),
}  # fmt: skip


@pytest.mark.parametrize(("one", "path", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_profile_is_a_sentence(one: dict[str, Any], path: str, words: str) -> None:
    """It names the place and the cure, and there is no member."""
    found = read(one)
    assert found.member is None
    (problem,) = found.problems
    assert problem.path == path
    assert words in problem.sentence


@pytest.mark.parametrize("broken", [{"status": 5}, {"status": {"accessProviders": [5]}}, {"metadata": {}}])
def test_an_object_that_is_none_says_nothing(broken: dict[str, Any]) -> None:
    """It is told apart from one that describes no member, for the last good version stays."""
    assert source(WHERE).decode(msgspec.Raw(json.dumps(profile() | broken).encode())).fault


@pytest.fixture
async def local() -> AsyncIterator[FakeCluster]:
    """The local cluster; it does not know ClusterProfiles."""
    async with FakeCluster("eu1") as cluster:
        yield cluster


async def test_profiles_come_and_go(local: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their definition comes late; then members join, change and leave one by one, and lead to their API servers."""
    monkeypatch.setattr("fedns.control.discovery.Pace", lambda: QUICK)
    (tmp_path / "tokens").mkdir()
    where = structs.replace(WHERE, providers=(Provider(name="tokens", token_file=f"{tmp_path}/tokens/{{name}}"),))
    file = local.kubeconfig(tmp_path / "local")
    me = Member(cluster=Cluster(name="eu1"), kubeconfig=Kubeconfig(path=str(file)))
    said: list[tuple[Member, ...]] = []
    discovery = Discovery(me, source(where), said.append, {})
    task = asyncio.create_task(discovery.run())

    def names() -> list[str]:
        return [member.name for member in said[-1]] if said else ["not yet"]

    try:
        await until(lambda: names() == [], "without the definition there is nobody, and that is known")
        local.store.apply(crds.profiles())
        local.store.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fleet"}})
        async with FakeCluster("us1", credentials=Credentials(tmp_path, "us1", tls=True, tokens=True)) as far:
            user = far.access()["users"][0]["user"]
            (tmp_path / "tokens" / "us1").write_text(Path(user["tokenFile"]).read_text())
            authority = base64.b64encode(
                Path(far.access()["clusters"][0]["cluster"]["certificate-authority"]).read_bytes()
            )
            way = {"server": far.url, "certificate-authority-data": authority.decode()}
            local.store.apply(profile("us1", accessProviders=[{"name": "tokens", "cluster": way}]))
            local.store.apply(profile("bad", accessProviders=[]))
            local.store.apply(profile("ap1"))
            await until(lambda: names() == ["ap1", "us1"], "the good ones are members")
            await until(lambda: set(discovery.problems) == {"fleet/bad"}, "the other one is told")
            connection = await connect(said[-1][1])
            try:
                async with connection.get("/readyz", [], Timeouts(total=5.0)) as reply:
                    assert await reply.body(100) == b"ok"
            finally:
                await connection.close()
        kept = said[-1][1]
        local.store.apply(profile("ap1", properties=[{"name": "topology.kubernetes.io/region", "value": "ap-south1"}]))
        await until(lambda: said[-1][0].cluster.region == "ap-south1", "one has changed")
        assert said[-1][1] == kept
        local.store.remove(profile("ap1"))
        await until(lambda: names() == ["us1"], "one has left")
        local.store.remove(crds.profiles())
        await until(lambda: names() == [], "with their definition they are gone")
    finally:
        task.cancel()
        await asyncio.wait((task,))
