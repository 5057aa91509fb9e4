"""Imports go one way, each third-party package has one home, and what answers DNS stays small."""

import json
import subprocess
import sys
from pathlib import PurePath

import pytest

from tests.house import tree

HOMES: dict[str, tuple[str, ...]] = {
    # Too slow to load for the path of a start: it serves the person who sets a member up.
    "kubernetes": ("clusters/access.py",),
    # The configuration, the kubeconfigs of members, and what a command prints for programs.
    "yaml": ("settings/load.py", "clusters/kubeconfig.py", "cli/get.py"),
    # The admin server hands out what the collector made, in the format that prometheus_client writes.
    "prometheus_client": ("control/metrics.py", "control/traffic.py", "control/families.py", "control/admin.py"),
    # The client for raw streams with time limits; the lab and the admin pages are servers.
    "aiohttp": ("clusters/*.py", "control/admin.py", "control/ordering.py", "lab/*.py"),
    "click": ("cli/*.py",),
    # Both are for the side that asks: the one module that sends questions, and what prints or checks its answers.
    "dnslib": ("client.py", "cli/*.py", "lab/*.py"),
    "asyncio_dgram": ("client.py", "cli/*.py", "lab/*.py"),
    # Makes the certificates of simulated API servers, and is installed with the tests only.
    # Comes with aioquic, too, whose errors of certificates are its own.
    "cryptography": ("lab/credentials.py", "servers/quic.py"),
    # The struct type of every value that crosses a process.
    "msgspec": ("**/*.py", "*.py"),
    # The two versions of HTTP, in the process for DNS over HTTPS.
    "h2": ("servers/http2.py",),
    "h11": ("servers/http1.py",),
    # DNS over QUIC, in its own process.
    "aioquic": ("servers/doq.py", "servers/quic.py"),
    # Chosen where a process starts its loop, if it is installed.
    "uvloop": ("servers/worker.py", "control/daemon.py"),
}
"""Which modules may import a package that is not ours: patterns relative to fedns/."""

HEAVY = ("kubernetes", "aiohttp", "yaml", "prometheus_client", "click", "dnslib", "asyncio_dgram")
WEB = ("h2", "h11", "aioquic", "cryptography")
"""What only the processes for DNS over HTTPS and QUIC load."""
LEAN: dict[str, tuple[str, ...]] = {
    "fedns.servers.worker": (*HEAVY, *WEB),
    "fedns.servers.https": (*HEAVY, "aioquic", "cryptography"),
    "fedns.servers.quic": (*HEAVY, "h2", "h11"),
    # The parent reads the configuration file, hence YAML; it lives as long as the pod, and holds nothing else.
    "fedns.supervisor": tuple(name for name in HEAVY if name != "yaml"),
    # `fedns --help` and shell completion are instant.
    "fedns.cli.main": tuple(name for name in HEAVY if name != "click"),
}


def test_import_contracts() -> None:
    """The contracts in pyproject.toml are kept: layers, purity, and what never loads what."""
    linter = PurePath(sys.executable).with_name("lint-imports")
    run = subprocess.run([linter, "--no-cache"], cwd=tree.ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("path", tree.modules())
def test_each_package_has_its_home(path: str) -> None:
    """A third-party package is imported in its home only, wherever in a file the import stands."""
    packages = {name.partition(".")[0] for name in tree.imported(tree.modules()[path])}
    foreign = packages - sys.stdlib_module_names - {"fedns"}
    strays = {name for name in foreign if not any(PurePath(path).match(home) for home in HOMES.get(name, ()))}
    assert not strays, f"{path} imports {sorted(strays)}; their homes are in HOMES, each with its reason"


def test_every_dependency_is_used_and_has_a_home() -> None:
    """What is listed in HOMES is imported somewhere: no rule outlives its reason."""
    everything = set().union(*(tree.imported(module) for module in tree.modules().values()))
    used = {name.partition(".")[0] for name in everything}
    assert not HOMES.keys() - used


@pytest.mark.parametrize("module", LEAN)
def test_processes_load_only_what_they_need(module: str) -> None:
    """A process that answers or supervises never loads what only the control process needs (+47 MiB, 0.6 s)."""
    code = f"import json, sys, {module}; print(json.dumps([m for m in {LEAN[module]!r} if m in sys.modules]))"
    run = subprocess.run([sys.executable, "-c", code], cwd=tree.ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == []


@pytest.mark.parametrize("path", sorted({str(PurePath(path).parent) for path in tree.modules()}))
def test_every_folder_is_a_package(path: str) -> None:
    """A folder with modules has an `__init__.py` that says what the folder is for: contracts see packages only."""
    init = tree.modules().get(PurePath(path, "__init__.py").as_posix())
    assert init is not None, f"fedns/{path}/__init__.py is missing"
