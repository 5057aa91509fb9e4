"""Kubeconfig files for the lab's clusters, written as JSON, which is YAML."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def contents(
    clusters: Mapping[str, str],
    token: str = "",
    ca: Path | None = None,
    *,
    cluster: Mapping[str, Any] | None = None,
    user: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A kubeconfig with one context per cluster, name -> server URL; the first one is current.

    `cluster` and `user` are further entries as kubeconfigs have them: tls-server-name, tokenFile, exec and so on.
    """
    trust: dict[str, Any] = {"certificate-authority": str(ca)} if ca else {}
    trust |= cluster or {}
    rights: dict[str, Any] = ({"token": token} if token else {}) | dict(user or {})
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": url} | trust} for name, url in clusters.items()],
        "users": [{"name": "lab", "user": rights}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "lab"}} for name in clusters],
        "current-context": next(iter(clusters), ""),
    }


def save(path: Path, config: Mapping[str, Any]) -> Path:
    """Write it, readable by the owner only, as kubectl wants it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    return path


def write(path: Path, clusters: Mapping[str, str], token: str = "") -> Path:
    """Write the kubeconfig of these clusters."""
    return save(path, contents(clusters, token))
