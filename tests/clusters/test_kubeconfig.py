"""Kubeconfigs become credentials, or a sentence that names file, entry and cure."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedns.clusters.credentials import MAX_BYTES, CredentialsError
from fedns.clusters.kubeconfig import read
from fedns.settings.schema import Kubeconfig
from tests.clusters.certificates import Authority

Json = dict[str, Any]
HOST = "https://api.example.com:6443"
EXEC = {"command": "./plugin", "apiVersion": "client.authentication.k8s.io/v1", "args": ["x"]}


def config(cluster: Json | None = None, user: Json | None = None, **more: Any) -> str:
    """A kubeconfig with one context; what is given replaces what it would have."""
    made: Json = {
        "clusters": [{"name": "c", "cluster": {"server": HOST} | (cluster or {})}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    return json.dumps(made | more)


def pem(text: str) -> str:
    """As it stands in a `-data` key."""
    return base64.b64encode(text.encode()).decode()


def put(folder: Path, text: str) -> Kubeconfig:
    """The text as a file."""
    (folder / "kc").write_text(text)
    return Kubeconfig(path=str(folder / "kc"))


HOSTILE = {
    "exec": (config(user={"exec": EXEC}), "user u: exec would run a program .* kubeconfig.allowExec: true"),
    "auth-provider": (config(user={"auth-provider": {"name": "gcp"}}), "user u: auth-provider is not supported"),
    "impersonation": (config(user={"as": "root", "token": "t"}), "user u: as is not supported"),
    "absolute path": (config(user={"tokenFile": "/etc/passwd"}), "user u: tokenFile leads out of .*use token"),
    "relative path": (config(user={"tokenFile": "../token"}), "user u: tokenFile leads out of"),
    "ca elsewhere": (
        config({"certificate-authority": "/etc/ssl/ca"}),
        "cluster c: certificate-authority leads out of .*certificate-authority-data",
    ),
    "key elsewhere": (config(user={"client-key": "/etc/key"}), "client-key leads out"),
    "certificate elsewhere": (config(user={"client-certificate": "../../x"}), "client-certificate leads out"),
    "a link elsewhere": (config(user={"tokenFile": "link"}), "tokenFile leads out"),
    "a pipe": (config(user={"tokenFile": "pipe"}), "is no plain file"),
    "a folder": (config(user={"tokenFile": "."}), "tokenFile: cannot read .*: Is a directory"),
    "a nul": (config(user={"tokenFile": "a\0b"}), "tokenFile leads out"),
    "socks": (config({"proxy-url": "socks5://127.0.0.1:1"}), "proxy-url must begin with http:// or https://"),
    "any server": (config({"insecure-skip-tls-verify": True}), "insecure-skip-tls-verify .*give certificate-auth"),
    "plain http": (config({"server": "http://10.0.0.1"}, {"token": "t"}), "server is plain http.*use https"),
    "a name like loopback": (config({"server": "http://localhost.example.com"}), "server is plain http"),
    "http by proxy": (config({"server": "http://127.0.0.1", "proxy-url": "http://10.0.0.1"}), "server is plain http"),
    "no url": (config({"server": "api.example.com"}), "server must be a URL such as"),
    "a bad port": (config({"server": "https://x:y"}), "server is no URL"),
    "a password in the url": (config({"server": "https://a:b@x"}), "server must be a plain URL"),
    "a line in the url": (config({"server": "https://x /y"}), "server must be a URL"),
    "a line in the token": (config(user={"token": "a\r\nX: y"}), "user u: token is no token"),
    "a colon in the name": (config(user={"username": "a:b", "password": "c"}), "username must not have a colon"),
    "half an identity": (config(user={"client-key-data": pem("x")}), "belong together"),
    "no pair": (config(user={"client-key-data": pem("x"), "client-certificate-data": pem("y")}), "no pair"),
    "no base64": (config({"certificate-authority-data": "?"}), "certificate-authority-data is not base64"),
    "empty base64": (config({"certificate-authority-data": " "}), "certificate-authority-data is empty"),
    "an empty authority": (config({"certificate-authority": "empty"}), "certificate-authority: .*empty is empty"),
    "no certificate": (config({"certificate-authority-data": pem("x")}), "no certificates in PEM"),
    "a locked key": (
        config(user={"client-key-data": pem("ENCRYPTED"), "client-certificate-data": pem("y")}),
        "client-key is encrypted",
    ),
    "a number": (config(user={"token": 1}), "user u: Expected `str`, got `int` - at `\\$.token`"),
    "a list of servers": (config({"server": []}), "cluster c: Expected `str`"),
    "no server": (config(clusters=[{"name": "c", "cluster": {}}]), "cluster c: Object missing required field `server`"),
    "no cluster": (config(clusters=None), "has no cluster c; it has none"),
    "no user": (config(users="x"), "has no user u"),
    "no context": (config(contexts=[1]), "has no context x"),
    "no current context": (config(**{"current-context": None}), "has no current-context: name one"),
    "an empty context": (config(contexts=[{"name": "x"}]), "context x is empty"),
    "a list": ("[]", "is not a kubeconfig"),
    "nothing": ("", "kc is empty"),
    "cut": ("a: {", "is not YAML: see line 2"),
    "a date that is none": ("a: 2026-99-99", "is not YAML"),
    "a tag": ("a: !!python/object/apply:os.system [x]", "is not YAML"),
    "a bomb": ("a: &a {x: y}\nb: &b {<<: [*a, *a, *a]}\nc: {<<: [*b, *b, *b]}", "anchors or deep nesting"),
    "deep": ("[" * 100_000, "anchors or deep nesting"),
    "large": ("#" * (5 << 20), "larger than 1048576 bytes"),
}


@pytest.mark.parametrize(("text", "sentence"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    """What would run programs, read files elsewhere, show secrets to others, or is broken, is a sentence."""
    folder = tmp_path / "own"
    folder.mkdir()
    (tmp_path / "token").write_text("stolen")
    (folder / "link").symlink_to(tmp_path / "token")
    (folder / "empty").touch()
    os.mkfifo(folder / "pipe")
    source = put(folder, text)
    with pytest.raises(CredentialsError, match=sentence) as refused:
        read(source)
    assert source.path in str(refused.value)
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(config(user={"exec": EXEC}), "users?.*exec would run a program .*use a token or", id="exec"),
        pytest.param(config(user={"tokenFile": "token"}), "tokenFile names a file.*use token", id="path"),
        pytest.param(config({"certificate-authority": "ca"}), "use certificate-authority-data", id="ca"),
        pytest.param("#" * (MAX_BYTES + 1), "larger than", id="large"),
    ],
)
def test_without_a_file_nothing_else_is_read(text: str, sentence: str) -> None:
    """A kubeconfig from somebody's hands names no files and runs no programs, whatever is allowed."""
    with pytest.raises(CredentialsError, match=sentence):
        read(Kubeconfig(path="secret fedns/eu1", content=text, allow_exec=True))


