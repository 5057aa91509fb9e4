"""Turns a kubeconfig into credentials, or says in one sentence why not: file, entry and cure.

A kubeconfig does what its writer wants: what would run programs, read files elsewhere, or show a secret to others than
its server is refused. Only the context that is used is looked at. It blocks on files: not for the event loop.
"""

import base64
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec
import yaml
from msgspec import Struct, field

from fedns.clusters.credentials import MAX_BYTES, Credentials, CredentialsError, Files, Plugin, Reading, bearer, prove
from fedns.settings.schema import Kubeconfig

_MAX_DEPTH: Final = 30
_PREFIX: Final = "client.authentication.k8s.io/"
_VERSIONS: Final = (f"{_PREFIX}v1", f"{_PREFIX}v1beta1")
_CONFIG: Final = f"{_PREFIX}exec"
"""The extension of a cluster that is meant for the plugin."""
_IMPERSONATION: Final = ("as", "as-uid", "as-groups", "as-user-extra")

_turn: Final = Lock()
"""Credentials are read in several threads: one parses, the others find what it has found."""

Table = dict[str, Any]
_Entry = TypeVar("_Entry", bound=Struct)


class _Cluster(Struct, rename="kebab"):
    server: str
    certificate_authority: str = ""
    certificate_authority_data: str = ""
    tls_server_name: str = ""
    proxy_url: str = ""
    insecure_skip_tls_verify: bool = False
    extensions: tuple["_Extension", ...] = ()


class _Extension(Struct):
    name: str
    extension: Any = None


class _User(Struct, rename="kebab"):
    token: str = ""
    token_file: str = field(default="", name="tokenFile")
    client_certificate: str = ""
    client_certificate_data: str = ""
    client_key: str = ""
    client_key_data: str = ""
    username: str = ""
    password: str = ""
    exec: Table | None = None


class _Variable(Struct):
    name: str
    value: str


class _Exec(Struct, rename="camel"):
    command: str
    api_version: str
    args: tuple[str, ...] = ()
    env: tuple[_Variable, ...] = ()
    install_hint: str = ""
    provide_cluster_info: bool = False
    interactive_mode: str = "IfAvailable"


def read(source: Kubeconfig) -> Reading:
    """The credentials that it tells of; raises CredentialsError."""
    if source.content:
        if len(source.content) > MAX_BYTES:
            raise CredentialsError(f"{source.path} is larger than {MAX_BYTES} bytes: no kubeconfig is")
        folder = "/" if source.own else ""
        files, text = Files(Path(folder) if source.own else None), source.content
    else:
        path = Path(source.path).expanduser().absolute()
        files, folder = Files(path.parent), str(path.parent)
        text = files.text(path, "kubeconfig")
    where = source.path
    tree = _tree(text, where)
    name = source.context or tree.get("current-context")
    if not name:
        raise CredentialsError(f"{where} has no current-context: name one as kubeconfig.context")
    context = _named(tree, "context", name, where)
    cluster_at, user_at = f"{where}: cluster {context.get('cluster')}", f"{where}: user {context.get('user')}"
    cluster = _entry(_named(tree, "cluster", context.get("cluster"), where), _Cluster, cluster_at)
    table = _named(tree, "user", context["user"], where) if context.get("user") else {}
    _refuse(table, source, user_at)
    user = _entry(table, _User, user_at)
    made = Credentials(
        server=_server(cluster, cluster_at),
        authorities=_pem(files, cluster, "certificate-authority", cluster_at),
        server_name=cluster.tls_server_name,
        proxy=_proxy(cluster, cluster_at),
        authorization=_authorization(files, user, user_at),
        identity=_identity(files, user, user_at),
    )
    prove(made, where)
    if user.exec is not None:
        made = msgspec.structs.replace(made, plugin=_plugin(user.exec, cluster, made, folder, user_at))
    return Reading(made, files.stamps)


def way(cluster: Table, at: str) -> None:
    """Raise CredentialsError where this entry of a kubeconfig is no way to an API server; it may name no file."""
    entry = _entry(cluster, _Cluster, at)
    authorities = _pem(Files(), entry, "certificate-authority", at)
    prove(Credentials(server=_server(entry, at), authorities=authorities, proxy=_proxy(entry, at)), at)


def _tree(text: str, where: str) -> Table:
    """The plain values, to be looked at only; the last ones are kept, for one file may have many contexts."""
    with _turn:
        return _parsed(text, where)


@lru_cache(maxsize=1)
def _parsed(text: str, where: str) -> Table:
    """The plain values; anchors are refused: a few of them can make a small file a huge tree."""
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _MAX_DEPTH or isinstance(event, yaml.AliasEvent):
                raise CredentialsError(f"{where} has anchors or deep nesting: write it out")
        tree = yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, OverflowError) as fault:
        mark = getattr(fault, "problem_mark", None)
        raise CredentialsError(f"{where} is not YAML{f': see line {mark.line + 1}' if mark else ''}") from fault
    if not isinstance(tree, dict):
        raise CredentialsError(f"{where} is not a kubeconfig: it has no contexts, clusters and users")
    return tree


def _named(tree: Table, kind: str, name: object, where: str) -> Table:
    """The entry of that name in the list of that kind, without its empty values."""
    listing = tree.get(f"{kind}s")
    entries = [each for each in listing if isinstance(each, dict)] if isinstance(listing, list) else []
    for each in entries:
        if str(each.get("name")) == str(name):
            if not isinstance(each.get(kind), dict):
                raise CredentialsError(f"{where}: {kind} {name} is empty: it must hold keys")
            return {key: value for key, value in each[kind].items() if value is not None}
    names = ", ".join(str(each.get("name")) for each in entries[:5])
    raise CredentialsError(f"{where} has no {kind} {name}; it has {names or 'none'}")


