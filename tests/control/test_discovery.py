"""Who has a name among those that objects describe, and what stays when these are wrong or out of sight."""

import asyncio
import base64
import json
import logging
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from fedns.clusters.decode import Item
from fedns.clusters.listing import Resource
from fedns.clusters.terms import Belief
from fedns.control.by_secret import SecretFacts, decode, read, source
from fedns.control.described import LONGEST, Found, agree, bare
from fedns.control.discovery import Discovery
from fedns.federation.objects import Cluster
from fedns.lab import kubeconfig
from fedns.settings.schema import Kubeconfig, Member, Secrets
from tests.clusters import scripted
from tests.control.stage import until

MARK = "q7Zsecret"
CREDENTIALS = json.dumps(kubeconfig.contents({"far": "https://192.0.2.1:6443"}, token=MARK))
LOCAL = Member(cluster=Cluster(name="eu1"), in_cluster=True)
SECRETS = Resource("secrets", ("/api/v1/namespaces/fedns/secrets",))
DOCUMENT = Path(__file__).parents[2] / "docs/configuration.md"


def facts(cluster: str = "", name: str = "us1", created: int = 1, credentials: str | None = CREDENTIALS) -> SecretFacts:
    """A Secret with these keys of a member."""
    return SecretFacts(created, name, None if credentials is None else credentials.encode(), cluster.encode())


def secret(name: str, cluster: str = "", created: int = 1, **labels: str) -> dict[str, Any]:
    """A Secret as the API server sends it."""
    meta = {
        "namespace": "fedns",
        "name": name,
        "resourceVersion": str(created),
        "creationTimestamp": f"2026-01-01T00:00:{created:02}Z",
        "labels": {key.replace("_", "/"): value for key, value in labels.items()},
    }
    texts = {"kubeconfig": CREDENTIALS, "cluster": cluster, "other": "x"}
    return {"metadata": meta, "data": {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}}


def item(*words: Any, **more: Any) -> Item:
    """A Secret as a watch hands it on."""
    return decode(msgspec.Raw(json.dumps(secret(*words, **more)).encode()))


def members(secrets: dict[str, SecretFacts]) -> Found:
    """What these Secrets (by NAMESPACE/NAME) amount to."""
    return agree({key: read(key, facts) for key, facts in secrets.items()}, {}, {}, "secret")


def owned(*names: str) -> dict[str, str]:
    """Names that the configuration has."""
    return dict.fromkeys(names, "the configuration file")


class Heard:
    """What a discovery tells."""

    def __init__(self, *taken: str) -> None:
        self.told: list[tuple[Member, ...]] = []
        where = source(Secrets(namespace="fedns"))
        self.discovery = Discovery(LOCAL, where, self.told.append, owned(*taken))

    def names(self) -> list[str]:
        """The members told last."""
        return [member.name for member in self.told[-1]]

    def all(self, *items: Item, sure: bool = False) -> bool:
        """A list of Secrets."""
        return self.discovery.replaced(SECRETS, list(items), sure=sure) is Belief.TAKEN

    def event(self, kind: str, one: Item) -> None:
        """One event."""
        self.discovery.changed(SECRETS, [(kind, one)])


def test_a_secret_is_a_member() -> None:
    """Its keys are those of an entry of the configuration; the credentials stay text, and know where they are from."""
    found, problems = members({"fedns/us1": facts("region: us-east1\ntrust: {namespaces: [shop]}\n")})
    (member,) = found.values()
    assert problems == {}
    assert (member.name, member.cluster.region, member.trust.namespaces) == ("us1", "us-east1", ("shop",))
    assert member.kubeconfig == Kubeconfig(path="secret fedns/us1", content=CREDENTIALS)


@pytest.mark.parametrize("cluster", ["", "\n# nothing\n"])
def test_a_secret_may_say_nothing_of_its_cluster(cluster: str) -> None:
    """Then it has a name and no place."""
    (member,) = members({"fedns/us1": facts(cluster)})[0].values()
    assert member.cluster == Cluster(name="us1")


