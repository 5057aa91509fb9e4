"""The table of types."""

import pytest

from fedns.lab.kinds import ENDPOINT_SLICES, KINDS, SERVICE_EXPORTS, SERVICES, Json, Kind, by_object, by_path, groups


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.resource)
def test_paths_and_objects_find_their_type(kind: Kind) -> None:
    """Every type is found by its path and by its objects, in every version."""
    for version in kind.versions:
        assert by_path(kind.group, version, kind.plural) is kind
        assert by_object({"apiVersion": kind.api_version(version), "kind": kind.name}) is kind


@pytest.mark.parametrize("item", [{}, {"apiVersion": "v1", "kind": "Nope"}, {"apiVersion": "v2", "kind": "Service"}])
def test_unknown_objects(item: Json) -> None:
    """What is not served has no type."""
    assert by_object(item) is None


def test_names_in_messages() -> None:
    """Messages call a type by its plural and its group."""
    assert (SERVICES.resource, ENDPOINT_SLICES.resource) == ("services", "endpointslices.discovery.k8s.io")
    assert groups([SERVICES, SERVICE_EXPORTS]) == {"multicluster.x-k8s.io": ("v1beta1", "v1alpha1")}
