"""Members of the configuration and of objects that describe some become one, and only what changed is touched."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
from msgspec import structs

from fedns.answers.replica import Replica
from fedns.control import membership
from fedns.control.described import Source
from fedns.control.membership import Membership
from fedns.federation.health import Synced
from fedns.federation.objects import Cluster
from fedns.settings.load import Problem
from fedns.settings.schema import ClusterProfiles, ClustersFrom, Local, Member, Provider, Secrets, Settings
from tests.control.stage import Control, block, export, rules


class Described:
    """Stands for what reads Secrets: it tells what the test lets it tell."""

    made: "list[Described]"

    def __init__(
        self, local: Member, source: Source, told: Callable[[tuple[Member, ...]], None], taken: Mapping[str, str]
    ) -> None:
        self.follows = (local.name, source.namespace)
        self.told = told
        self.taken = dict(taken)
        self.problems = {"fedns/us1": (Problem("trust", 3, "must be a mapping"),)}
        self.runs = False
        Described.made.append(self)

    def reserve(self, taken: Mapping[str, str]) -> None:
        """Other names are taken."""
        self.taken = dict(taken)

    async def run(self) -> None:
        """For ever."""
        self.runs = True
        try:
            await asyncio.Event().wait()
        finally:
            self.runs = False


def member(name: str, *sources: str) -> Member:
    """A member, and clusters that it tells of."""
    return Member(cluster=Cluster(name=name), sources=tuple(Cluster(name=each, via=name) for each in sources))


SETTINGS = Settings(
    clusters=(member("eu1"), member("hub", "c1")),
    local=Local(cluster="eu1"),
    clusters_from=ClustersFrom(secrets=Secrets(namespace="fedns")),
)


@pytest.fixture
async def changes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """With `Described` in place of what reads Secrets; what is noted of changes."""
    Described.made = []
    monkeypatch.setattr(membership, "Discovery", Described)
    return []


@pytest.fixture
async def members(changes: list[str]) -> AsyncIterator[Membership]:
    """With the first configuration in use."""
    each = Membership(SETTINGS, lambda: changes.append("changed"))
    await each.configure(SETTINGS)
    yield each
    await each.close()


def names(members: Membership) -> list[str]:
    """Of all members, in order."""
    return [each.name for each in members.settings.clusters]


async def test_described_members_stand_behind_configured_ones(members: Membership, changes: list[str]) -> None:
    """They come and go as they are told; nothing else of the settings changes."""
    (described,) = Described.made
    assert described.follows == ("eu1", "fedns")
    assert described.taken == dict.fromkeys(("eu1", "hub", "c1"), "the configuration file")
    described.told((member("us1"),))
    assert names(members) == ["eu1", "hub", "us1"]
    assert structs.replace(members.settings, clusters=SETTINGS.clusters) == SETTINGS
    described.told(())
    assert names(members) == ["eu1", "hub"]
    assert changes == ["changed", "changed"]


async def test_a_name_has_one_owner(members: Membership) -> None:
    """The configuration goes first, then who comes first; names of sources count, too."""
    (described,) = Described.made
    first, *others = member("us1", "c2"), member("eu1"), member("c1"), member("x", "c1"), member("c2")
    described.told((first, *others))
    assert names(members) == ["eu1", "hub", "us1"]


async def test_another_configuration_leaves_the_secrets_alone(members: Membership) -> None:
    """As long as they are followed in the same place with the same credentials; only the names are others."""
    (described,) = Described.made
    described.told((member("us1"), member("us2")))
    await members.configure(structs.replace(SETTINGS, clusters=(member("eu1"), member("us1", "c9"))))
    assert Described.made == [described]
    assert described.taken == dict.fromkeys(("eu1", "us1", "c9"), "the configuration file")
    assert names(members) == ["eu1", "us1", "us2"]


async def test_other_credentials_start_anew_and_keep_the_members(members: Membership) -> None:
    """Until the Secrets have been read again, those who were described stay."""
    (first,) = Described.made
    await asyncio.sleep(0)
    assert first.runs
    first.told((member("us1"),))
    moved = structs.replace(member("eu1"), in_cluster=True)
    await members.configure(structs.replace(SETTINGS, clusters=(moved,)))
    second = Described.made[1]
    await asyncio.sleep(0)
    assert (first.runs, second.runs) == (False, True)
    assert names(members) == ["eu1", "us1"]
    second.told(())
    assert names(members) == ["eu1"]


async def test_without_secrets_nobody_is_described(members: Membership) -> None:
    """When the configuration no longer asks for them, the members that they described leave."""
    (described,) = Described.made
    described.told((member("us1"),))
    assert members.problems["secret"] == {"fedns/us1": ("trust: must be a mapping",)}
    await members.configure(structs.replace(SETTINGS, clusters_from=ClustersFrom()))
    assert names(members) == ["eu1", "hub"]
    assert members.problems == {"secret": {}, "cluster profile": {}}
    assert members.told


PROFILES = ClusterProfiles(namespace="fleet", providers=(Provider(name="x", token_file="/t"),))


async def test_a_secret_goes_before_a_profile(changes: list[str]) -> None:
    """Both are followed; a name that a Secret has is no profile's, and each says whose it is."""
    both = structs.replace(
        SETTINGS, clusters_from=ClustersFrom(secrets=Secrets(namespace="a"), cluster_profiles=PROFILES)
    )
    members = Membership(both, lambda: changes.append("changed"))
    await members.configure(both)
    secrets, profiles = Described.made
    assert profiles.follows == ("eu1", "fleet")
    profiles.told((member("us1"), member("ap1")))
    assert not _told(members)
    secrets.told((member("us1"),))
    assert _told(members)
    assert profiles.taken["us1"] == "a secret"
    assert "us1" not in secrets.taken
    assert names(members) == ["eu1", "hub", "us1", "ap1"]
    await members.configure(structs.replace(both, clusters_from=ClustersFrom(cluster_profiles=PROFILES)))
    assert names(members) == ["eu1", "hub", "us1", "ap1"]
    assert Described.made == [secrets, profiles]
    await members.close()


def _told(members: Membership) -> bool:
    """Whether all members are known; asked anew each time."""
    return members.told


async def test_a_new_control_process_learns_who_there_is(control: Control) -> None:
    """A worker tells it of members that are not configured: it keeps what it holds of them, until all are known."""
    control.pipeline.replaced("us1", [export("us1", "web")])
    control.pipeline.observed("us1", Synced())
    replica = Replica(block())
    async with control.serving(), control.worker(replica):
        await control.told(replica)
    second = Control(rules("eu1"), control.path, "second")
    second.complete = False
    async with second.serving(), second.worker(replica):
        await second.told(replica)
        assert replica.catalog.exports_of("us1") == [export("us1", "web")]
        assert replica.statuses["us1"].synced
        second.pipeline.reload(rules("eu1"), complete=True)
        await second.told(replica)
        assert replica.catalog.exports_of("us1") == []
        assert set(replica.statuses) == {"eu1"}
