"""What is shipped as a sample works: configurations load, manifests render, rights stay small."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fedns.settings.load import load
from fedns.settings.schema import Settings
from tests.house import tree

SAMPLES = sorted((tree.ROOT / "config").glob("*.yaml"))
MANIFESTS = sorted(p for p in (tree.ROOT / "deploy").rglob("*.yaml") if p.name != "kustomization.yaml")
KINDS = ("Deployment", "ConfigMap", "Service")


def objects() -> Iterator[dict[str, Any]]:
    """Every object of every manifest."""
    for path in MANIFESTS:
        yield from filter(None, yaml.safe_load_all(path.read_text(encoding="utf-8")))


def one(kind: str) -> Any:
    """The only object of a kind in the manifests."""
    found = [each for each in objects() if each["kind"] == kind]
    assert len(found) == 1
    return found[0]


@pytest.fixture
def deployed(tmp_path: Path) -> Settings:
    """The configuration in the shipped ConfigMap."""
    path = tmp_path / "fedns.yaml"
    path.write_text(one("ConfigMap")["data"]["fedns.yaml"], encoding="utf-8")
    return load(path, check_files=False)


def test_there_are_samples() -> None:
    """The folder of sample configurations is not empty."""
    assert SAMPLES


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_sample_loads(path: Path) -> None:
    """Every file in config/ is a configuration without problems, but for kubeconfigs that are elsewhere."""
    assert load(path, check_files=False).clusters


@pytest.mark.parametrize("document", tree.DOCUMENTS, ids=lambda path: path.relative_to(tree.ROOT).as_posix())
def test_documented_configurations_load(document: Path, tmp_path: Path) -> None:
    """Every whole configuration in a document loads."""
    path = tmp_path / "fedns.yaml"
    for block in tree.blocks(document, "yaml"):
        if "kind: FednsConfig" in block:
            path.write_text(block, encoding="utf-8")
            assert load(path, check_files=False).clusters


def test_deployed_configuration_fits_the_pod(deployed: Settings) -> None:
    """The ConfigMap loads, and its addresses are the container's ports, none of them privileged."""
    container = one("Deployment")["spec"]["template"]["spec"]["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    doors = {"metrics": deployed.metrics, "health": deployed.health, "ready": deployed.ready}
    assert {name: door.port for name, door in doors.items() if door} | {
        "dns": deployed.dns.listen[0].port,
        "dns-tcp": deployed.dns.listen[0].port,
    } == ports
    assert min(ports.values()) >= 1024


def test_pod_has_time_to_stop(deployed: Settings) -> None:
    """The kubelet waits longer than the lame-duck time and the drain after it."""
    assert one("Deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] >= deployed.dns.lameduck + 10


def test_service_maps_53_to_the_container() -> None:
    """Clients ask on 53, over UDP and TCP."""
    ports = {(port["port"], port["protocol"], port["targetPort"]) for port in one("Service")["spec"]["ports"]}
    assert {(53, "UDP", "dns"), (53, "TCP", "dns-tcp")} <= ports


def test_pod_is_restricted() -> None:
    """The pod passes the `restricted` security level with a read-only root, and nothing of the host is mounted."""
    pod = one("Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 65532
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    assert not [volume for volume in pod["volumes"] if "hostPath" in volume]


def test_rights_are_list_and_watch() -> None:
    """No role may do more than list and watch what fedns reads: Secrets in one namespace only, all else everywhere."""
    shared = {"services", "endpointslices", "serviceexports", "serviceimports", "leases", "namespaces"}
    everywhere = shared | {"clusterprofiles", "nodes"}
    allowed = {"ClusterRole": everywhere, "Role": {"secrets"}}
    rules = [(each["kind"], rule) for each in objects() if each["kind"] in allowed for rule in each["rules"]]
    assert {kind for kind, _ in rules} == set(allowed)
    for kind, rule in rules:
        assert set(rule["verbs"]) == {"list", "watch"}
        assert set(rule["resources"]) <= allowed[kind]


def test_secrets_are_granted_where_they_are_read(deployed: Settings) -> None:
    """The namespace of `clustersFrom` is the one that the Role is made in."""
    kustomization = yaml.safe_load((tree.ROOT / "deploy/base/kustomization.yaml").read_text(encoding="utf-8"))
    assert deployed.clusters_from.secrets
    assert deployed.clusters_from.secrets.namespace == kustomization["namespace"]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on the PATH")
@pytest.mark.parametrize(
    "folder", sorted(p.parent for p in tree.ROOT.glob("deploy/*/kustomization.yaml")), ids=lambda path: path.name
)
def test_manifests_render(folder: Path) -> None:
    """`kubectl kustomize` accepts the folder without a warning, and every object gets a namespace if it needs one."""
    run = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    rendered = list(yaml.safe_load_all(run.stdout))
    cluster_wide = {"Namespace", "ClusterRole", "ClusterRoleBinding"}
    assert not [o for o in rendered if o["kind"] not in cluster_wide and not o["metadata"].get("namespace")]


def test_role_binds_the_account_in_its_namespace() -> None:
    """A binding's subject is the account of the same folder, in the namespace that kustomize gives it."""
    for folder in tree.ROOT.glob("deploy/*/kustomization.yaml"):
        namespace = yaml.safe_load(folder.read_text(encoding="utf-8"))["namespace"]
        found = [
            each for p in folder.parent.glob("*.yaml") for each in yaml.safe_load_all(p.read_text(encoding="utf-8"))
        ]
        accounts = {each["metadata"]["name"] for each in found if each["kind"] == "ServiceAccount"}
        subjects = [s for each in found if each["kind"] == "ClusterRoleBinding" for s in each["subjects"]]
        assert [(s["name"] in accounts, s["namespace"]) for s in subjects] == [(True, namespace)] * len(accounts)
