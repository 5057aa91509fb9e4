"""Builds etcd, kube-apiserver, kubectl and CoreDNS from Go modules by name, once, into a cache outside the tree.

`python -m tests.real.build` prints the folder; a second run costs nothing. Kubernetes cannot be `go install`ed, since
its go.mod replaces its staging modules by folders: a module of our own replaces them by their published versions.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

KUBERNETES: Final = "1.37.2"
ETCD: Final = "3.7.3"
COREDNS: Final = "1.15.0"
BINARIES: Final = ("etcd", "kube-apiserver", "kubectl", "coredns")


def cache() -> Path:
    """Where the binaries are kept, keyed by their versions."""
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return home / "fedns" / f"real-k{KUBERNETES}-e{ETCD}-c{COREDNS}"


def build(wanted: Collection[str] = BINARIES) -> Path:
    """Build what is wanted and missing; returns the folder of the binaries. Raises CalledProcessError when Go fails."""
    folder = cache()
    folder.mkdir(parents=True, exist_ok=True)
    missing = {name for name in wanted if not (folder / name).exists()}
    if "coredns" in missing:
        _go(folder, "install", f"github.com/coredns/coredns@v{COREDNS}", GOBIN=str(folder))
    if "etcd" in missing:
        _build_etcd(folder)
    if missing & {"kube-apiserver", "kubectl"}:
        _build_kubernetes(folder)
    return folder


def _build_etcd(folder: Path) -> None:
    source = _module(folder / "build-etcd")
    _go(source, "get", "-tool", f"go.etcd.io/etcd/server/v3@v{ETCD}")
    _go(source, "build", "-o", str(folder / "etcd"), "go.etcd.io/etcd/server/v3")
    shutil.rmtree(source)


def _build_kubernetes(folder: Path) -> None:
    source = _module(folder / "build-kubernetes")
    told = json.loads(_go(source, "mod", "download", "-json", f"k8s.io/kubernetes@v{KUBERNETES}"))
    theirs: dict[str, Any] = json.loads(_go(source, "mod", "edit", "-json", told["GoMod"]))
    staging = [each["Old"]["Path"] for each in theirs["Replace"] if each["New"]["Path"].startswith("./staging")]
    published = "0." + KUBERNETES.partition(".")[2]
    lines = [
        "module fedns.invalid/real",
        f"go {theirs['Go']}",
        "tool (",
        "k8s.io/kubernetes/cmd/kube-apiserver",
        "k8s.io/kubernetes/cmd/kubectl",
        ")",
        f"require k8s.io/kubernetes v{KUBERNETES}",
        "replace (",
        *(f"{path} => {path} v{published}" for path in staging),
        ")",
    ]
    (source / "go.mod").write_text("\n".join(lines) + "\n")
    _go(source, "mod", "tidy", "-e")
    major, minor, _patch = KUBERNETES.split(".")
    version = {"gitVersion": f"v{KUBERNETES}", "gitMajor": major, "gitMinor": minor}
    flags = [
        f"-X {package}.{key}={value}"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for key, value in version.items()
    ]
    for name in ("kube-apiserver", "kubectl"):
        _go(source, "build", "-ldflags", " ".join(flags), "-o", str(folder / name), f"k8s.io/kubernetes/cmd/{name}")
    shutil.rmtree(source)


def _module(source: Path) -> Path:
    source.mkdir(exist_ok=True)
    (source / "go.mod").write_text("module fedns.invalid/real\n\ngo 1.26.0\n")
    return source


def _go(folder: Path, *words: str, **environment: str) -> str:
    done = subprocess.run(
        ["go", *words],
        cwd=folder,
        env={**os.environ, "CGO_ENABLED": "0", **environment},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return done.stdout


if __name__ == "__main__":
    sys.stdout.write(f"{build()}\n")
