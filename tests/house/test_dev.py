"""`dev` works where only Python is, says plainly what is missing, and then is the program it starts."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house import tree

TOOLS = ("sh", "dirname", "cat", "cksum", "mkdir", "flock")
OLD_PYTHON = "#!/bin/sh\nexit 1\n"
PYTHON_WITHOUT_VENV = """#!/bin/sh
case $2 in
*ensurepip*) exit 1 ;;
*print*) echo 3.12 ;;
esac
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A tree with `dev` and what it reads, and no virtual environment; `bin` holds the only programs on the PATH."""
    for name in ("dev", "requirements.lock", "pyproject.toml"):
        shutil.copy2(tree.ROOT / name, tmp_path / name)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in TOOLS:
        if found := shutil.which(name):
            (programs / name).symlink_to(found)
    return tmp_path


def python(copy: Path, text: str) -> None:
    """Put a python3 on the PATH."""
    program = copy / "bin" / "python3"
    program.write_text(text, encoding="utf-8")
    program.chmod(0o755)


def ready(copy: Path) -> None:
    """Make the copy look prepared, with the Python of this run."""
    (copy / ".venv/bin").mkdir(parents=True)
    program = copy / ".venv/bin/python"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    stamp = subprocess.run(["cksum", "requirements.lock", "pyproject.toml"], cwd=copy, capture_output=True, check=True)
    (copy / ".venv/made-from").write_bytes(f"{copy.resolve()}\n".encode() + stamp.stdout)


def dev(copy: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `dev` in the copy, with nothing but `bin` on the PATH."""
    environment = {"PATH": str(copy / "bin"), "HOME": str(copy)}
    return subprocess.run([copy / "dev", *words], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(OLD_PYTHON, "Python 3.11 or newer is needed", id="old-python"),
        pytest.param(PYTHON_WITHOUT_VENV, "apt-get install python3.12-venv", id="no-venv"),
    ],
)
def test_says_what_is_missing(copy: Path, text: str, sentence: str) -> None:
    """Without a good Python, or without venv, one sentence names the cure and nothing else happens."""
    python(copy, text)
    run = dev(copy, "test")
    assert run.returncode == 1
    assert sentence in run.stderr
    assert "Traceback" not in run.stderr


def test_usage_needs_nothing(copy: Path) -> None:
    """Without a word, `dev` tells its words, and makes no environment."""
    run = dev(copy)
    assert run.returncode == 0
    assert "./dev serve" in run.stdout
    assert not (copy / ".venv").exists()


def test_changed_requirements_make_the_environment_again(copy: Path) -> None:
    """An environment that was made from other requirements is not used as it is."""
    ready(copy)
    assert "preparing" not in dev(copy, "python", "-c", "").stderr
    with (copy / "requirements.lock").open("a", encoding="utf-8") as lock:
        lock.write("no-such-package==0\n")
    python(copy, PYTHON_WITHOUT_VENV)
    (copy / ".venv/bin/python").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    assert "preparing .venv" in dev(copy, "python", "-c", "").stderr


def test_locks_another_file_than_uv() -> None:
    """Uv locks .venv/.lock itself: were `dev` to hold that one, uv would wait for it for five minutes."""
    text = (tree.ROOT / "dev").read_text(encoding="utf-8")
    assert re.findall(r" 9>(\S+)", text) == [".venv/.dev-lock"]


def test_exit_code_is_the_programs_own(copy: Path) -> None:
    """`dev` adds nothing to an exit code."""
    ready(copy)
    assert dev(copy, "python", "-c", "raise SystemExit(37)").returncode == 37


def test_signals_reach_the_program(copy: Path) -> None:
    """`dev` becomes the program: same process id, so a signal to it is a signal to the program."""
    ready(copy)
    code = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
    with subprocess.Popen([copy / "dev", "python", "-c", code], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert int(program.stdout.readline()) == program.pid
        os.kill(program.pid, signal.SIGTERM)
        assert program.wait(10) == -signal.SIGTERM


@pytest.mark.parametrize("script", [("sh", "dev"), ("bash", ".ci/run")], ids=["dev", "ci"])
def test_scripts_parse(script: tuple[str, str]) -> None:
    """The scripts are executable, and their shell can read them."""
    shell, path = script
    assert os.access(tree.ROOT / path, os.X_OK)
    assert subprocess.run([shell, "-n", path], cwd=tree.ROOT, check=False).returncode == 0
