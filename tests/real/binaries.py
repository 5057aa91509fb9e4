"""Where the real binaries are: in KUBEBUILDER_ASSETS, in the cache of `tests.real.build`, or built there by Go."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.real import build

GO: Final = (1, 26)
BUILD_SECONDS: Final = 1500
"""A build from nothing takes seven minutes on two cores; whichever test comes first pays for it."""


def go_version() -> tuple[int, ...]:
    """The version of the Go on the path, (0,) without one."""
    if shutil.which("go") is None:
        return (0,)
    told = subprocess.run(["go", "version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"go(\d+)\.(\d+)", told)
    return tuple(int(number) for number in found.groups()) if found else (0,)


def found(names: tuple[str, ...]) -> Path | None:
    """The folder that has all of these binaries ready, None where a build is needed."""
    folders = (Path(os.environ.get("KUBEBUILDER_ASSETS", "")), build.cache())
    return next((folder for folder in folders if all((folder / name).is_file() for name in names)), None)


def binaries(names: tuple[str, ...]) -> Path:
    """The folder of these binaries, built where Go can; else the test is skipped."""
    folder = found(names)
    if folder is None and go_version() < GO:
        pytest.skip(
            f"no {', '.join(names)} in KUBEBUILDER_ASSETS or in {build.cache()}, "
            f"and no Go {'.'.join(map(str, GO))} or newer to build them with"
        )
    return folder or build.build(names)


def old_etcd() -> Path:
    """Debian's etcd, of the 3.4 line, unpacked and not installed; where it cannot be had the test is skipped."""
    folder = build.cache().parent / "debian-etcd"
    binary = folder / "usr" / "bin" / "etcd"
    if not binary.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        commands = "apt-get download etcd-server && dpkg -x etcd-server_*.deb . && rm etcd-server_*.deb"
        done = subprocess.run(["sh", "-c", commands], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no etcd-server by apt here: {done.stderr.strip()[-200:]}")
    told = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    if "etcd Version: 3.4." not in told:
        pytest.skip(f"the etcd-server of this system is none of 3.4: {told.splitlines()[0]}")
    return binary