def test_without_a_file() -> None:
    """Everything may stand in the text itself; there is nothing to look at for changes."""
    authority = Authority()
    certificate, key = authority.issue("reader")
    user = {"client-certificate-data": pem(certificate), "client-key-data": pem(key), "token": " sesame\n"}
    cluster = {"certificate-authority-data": pem(authority.pem), "tls-server-name": "api", "proxy-url": "http://p:3128"}
    found = read(Kubeconfig(path="secret", content=config(cluster, user)))
    assert found.stamps == {}
    assert found.credentials.server == HOST
    assert found.credentials.authorities == authority.pem
    assert found.credentials.server_name == "api"
    assert found.credentials.proxy == "http://p:3128"
    assert found.credentials.authorization == "Bearer sesame"
    assert found.credentials.identity == f"{certificate}\n{key}"
    assert "sesame" not in repr(found.credentials)


@pytest.mark.parametrize(
    ("user", "header"),
    [
        pytest.param({}, "", id="nobody"),
        pytest.param({"token": "t", "tokenFile": "token"}, "Bearer filed", id="the file counts"),
        pytest.param({"username": "a", "password": "b"}, "Basic YTpi", id="password"),
        pytest.param({"token": "t", "username": "a", "password": "b"}, "Bearer t", id="token before password"),
        pytest.param({"token": None, "username": "a"}, "Basic YTo=", id="empty values"),
    ],
)
def test_who_asks(tmp_path: Path, user: Json, header: str) -> None:
    """A token counts more than a password."""
    (tmp_path / "token").write_text("filed\n")
    assert read(put(tmp_path, config(user=user))).credentials.authorization == header