WRONG = {
    "wrong value": (facts("weight: 1\nregion: Us\n"), ("region", 2, "did you mean us?")),
    "unknown key": (facts("regoin: us\n"), ("regoin", 1, "did you mean region?")),
    "wrong source": (facts("source: imports\nsources: [{name: us1}]"), ("sources[0].name", 2, "the member itself")),
    "credentials in the wrong place": (facts("kubeconfig: {path: /a}"), ("kubeconfig", 1, "data.kubeconfig")),
    "inside": (facts("inCluster: true"), ("inCluster", 1, "remove it")),
    "no table": (facts("us1"), ("cluster", 1, "start with `region: ...`")),
    "no YAML": (facts("a: ["), ("cluster", 2, "is not YAML")),
    "too deep": (facts("a: " + "[" * 60_000), ("cluster", 1, "nested too deep")),
    "no name": (facts(name="Us1"), ("name", 0, "did you mean us1?")),
    "no credentials": (facts(credentials=None), ("kubeconfig", 0, "must have data.kubeconfig")),
    "credentials are no YAML": (facts(credentials=f"{MARK}: ["), ("kubeconfig", 0, "is not plain YAML")),
    "credentials are too deep": (facts(credentials="[" * 60_000), ("kubeconfig", 0, "is not plain YAML")),
    "credentials are too long": (facts(credentials=CREDENTIALS + " " * LONGEST), ("kubeconfig", 0, "64 KiB")),
    "too long": (facts("#" * (LONGEST + 1)), ("cluster", 0, "is longer than 64 KiB")),
    "no text": (SecretFacts(1, "us1", CREDENTIALS.encode(), b"\xff"), ("cluster", 0, "is not UTF-8 text")),
}  # fmt: skip


@pytest.mark.parametrize(("wrong", "told"), WRONG.values(), ids=WRONG)
def test_a_wrong_secret_is_a_sentence_and_costs_only_itself(wrong: SecretFacts, told: tuple[str, int, str]) -> None:
    """The other Secrets are members."""
    found, problems = members({"fedns/bad": wrong, "fedns/good": facts(name="ap1")})
    assert [member.name for member in found.values()] == ["ap1"]
    ((problem,),) = problems.values()
    assert (problem.path, problem.line) == told[:2]
    assert told[2] in problem.sentence
    assert MARK not in problem.sentence


def test_of_two_secrets_the_older_has_the_name() -> None:
    """Also where the name is that of a source."""
    younger = facts("source: imports\nsources: [{name: us1}]\n", name="hub", created=2)
    found, problems = members({"a/hub": younger, "b/us1": facts(created=1)})
    assert set(found) == {"b/us1"}
    assert problems["a/hub"][0].sentence.startswith("the older secret b/us1 has a cluster us1 already")


def test_a_name_of_the_configuration_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    """The file comes first, also when it takes a name later; it is given back when the file lets it go."""
    heard = Heard("us1")
    heard.all(item("us1"), item("ap1"))
    assert heard.names() == ["ap1"]
    assert "secret fedns/us1: name: the configuration file has a cluster us1 already" in caplog.text
    heard.discovery.reserve(owned("ap1"))
    assert heard.names() == ["us1"]
    heard.discovery.reserve({})
    assert heard.names() == ["ap1", "us1"]


def test_the_label_names_the_member() -> None:
    """Else the Secret does; `name` in the text goes before both."""
    names = {"fedns.io_cluster-name": "us2"}
    heard = Heard()
    heard.all(item("a", **names), item("b"), item("c", "name: us3", **{"fedns.io_cluster-name": "us4"}))
    assert heard.names() == ["b", "us2", "us3"]


def test_the_last_good_version_stays(caplog: pytest.LogCaptureFixture) -> None:
    """A Secret that turns wrong changes nothing until it is right again or deleted; it is told once for each change."""
    caplog.set_level(logging.INFO)
    heard = Heard()
    heard.all(item("us1", "weight: 1"), item("ap1"))
    heard.event("MODIFIED", item("us1", "weight: x"))
    heard.event("MODIFIED", item("ap1", "weight: 2"))
    assert [(member.name, member.cluster.weight) for member in heard.told[-1]] == [("ap1", 2), ("us1", 1)]
    assert caplog.text.count("secret fedns/us1: line 1: weight: must be a whole number") == 1
    assert set(heard.discovery.problems) == {"fedns/us1"}
    heard.event("MODIFIED", item("us1", "weight: y"))
    assert caplog.text.count("must be a whole number") == 2
    heard.event("MODIFIED", item("us1", "weight: 3"))
    assert heard.told[-1][1].cluster.weight == 3
    assert "secret fedns/us1: is right again" in caplog.text
    heard.event("MODIFIED", item("us1", "weight: x"))
    heard.event("DELETED", item("us1"))
    assert heard.names() == ["ap1"]
    assert heard.discovery.problems == {}


