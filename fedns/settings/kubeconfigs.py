"""What is wrong with a kubeconfig that was parsed, as sentences with the cure; it knows neither YAML nor the network.

One that came without a file, from somebody else's hands, may neither run programs nor name files: a `tokenFile` could
carry fedns's own token to a server of their choice. Sentences about such a one quote nothing of it.
"""

from collections.abc import Iterator
from typing import Any, Final

_PROGRAMS: Final = ("exec", "auth-provider")
_INSTEAD: Final = {
    "tokenFile": "token",
    "client-certificate": "client-certificate-data",
    "client-key": "client-key-data",
    "certificate-authority": "certificate-authority-data",
}
"""Keys that name files, with the key that holds the content."""

Table = dict[str, Any]


def check(content: Any, path: str, context: str, *, allow_exec: bool) -> Iterator[tuple[str, str]]:
    """(key of the configuration, sentence) for the file at `path`; `context` "" is its current one."""
    if not isinstance(content, dict) or not isinstance(content.get("contexts"), list):
        yield "path", f"{path} is not a kubeconfig: it has no list of contexts"
        return
    contexts = {str(name): each for name, each in _named(content, "contexts", "context")}
    context = context or str(content.get("current-context") or "")
    if not context:
        yield "path", f"{path} has no current context: add context, one of {', '.join(contexts) or 'none'}"
    elif context not in contexts:
        yield "context", f"{path} has no context {context}; it has {', '.join(contexts) or 'none'}"
    elif not allow_exec:
        users = [user for name, user in _named(content, "users", "user") if name == contexts[context].get("user")]
        if any("exec" in user for user in users):
            yield "allowExec", f"{path} runs a program that gives credentials: add allowExec: true if it may"


def check_alone(content: Any) -> Iterator[str]:
    """What is wrong with a kubeconfig that is not a file of ours."""
    if not isinstance(content, dict) or not isinstance(content.get("contexts"), list):
        yield "is not a kubeconfig: it has no list of contexts"
        return
    users, clusters = list(_named(content, "users", "user")), list(_named(content, "clusters", "cluster"))
    used = [each for name, each in _named(content, "contexts", "context") if name == content.get("current-context")]
    if not used:
        yield "has no current context: current-context must name one of its contexts"
    elif not any(name == used[0].get("cluster") and "server" in each for name, each in clusters):
        yield "has no server: its current context must name one of its clusters, and that its server"
    elif not any(name == used[0].get("user") for name, _ in users):
        yield "has no credentials: its current context must name one of its users"
    keys = {str(key) for _, each in users + clusters for key in each}
    for key in _PROGRAMS:
        if key in keys:
            yield f"has {key}, which runs programs: use a token or a certificate"
    for key, instead in _INSTEAD.items():
        if key in keys:
            yield f"names a file by {key}, and there is none beside it: use {instead}"


def _named(content: Table, listing: str, key: str) -> Iterator[tuple[Any, Table]]:
    """(name, what it holds) of the named things in one of a kubeconfig's lists."""
    found = content.get(listing)
    for each in found if isinstance(found, list) else ():
        if isinstance(each, dict) and "name" in each:
            yield each["name"], each[key] if isinstance(each.get(key), dict) else {}
