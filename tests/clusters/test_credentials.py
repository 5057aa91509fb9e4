"""Files become credentials: a pod's own, and what tells that one was replaced."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fedns.clusters import credentials
from fedns.clusters.credentials import (
    Credentials,
    CredentialsError,
    Files,
    bearer,
    identity_file,
    no_authorities,
    service_account,
    tls,
)
from tests.clusters.certificates import Authority


@pytest.fixture
def pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The service account of a pod."""
    monkeypatch.setattr(credentials, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    (tmp_path / "token").write_text("sesame\n")
    (tmp_path / "ca.crt").write_text(Authority().pem)
    return tmp_path


def test_a_pod_has_a_service_account(pod: Path) -> None:
    """In a pod its service account is used, over TLS, without the newline of its file."""
    found = service_account()
    assert found.credentials.server == "https://[fd00::1]:443"
    assert found.credentials.authorization == "Bearer sesame"
    assert found.credentials.authorities == (pod / "ca.crt").read_text()


@pytest.mark.parametrize("name", ["token", "ca.crt"])
@pytest.mark.parametrize("text", [None, "", "x\ny"], ids=["gone", "empty", "garbled"])
def test_a_pod_with_half_an_account(pod: Path, name: str, text: str | None) -> None:
    """A file that is gone, empty or half-written is a reason: never other authorities, never nobody."""
    if text is None:
        (pod / name).unlink()
    else:
        (pod / name).write_text(text)
    with pytest.raises(CredentialsError, match=r"^inCluster"):
        service_account()


def test_outside_a_pod(pod: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside a pod `inCluster` is a reason, with the cure."""
    assert pod.is_dir()
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    with pytest.raises(CredentialsError, match="runs in no pod; use kubeconfig"):
        service_account()


def test_a_replaced_file_is_seen(pod: Path) -> None:
    """A file that was written anew, exchanged or taken away is a change."""
    token = pod / "token"
    found = service_account()
    assert found.current()
    token.write_text("other-sesame")
    assert not found.current()
    found = service_account()
    fresh = pod / "fresh"
    fresh.write_text("third-sesame")
    os.utime(fresh, ns=(token.stat().st_mtime_ns,) * 2)
    fresh.rename(token)
    assert not found.current()
    found = service_account()
    token.unlink()
    assert not found.current()


@pytest.mark.parametrize("token", ["", " \n", "a b", "a\nb", "a\x00", "é"])
def test_what_is_no_token(token: str) -> None:
    """What HTTP could not carry is refused before it is sent."""
    with pytest.raises(CredentialsError, match="token is no token"):
        bearer(token, "token")


def test_an_identity_touches_no_disk() -> None:
    """The key of a client certificate is in memory only, and gone after use."""
    with identity_file(Credentials(server="x", identity="secret")) as name:
        assert name is not None
        assert Path(name).read_text() == "secret"
        assert "memfd:" in str(Path(name).readlink())
    with identity_file(Credentials(server="x")) as name:
        assert name is None


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A system whose only authority this is, in PEM."""
    authority = Authority("system").pem
    (tmp_path / "authorities.pem").write_text(authority)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authorities.pem"))
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    return authority


@pytest.mark.usefixtures("system")
def test_authorities_are_back_afterwards() -> None:
    """None is found meanwhile; those of the system count for servers that name none of their own."""
    before = dict(os.environ)
    with no_authorities():
        assert tls(Credentials(server="https://x")).get_ca_certs() == []
    assert dict(os.environ) == before
    assert len(tls(Credentials(server="https://x")).get_ca_certs()) == 1


@pytest.mark.usefixtures("system")
def test_the_http_client_loads_no_authorities() -> None:
    """Its import would read those of the system, twice."""
    look = (
        "import fedns.control.daemon; from aiohttp.connector import _SSL_CONTEXT_VERIFIED as one;"
        "from aiohttp.connector import _SSL_CONTEXT_UNVERIFIED as other;"
        "print(len(one.get_ca_certs()), len(other.get_ca_certs()))"
    )
    found = subprocess.run([sys.executable, "-c", look], check=True, capture_output=True, text=True)
    assert found.stdout == "0 0\n"


def test_files_that_are_no_text(tmp_path: Path) -> None:
    """A file that is not UTF-8 is a reason."""
    (tmp_path / "x").write_bytes(b"\xff")
    with pytest.raises(CredentialsError, match=r"user u: .* is not UTF-8 text"):
        Files(tmp_path).named("x", "user u", "token")
