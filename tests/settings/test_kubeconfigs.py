"""Kubeconfigs: what is wrong with one in a file, and what one from somebody else's hands may not hold."""

from typing import Any

import pytest

from fedns.settings.kubeconfigs import check, check_alone

MARK = "q7Zsecret"


def kubeconfig(user: dict[str, str] | None = None, cluster: dict[str, str] | None = None, **more: Any) -> Any:
    """A kubeconfig of one context."""
    return {
        "current-context": MARK,
        "contexts": [{"name": MARK, "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {"token": MARK} if user is None else user}],
        "clusters": [{"name": "c", "cluster": {"server": MARK} if cluster is None else cluster}],
    } | more


def test_good_ones_are_good() -> None:
    """A token or certificates inside, and a server."""
    assert list(check(kubeconfig(), "/a", "", allow_exec=False)) == []
    assert list(check_alone(kubeconfig())) == []
    assert list(check_alone(kubeconfig(user={"client-certificate-data": "x", "client-key-data": "y"}))) == []


@pytest.mark.parametrize("allowed", [True, False])
def test_programs_run_where_they_are_allowed(allowed: bool) -> None:
    """`exec` of the user in use asks for allowExec; another user's does not matter."""
    told = list(check(kubeconfig(user={"exec": MARK}), "/a", "", allow_exec=allowed))
    assert told == (
        [] if allowed else [("allowExec", "/a runs a program that gives credentials: add allowExec: true if it may")]
    )
    other = [{"name": "u", "user": {}}, {"name": "v", "user": {"exec": MARK}}]
    assert list(check(kubeconfig(users=other), "/a", "", allow_exec=False)) == []


SERVER = {"server": MARK}
ALONE = {
    "nothing": (None, "is not a kubeconfig"),
    "a list": ([MARK], "is not a kubeconfig"),
    "contexts that are none": (kubeconfig(contexts=MARK), "is not a kubeconfig"),
    "no current context": (kubeconfig() | {"current-context": None}, "has no current context"),
    "another current context": (kubeconfig() | {"current-context": "x"}, "has no current context"),
    "context without content": (kubeconfig(contexts=[{"name": MARK}]), "has no server"),
    "no clusters": (kubeconfig(clusters=None), "has no server"),
    "no server": (kubeconfig(cluster={}), "has no server"),
    "no users": (kubeconfig(users=[MARK, {}]), "has no credentials"),
    "exec": (kubeconfig(user={"exec": MARK}), "has exec, which runs programs"),
    "auth-provider": (kubeconfig(user={"auth-provider": MARK}), "has auth-provider, which runs programs"),
    "token file": (kubeconfig(user={"tokenFile": MARK}), "by tokenFile, and there is none beside it: use token"),
    "certificate file": (kubeconfig(user={"client-certificate": MARK}), "use client-certificate-data"),
    "key file": (kubeconfig(user={"client-key": MARK}), "use client-key-data"),
    "authority file": (kubeconfig(cluster=SERVER | {"certificate-authority": MARK}), "use certificate-authority-data"),
    "another user's file": (
        kubeconfig(users=[{"name": "u", "user": {}}, {"name": "v", "user": {"tokenFile": MARK}}]), "tokenFile",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "words"), ALONE.values(), ids=ALONE)
def test_what_is_no_file_of_ours_is_told_without_quoting_it(content: Any, words: str) -> None:
    """Programs and files are refused in every user and cluster, used or not; no sentence quotes anything."""
    (sentence,) = check_alone(content)
    assert words in sentence
    assert MARK not in sentence