@pytest.mark.parametrize("server", ["http://127.0.0.1:1/", "http://[::1]:1", "http://localhost:1/k8s/clusters/c"])
def test_this_machine_needs_no_tls(tmp_path: Path, server: str) -> None:
    """Plain http is for loopback."""
    assert read(put(tmp_path, config({"server": server}, {"token": "t"}))).credentials.server == server.rstrip("/")


def mount(folder: Path, generation: str, **files: str) -> None:
    """Put files there as Kubernetes mounts a Secret: links into a hidden folder, which is exchanged at once."""
    (folder / generation).mkdir(parents=True)
    for name, text in files.items():
        (folder / generation / name).write_text(text)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    (folder / "..new").symlink_to(generation)
    (folder / "..new").rename(folder / "..data")


def test_a_mounted_secret(tmp_path: Path) -> None:
    """The links of a mounted Secret stay inside its folder, and an exchange is seen."""
    folder = tmp_path / "members"
    text = config({"certificate-authority": "ca"}, {"tokenFile": str(folder / "token")})
    mount(folder, "..1", kc=text, ca=Authority().pem, token="old")
    source = Kubeconfig(path=str(folder / "kc"))
    first = read(source)
    assert first.credentials.authorization == "Bearer old"
    assert sorted(first.stamps) == [str(folder / name) for name in ("ca", "kc", "token")]
    assert first.current()
    mount(folder, "..2", kc=text, ca=Authority().pem, token="new")
    assert not first.current()
    assert read(source).credentials.authorization == "Bearer new"


def test_another_context_is_not_looked_at(tmp_path: Path) -> None:
    """What a kubeconfig holds for others does no harm; the configuration says which context counts."""
    users = [{"name": "u", "user": {"exec": EXEC}}, {"name": "v", "user": {"token": "t"}}]
    contexts = [{"name": name, "context": {"cluster": "c", "user": name}} for name in "uv"]
    put(tmp_path, config(users=users, contexts=contexts))
    found = read(Kubeconfig(path=str(tmp_path / "kc"), context="v"))
    assert found.credentials.authorization == "Bearer t"


def test_an_allowed_plugin(tmp_path: Path) -> None:
    """A plugin lies beside the kubeconfig or on the PATH, and is told of the cluster if it wants that."""
    words = EXEC | {"env": [{"name": "A", "value": "b"}], "installHint": "get it", "provideClusterInfo": True}
    cluster = {"tls-server-name": "api", "proxy-url": "http://p", "certificate-authority-data": pem(Authority().pem)}
    put(tmp_path, config(cluster, {"exec": words}))
    plugin = read(Kubeconfig(path=str(tmp_path / "kc"), allow_exec=True)).credentials.plugin
    assert plugin is not None
    assert plugin.command == (str(tmp_path / "plugin"), "x")
    assert plugin.variables == (("A", "b"),)
    assert plugin.hint == "get it"
    assert plugin.cluster == {"server": HOST} | cluster
    put(tmp_path, config(user={"exec": EXEC | {"command": "aws"}}))
    plugin = read(Kubeconfig(path=str(tmp_path / "kc"), allow_exec=True)).credentials.plugin
    assert plugin is not None
    assert plugin.command == ("aws", "x")
    assert plugin.cluster is None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param({"apiVersion": "client.authentication.k8s.io/v1alpha1"}, "apiVersion must be one of", id="old"),
        pytest.param({"interactiveMode": "Always"}, "needs somebody at a terminal", id="interactive"),
        pytest.param({"command": 1}, "exec: Expected `str`", id="type"),
    ],
)
def test_a_plugin_that_cannot_be_asked(tmp_path: Path, words: Json, sentence: str) -> None:
    """An allowed plugin still must speak our protocol, and need nobody."""
    put(tmp_path, config(user={"exec": EXEC | words}))
    with pytest.raises(CredentialsError, match=sentence):
        read(Kubeconfig(path=str(tmp_path / "kc"), allow_exec=True))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["contexts", "clusters", "users", "name", "context", "cluster", "user", "current-context"]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=20,
    ),
    st.sampled_from(["clusters", "users", "contexts", "current-context", ""]),
)
def test_any_shape(value: Any, key: str) -> None:
    """Whatever stands where, it is credentials or a sentence."""
    text = config(**{key: value}) if key else json.dumps(value)
    try:
        read(Kubeconfig(path="x", content=text))
    except CredentialsError as fault:
        assert str(fault)  # noqa: PT017 -- both ways are right