def _entry(table: Table, kind: type[_Entry], at: str) -> _Entry:
    """The entry with its types checked."""
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as fault:
        raise CredentialsError(f"{at}: {fault}") from fault


def _refuse(user: Table, source: Kubeconfig, at: str) -> None:
    """What a user may not have; before anything of it is read."""
    allowed = source.own if source.content else source.allow_exec
    if "exec" in user and not allowed:
        cure = "use a token or a certificate" if source.content else "use a token, or set kubeconfig.allowExec: true"
        raise CredentialsError(f"{at}: exec would run a program on this machine: {cure}")
    if "auth-provider" in user:
        raise CredentialsError(f"{at}: auth-provider is not supported: use a token, a certificate or exec")
    for key in _IMPERSONATION:
        if key in user:
            raise CredentialsError(f"{at}: {key} is not supported: give the credentials of whom it names")


def _server(cluster: _Cluster, at: str) -> str:
    """The URL of the API server, where a secret is safe: over TLS, or on this machine."""
    scheme, host, odd = _url(cluster.server, f"{at}: server")
    if scheme not in {"http", "https"} or not host:
        raise CredentialsError(f"{at}: server must be a URL such as https://api.example.com:6443")
    if odd:
        raise CredentialsError(f"{at}: server must be a plain URL: credentials belong to users, and it has no query")
    if scheme == "http" and (cluster.proxy_url or not _loopback(host)):
        raise CredentialsError(f"{at}: server is plain http, which shows a token to everybody on the way: use https")
    if cluster.insecure_skip_tls_verify:
        cure = "give certificate-authority-data, or tls-server-name if the certificate has another name"
        raise CredentialsError(f"{at}: insecure-skip-tls-verify would show a token to anybody: {cure}")
    return cluster.server.rstrip("/")


def _proxy(cluster: _Cluster, at: str) -> str:
    """The URL of the proxy; that of the environment is never used."""
    if cluster.proxy_url:
        scheme, host, _ = _url(cluster.proxy_url, f"{at}: proxy-url")
        if scheme not in {"http", "https"} or not host:
            raise CredentialsError(f"{at}: proxy-url must begin with http:// or https://, other proxies are unknown")
    return cluster.proxy_url


def _url(text: str, at: str) -> tuple[str, str, bool]:
    """Scheme, host, and whether it has more than host, port and path."""
    try:
        parts = urlsplit(text)
        odd = bool(parts.username or parts.password or parts.query or parts.fragment)
        _ = parts.port  # raises for one that is no number
        return parts.scheme, parts.hostname or "" if text.isprintable() and " " not in text else "", odd
    except ValueError as fault:
        raise CredentialsError(f"{at} is no URL") from fault


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _pem(files: Files, entry: _Cluster | _User, key: str, at: str) -> str:
    """A key whose content stands beside it as base64, or in a file; the former counts, both are checked."""
    name, inline = (getattr(entry, f"{key.replace('-', '_')}{more}") for more in ("", "_data"))
    text = files.named(name, f"{at}: {key}", f"{key}-data") if name else ""
    if inline:
        try:
            text = base64.b64decode("".join(inline.split()), validate=True).decode()
        except ValueError as fault:
            raise CredentialsError(f"{at}: {key}-data is not base64 of PEM") from fault
        if not text.strip():
            raise CredentialsError(f"{at}: {key}-data is empty")
    return text


def _identity(files: Files, user: _User, at: str) -> str:
    certificate, key = (_pem(files, user, name, at) for name in ("client-certificate", "client-key"))
    if bool(certificate) != bool(key):
        raise CredentialsError(f"{at}: client-certificate and client-key belong together: give both or none")
    return f"{certificate}\n{key}" if key else ""


def _authorization(files: Files, user: _User, at: str) -> str:
    """The header; a token counts more than a password, and its file more than the one in the kubeconfig."""
    if user.token_file:
        return bearer(files.named(user.token_file, f"{at}: tokenFile", "token"), f"{at}: tokenFile")
    if user.token:
        return bearer(user.token, f"{at}: token")
    if not user.username and not user.password:
        return ""
    if ":" in user.username:
        raise CredentialsError(f"{at}: username must not have a colon")
    return "Basic " + base64.b64encode(f"{user.username}:{user.password}".encode()).decode()


def _plugin(table: Table, cluster: _Cluster, made: Credentials, folder: str, at: str) -> Plugin:
    words = _entry({key: value for key, value in table.items() if value is not None}, _Exec, f"{at}: exec")
    if words.api_version not in _VERSIONS:
        raise CredentialsError(f"{at}: exec: apiVersion must be one of {', '.join(_VERSIONS)}")
    if words.interactive_mode == "Always":
        raise CredentialsError(f"{at}: exec: interactiveMode Always needs somebody at a terminal: use IfAvailable")
    command = str(Path(folder) / words.command) if "/" in words.command else words.command
    return Plugin(
        command=(command, *words.args),
        version=words.api_version,
        folder=folder,
        variables=tuple((each.name, each.value) for each in words.env),
        cluster=dict(_told(cluster, made)) if words.provide_cluster_info else None,
        hint=words.install_hint,
    )


def _told(cluster: _Cluster, made: Credentials) -> Iterator[tuple[str, Any]]:
    """What a plugin that wants to know is told of the cluster, in the words of its protocol."""
    yield "server", cluster.server
    if made.authorities:
        yield "certificate-authority-data", base64.b64encode(made.authorities.encode()).decode()
    if cluster.tls_server_name:
        yield "tls-server-name", cluster.tls_server_name
    if cluster.proxy_url:
        yield "proxy-url", cluster.proxy_url
    for each in cluster.extensions:
        if each.name == _CONFIG:
            yield "config", each.extension
