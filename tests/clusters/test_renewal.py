"""Credentials stay fresh: what is replaced counts, what is broken does not, and plugins are asked in time."""

import asyncio
import datetime as dt
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from fedns.clusters.credentials import CredentialsError
from fedns.clusters.renewal import Renewal, line, pause
from fedns.federation.objects import Cluster
from fedns.settings.schema import Kubeconfig, Member
from tests.clusters.certificates import Authority

V1 = "client.authentication.k8s.io/v1"


class Plugin:
    """A member whose plugin answers what a test tells it, and counts how often it was asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.member = Member(
            cluster=Cluster(name="eu1"), kubeconfig=Kubeconfig(path=str(folder / "kc"), allow_exec=True)
        )
        script = f"#!/bin/sh\necho x >> {folder}/asked\necho careful >&2\ncat {folder}/answer\n"
        (folder / "plugin").write_text(script)
        (folder / "plugin").chmod(0o700)
        self.configure()

    def configure(self, **user: Any) -> None:
        """Write the kubeconfig."""
        config = {
            "clusters": [{"name": "c", "cluster": {"server": "https://x"}}],
            "users": [{"name": "u", "user": {"exec": {"command": "./plugin", "apiVersion": V1}} | user}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        (self._folder / "kc").write_text(json.dumps(config))

    def says(self, life: float = 0.0, **status: str) -> None:
        """What it answers; it is good for `life` seconds, 0 is for ever."""
        if life:
            until = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=life)
            status["expirationTimestamp"] = until.strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = {"apiVersion": V1, "kind": "ExecCredential", "status": status}
        (self._folder / "answer").write_text(json.dumps(answer))

    def fails(self) -> None:
        """It answers nonsense from now on."""
        (self._folder / "answer").write_text("{")

    @property
    def asked(self) -> int:
        """How often it ran."""
        return len((self._folder / "asked").read_text().split())


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    """A member with a plugin."""
    return Plugin(tmp_path)


@pytest.mark.parametrize(
    ("life", "seconds"),
    [
        pytest.param(3600, 2880, id="80 % of a long one"),
        pytest.param(200, 140, id="60 s before the end"),
        pytest.param(60, 30, id="half of a short one"),
        pytest.param(4, 5, id="never all the time"),
        pytest.param(0, 30, id="over"),
        pytest.param(-86400, 30, id="a wrong clock"),
    ],
)
def test_when_a_plugin_is_asked_again(life: float, seconds: float) -> None:
    """At 80 % of a life or 60 s before its end, whichever is first; with a bound below."""
    assert pause(life) == pytest.approx(seconds)


async def test_a_plugin_is_asked_before_its_answer_expires(plugin: Plugin) -> None:
    """An answer is kept until it is time, however often credentials are looked at."""
    plugin.says(token="one", life=3600)
    renewal = Renewal(plugin.member)
    assert not renewal.due()
    assert (await renewal.obtain()).authorization == "Bearer one"
    plugin.says(token="two", life=3600)
    assert (await renewal.obtain()).authorization == "Bearer one"
    assert not renewal.due()
    assert plugin.asked == 1
    renewal._ask_at = asyncio.get_running_loop().time()
    assert renewal.due()
    assert (await renewal.obtain()).authorization == "Bearer two"
    assert not renewal.due()
    assert plugin.asked == 2


async def test_a_refused_answer_is_replaced(plugin: Plugin) -> None:
    """A server's refusal counts more than the time that a plugin gave."""
    plugin.says(token="one")
    renewal = Renewal(plugin.member)
    await renewal.obtain()
    plugin.says(token="two")
    assert (await renewal.obtain(forced=True)).authorization == "Bearer two"


async def test_certificates_of_a_plugin(plugin: Plugin) -> None:
    """A client certificate is renewed like a token; one that is no pair is not taken."""
    authority = Authority()
    certificate, key = authority.issue("reader")
    plugin.says(clientCertificateData=certificate, clientKeyData=key)
    renewal = Renewal(plugin.member)
    first = await renewal.obtain()
    assert first.identity == f"{certificate}\n{key}"
    fresh, _ = authority.issue("reader")
    plugin.says(clientCertificateData=fresh, clientKeyData=key)
    assert await renewal.obtain(forced=True) == first
    assert "no pair" in renewal.fault
    fresh, key = authority.issue("reader")
    plugin.says(clientCertificateData=fresh, clientKeyData=key)
    assert (await renewal.obtain(forced=True)).identity == f"{fresh}\n{key}"
    assert renewal.fault == ""


async def test_a_failing_plugin_is_reported_once(plugin: Plugin, caplog: pytest.LogCaptureFixture) -> None:
    """The last good answer is kept, the log says so once, and once that it is over; the plugin's words are there."""
    caplog.set_level(logging.INFO, "fedns")
    plugin.says(token="one")
    renewal = Renewal(plugin.member)
    first = await renewal.obtain()
    plugin.fails()
    assert await renewal.obtain(forced=True) == first
    assert await renewal.obtain(forced=True) == first
    plugin.says(token="one")
    assert await renewal.obtain(forced=True) == first
    plugin_says, lost, back = caplog.messages
    assert plugin_says.startswith("member eu1: ")
    assert plugin_says.endswith("plugin says: careful")
    assert "did not answer" in lost
    assert lost.endswith("the last good ones are kept")
    assert back == "member eu1: credentials can be read again"


async def test_a_broken_file_does_not_keep_a_plugin_from_its_work(plugin: Plugin, tmp_path: Path) -> None:
    """While the kubeconfig is half-written, the plugin that it named is asked in time."""
    plugin.says(token="one")
    renewal = Renewal(plugin.member)
    await renewal.obtain()
    (tmp_path / "kc").write_text("{")
    plugin.says(token="two")
    assert (await renewal.obtain(forced=True)).authorization == "Bearer two"
    assert "is not YAML" in renewal.fault


async def test_another_kubeconfig_counts(plugin: Plugin, tmp_path: Path) -> None:
    """One without the plugin counts at once; one whose plugin gives nothing does not count."""
    plugin.says(token="one")
    renewal = Renewal(plugin.member)
    await renewal.obtain()
    plugin.configure(exec=None, token="plain")
    plain = await renewal.obtain()
    assert plain.authorization == "Bearer plain"
    plugin.configure(exec={"command": "./none", "apiVersion": V1})
    assert await renewal.obtain() == plain
    assert "cannot run" in renewal.fault
    (tmp_path / "kc").unlink()
    assert await renewal.obtain() == plain
    assert "No such file" in renewal.fault


async def test_nothing_good_yet(plugin: Plugin) -> None:
    """Without any good credentials the reason is raised."""
    plugin.fails()
    with pytest.raises(CredentialsError, match="did not answer"):
        await Renewal(plugin.member).obtain()


def test_a_line() -> None:
    """What others wrote becomes one bounded line."""
    assert line(" a\n b\x1b[2J ", 100) == "a b?[2J"
    assert line("x" * 100, 10) == "x" * 10