def test_what_changes_nothing_is_not_told() -> None:
    """The first reading is told, though it be empty; then only what makes a difference."""
    heard = Heard()
    heard.discovery.reserve(owned("eu1"))
    assert heard.told == []
    heard.all()
    heard.all()
    assert heard.told == [()]
    heard.event("ADDED", item("us1"))
    heard.event("MODIFIED", item("us1"))
    assert len(heard.told) == 2


def test_a_list_that_lost_most_is_confirmed() -> None:
    """An empty list may be a server's mistake: only a second one removes members."""
    heard = Heard()
    heard.all(item("us1"), item("ap1"), item("ap2"))
    assert not heard.all()
    assert heard.names() == ["ap1", "ap2", "us1"]
    assert heard.all(sure=True)
    assert heard.names() == []


def test_an_object_that_is_none_is_left_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    """A Secret without a time, or with something else than base64, changes nothing."""
    heard = Heard()
    heard.all(item("us1"))
    broken = secret("us1")
    broken["data"]["kubeconfig"] = MARK + "!"
    heard.event("MODIFIED", decode(msgspec.Raw(json.dumps(broken).encode())))
    heard.event("MODIFIED", decode(msgspec.Raw(b"[]")))
    assert len(heard.told) == 1
    assert "secret fedns/us1 is left as it was: Invalid base64" in caplog.text
    assert MARK not in caplog.text


def test_secrets_are_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    """Neither in what is held, nor in what is logged, be the credentials good or bad."""
    heard = Heard()
    for credentials in (CREDENTIALS, CREDENTIALS.replace("far", MARK), CREDENTIALS[:-9]):
        made = members({"fedns/us1": facts(credentials=credentials)})
        assert MARK not in repr(made)
    wrong = json.loads(CREDENTIALS)
    wrong["users"][0]["user"]["exec"] = {"command": MARK}
    wrong["current-context"] = MARK
    one = secret("us1")
    one["data"]["kubeconfig"] = base64.b64encode(json.dumps(wrong).encode()).decode()
    found = decode(msgspec.Raw(json.dumps(one).encode()))
    heard.event("ADDED", found)
    assert "has exec, which runs programs" in caplog.text
    assert MARK not in caplog.text + repr(found) + repr(bare(msgspec.Raw(json.dumps(one).encode())))


async def test_secrets_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over HTTP: what the local API server lists and streams are members; when it goes away they stay."""
    monkeypatch.setitem(scripted.KINDS, "secrets", "Secret")
    told: list[tuple[Member, ...]] = []
    where = Secrets(namespace="fedns", label_selector="fedns.io/cluster in (true)")
    async with asyncio.TaskGroup() as tasks:
        async with scripted.serving() as script:
            script.version = 10
            script.objects["secrets"] = [secret("us1", created=10)]
            script.say("watch secrets", scripted.stream(scripted.event("ADDED", secret("ap1", created=11)), hold=30.0))
            discovery = Discovery(scripted.member(script.url, tmp_path), source(where), told.append, {})
            task = tasks.create_task(discovery.run())
            await until(lambda: told and [member.name for member in told[-1]] == ["ap1", "us1"], "both are members")
            asked = [query for verb, query in script.asked if verb.endswith("secrets")]
            assert {query["labelSelector"] for query in asked} == {where.label_selector}
        await until(lambda: discovery.failure, "the server is missed")
        assert [member.name for member in told[-1]] == ["ap1", "us1"]
        task.cancel()


def test_the_documented_secret_is_a_member() -> None:
    """The example in docs/configuration.md, as the API server stores it, is a member without problems."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (shown,) = [yaml.safe_load(block) for block in blocks if "kind: Secret" in block]
    texts = {key: text.encode() for key, text in shown["stringData"].items()}
    assert shown["metadata"]["labels"]["fedns.io/cluster"] == "true"
    found, problems = members({"fedns/ap1": SecretFacts(1, shown["metadata"]["name"], **texts)})
    assert problems == {}
    assert found["fedns/ap1"].cluster.region == "ap-south1"
