"""TLS and tokens of a simulated API server, and how both are rotated."""

import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from fedns.lab.cluster import FakeCluster
from fedns.lab.credentials import Credentials


@pytest.fixture
async def secure(tmp_path: Path) -> AsyncIterator[FakeCluster]:
    """A server that speaks TLS and asks for a token."""
    credentials = Credentials(tmp_path, "eu1", server_names=("eu1.example.com",))
    async with FakeCluster("eu1", credentials=credentials) as running:
        yield running


def own(cluster: FakeCluster) -> Credentials:
    """Its credentials."""
    assert cluster.credentials is not None
    return cluster.credentials


async def outcome(cluster: FakeCluster, token: str, trust: ssl.SSLContext | None = None) -> int | str:
    """What a new client gets that trusts the CA file as it is now: a status, or the name of the failure."""
    trust = trust or ssl.create_default_context(cafile=str(own(cluster).ca_file))
    try:
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
            session.get(cluster.url + "/api/v1/services", ssl=trust) as response,
        ):
            return response.status
    except aiohttp.ClientConnectorCertificateError:
        return "certificate"


async def test_only_its_ca_and_its_token_open_the_door(secure: FakeCluster) -> None:
    """A verified connection with the token in the file; no other token, no other trust."""
    token = own(secure).token_file.read_text()
    assert secure.url.startswith("https://")
    assert await outcome(secure, token) == 200
    assert await outcome(secure, "guess") == 401
    assert await outcome(secure, token, ssl.create_default_context()) == "certificate"
    assert own(secure).token_file.stat().st_mode & 0o077 == 0
    own(secure).accept("second")
    assert await outcome(secure, "second") == 200
    assert not own(secure).accepts(token)


async def test_a_rotated_token_is_refused_after_its_grace(secure: FakeCluster) -> None:
    """With a grace both tokens work, without one the old token is refused at once."""
    first = own(secure).token_file.read_text()
    await secure.fault("rotate-token=60s")
    second = own(secure).token_file.read_text()
    assert [await outcome(secure, each) for each in (first, second)] == [200, 200]
    await secure.fault("rotate-token")
    third = own(secure).token_file.read_text()
    assert [await outcome(secure, each) for each in (second, third)] == [401, 200]
    assert len({first, second, third}) == 3


async def test_a_rotated_certificate_is_of_a_new_ca(secure: FakeCluster) -> None:
    """Who trusts the old CA is refused, who reads the file again is not."""
    token, old = own(secure).token_file.read_text(), ssl.create_default_context(cafile=str(own(secure).ca_file))
    await secure.fault("rotate-certificate")
    assert await outcome(secure, token, old) == "certificate"
    assert await outcome(secure, token) == 200


def test_the_kubeconfig_names_files(secure: FakeCluster, tmp_path: Path) -> None:
    """CA and token stand in files beside it; further entries as people ask."""
    config = json.loads(secure.kubeconfig(tmp_path / "kubeconfig").read_text())
    assert config["clusters"][0]["cluster"] == {
        "server": secure.url,
        "certificate-authority": str(tmp_path / "eu1.ca.crt"),
    }
    assert config["users"][0]["user"] == {"tokenFile": str(tmp_path / "eu1.token")}
    named = own(secure).kubeconfig("eu1", secure.url, tls_server_name="eu1.example.com")
    assert named["clusters"][0]["cluster"]["tls-server-name"] == "eu1.example.com"


async def test_what_it_does_not_use_it_does_not_rotate(tmp_path: Path) -> None:
    """A sentence for each; a server without any credentials has its own."""
    async with FakeCluster("eu1", credentials=Credentials(tmp_path, "eu1", tls=False)) as plain:
        assert plain.url.startswith("http://")
        with pytest.raises(ValueError, match="no TLS"):
            await plain.fault("rotate-certificate")
    async with FakeCluster("eu2", credentials=Credentials(tmp_path, "eu2", tokens=False)) as anonymous:
        assert own(anonymous).accepts("")
        with pytest.raises(ValueError, match="no token"):
            await anonymous.fault("rotate-token")
    async with FakeCluster("eu3") as bare:
        with pytest.raises(ValueError, match="no credentials"):
            await bare.fault("rotate-token")
