"""Real: where objects live on an API server, what the reader may do; the servers themselves are for the real tier."""

from pathlib import Path

import pytest

from fedns.lab.real import NEEDED, READER_RULES, assets, object_path, reader_objects


@pytest.mark.parametrize(
    ("api", "kind", "namespace", "path"),
    [
        ("v1", "Service", "shop", "/api/v1/namespaces/shop/services/x"),
        ("v1", "Namespace", "", "/api/v1/namespaces/x"),
        ("discovery.k8s.io/v1", "EndpointSlice", "shop", "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices/x"),
        ("networking.k8s.io/v1", "IngressClass", "", "/apis/networking.k8s.io/v1/ingressclasses/x"),
    ],
)
def test_an_object_has_its_path(api: str, kind: str, namespace: str, path: str) -> None:
    """Core and grouped, namespaced and not, and plurals that end in es."""
    metadata = {"name": "x", **({"namespace": namespace} if namespace else {})}
    assert object_path({"apiVersion": api, "kind": kind, "metadata": metadata}) == path


def test_the_reader_may_list_and_watch_only() -> None:
    """Least privilege: two verbs, no secrets, no pods."""
    assert {verb for rule in READER_RULES for verb in rule["verbs"]} == {"list", "watch"}
    named = {resource for rule in READER_RULES for resource in rule["resources"]}
    assert not named & {"secrets", "pods", "configmaps"}
    assert [each["kind"] for each in reader_objects()] == ["ClusterRole", "ClusterRoleBinding"]


def test_assets_must_be_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that lacks one binary is none."""
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    for name in NEEDED:
        assert assets() is None
        (tmp_path / name).touch()
    assert assets() == tmp_path
