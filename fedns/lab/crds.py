"""The custom resource definitions of SIG-Multicluster, as thin as an API server needs them (KEP-1645, KEP-4322)."""

from typing import Any, Final

GROUP: Final = "multicluster.x-k8s.io"
_ANYTHING: Final = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_SCHEMA: Final = {"openAPIV3Schema": {"type": "object", "properties": {"spec": _ANYTHING, "status": _ANYTHING}}}


def definitions() -> list[dict[str, Any]]:
    """ServiceExport and ServiceImport, v1alpha1 and v1beta1 (stored)."""
    versions = ("v1beta1", "v1alpha1")
    return [_definition("ServiceExport", versions, "svcex"), _definition("ServiceImport", versions, "svcim")]


def profiles() -> dict[str, Any]:
    """ClusterProfile, v1alpha1; no member has it unless it is applied."""
    return _definition("ClusterProfile", ("v1alpha1",))


def _definition(kind: str, versions: tuple[str, ...], *short: str) -> dict[str, Any]:
    plural = kind.lower() + "s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{GROUP}",
            "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes/enhancements/pull/1646"},
        },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "shortNames": list(short)},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": version == versions[0],
                    "schema": _SCHEMA,
                    "subresources": {"status": {}},
                }
                for version in versions
            ],
        },
    }
