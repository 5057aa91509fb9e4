"""What a server says about itself."""

import pytest

from fedns.lab import discovery
from fedns.lab.kinds import CRDS, KINDS, SERVICES, Json


def test_groups_are_listed_with_their_versions() -> None:
    """The preferred version stands first."""
    found = {each["name"]: each for each in discovery.group_list(KINDS)["groups"]}
    assert [each["version"] for each in found["multicluster.x-k8s.io"]["versions"]] == ["v1beta1", "v1alpha1"]
    assert found["multicluster.x-k8s.io"]["preferredVersion"]["version"] == "v1beta1"
    assert "" not in found


def test_resources_and_subresources() -> None:
    """A version lists its types and, where there is one, their status."""
    found = discovery.about("/api/v1", KINDS)
    assert found is not None
    assert {"services", "services/status", "namespaces"} <= {each["name"] for each in found["resources"]}
    assert all(each["kind"] and each["verbs"] for each in found["resources"])


@pytest.mark.parametrize(
    ("path", "served"),
    [
        ("/api/v1/nopes", True),
        ("/apis/discovery.k8s.io/v1/nopes", True),
        ("/apis/discovery.k8s.io/v2/nopes", False),
        ("/apis/nope/v1", False),
        ("/nope", False),
    ],
)
def test_what_lies_in_a_served_version(path: str, served: bool) -> None:
    """Only inside a version that is served does an unknown type get a Status."""
    assert discovery.served(path, KINDS) is served


@pytest.mark.parametrize(
    "path", ["/apis/nope", "/apis/multicluster.x-k8s.io/v1beta1", "/openapi/v3/apis/nope/v1", "/x"]
)
def test_absent_documents(path: str) -> None:
    """There is no document for what is not served."""
    assert discovery.about(path, [SERVICES, CRDS]) is None


def test_every_openapi_path_has_its_document() -> None:
    """What the index names can be had, with the parameters that kubectl looks for."""
    for path in discovery.openapi_index(KINDS)["paths"]:
        document = discovery.about(f"/openapi/v3/{path}", KINDS)
        assert document is not None
        names: list[list[Json]] = [each["patch"]["parameters"] for each in document["paths"].values()]
        assert all({"dryRun", "fieldValidation"} == {each["name"] for each in parameters} for parameters in names)
