"""Kubeconfig files for simulated clusters, written as JSON, which is YAML."""

import json
from collections.abc import Mapping
from pathlib import Path


def text(clusters: Mapping[str, str], token: str = "") -> str:
    """A kubeconfig with one context per cluster, name -> server URL; the first one is current."""
    user = {"token": token} if token else {}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": url}} for name, url in clusters.items()],
            "users": [{"name": "lab", "user": user}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": "lab"}} for name in clusters],
            "current-context": next(iter(clusters), ""),
        },
        indent=2,
    )


def write(path: Path, clusters: Mapping[str, str], token: str = "") -> Path:
    """Write it, readable by the owner only, as kubectl wants it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text(clusters, token) + "\n", encoding="utf-8")
    return path
