"""CRDs: both kinds in both versions, one of them stored."""

from fedns.lab.crds import definitions


def test_both_kinds_are_served_in_both_versions() -> None:
    """ServiceExport and ServiceImport, v1alpha1 and v1beta1; the newer one is stored."""
    found = {each["spec"]["names"]["kind"]: each["spec"]["versions"] for each in definitions()}
    assert set(found) == {"ServiceExport", "ServiceImport"}
    for versions in found.values():
        assert {each["name"]: each["storage"] for each in versions} == {"v1beta1": True, "v1alpha1": False}
