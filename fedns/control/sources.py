"""The clusters that a hub tells of: those that the configuration names, and those that it found out by itself.

What is in force is the configuration and, behind it, what was found. It must not know what a hub says of its sources.
"""

import logging
from collections import Counter
from collections.abc import Iterable
from typing import Final

from msgspec import structs

from fedns.answers.rules import Rules
from fedns.federation.objects import Cluster

FOUND: Final = 500
"""Clusters that one hub may add at most."""

log = logging.getLogger(__name__)


class Sources:
    """The rules in force. `refused` counts the clusters that each hub told of in vain."""

    def __init__(self, configured: Rules) -> None:
        self.refused: dict[str, Counter[str]] = {}
        self._found: dict[str, str] = {}
        self._warned: set[tuple[str, str]] = set()
        self._remembered: tuple[Cluster, ...] = ()
        self.configure(configured)

    def configure(self, configured: Rules, *, complete: bool = True) -> Rules:
        """Another configuration; returns what is in force. What was found stays with its hub, unless it is named.

        `complete`: it names every member, so that what was only remembered is none any more.
        """
        self._named = configured
        named = {cluster.name for cluster in configured.clusters}
        self._remembered = () if complete else tuple(each for each in self._remembered if each.name not in named)
        self._configured = configured = structs.replace(configured, clusters=configured.clusters + self._remembered)
        self._hubs = {cluster.name: cluster for cluster in configured.clusters}
        self._found = {
            name: via
            for name, via in self._found.items()
            if name not in self._hubs and via in self._hubs and not self._hubs[via].via
        }
        self._warned.clear()
        self.refused = {hub: counts for hub, counts in self.refused.items() if hub in self._hubs}
        return self.rules

    @property
    def rules(self) -> Rules:
        """The configuration with the clusters that were found, which have no location, in their hub's network."""
        found = tuple(self._cluster(name, self._hubs[via]) for name, via in sorted(self._found.items()))
        return structs.replace(self._configured, clusters=self._configured.clusters + found)

    def remember(self, clusters: Iterable[Cluster]) -> Rules:
        """Take these for members, too, until a complete configuration names all; returns what is in force."""
        self._remembered += tuple(each for each in clusters if each.name not in self._hubs)
        return self.configure(self._named, complete=False)

    def find(self, via: str, cluster: str) -> bool | None:
        """A hub tells of a cluster: whether it is new, or None when it is refused."""
        if via not in self._hubs:
            return None  # a last word of a hub that has just left
        named = self._hubs.get(cluster)
        owner = (named.via or named.name) if named is not None else self._found.get(cluster, "")
        if owner == via:
            return False
        if owner:
            self._refuse(via, cluster, "foreign_cluster", f"belongs to {owner}")
            return None
        if sum(each == via for each in self._found.values()) >= FOUND:
            self._refuse(via, cluster, "too_many_clusters", f"would be more than the {FOUND} that it may add")
            return None
        self._found[cluster] = via
        return True

    def refused_of(self, hub: str) -> Counter[str]:
        """How many clusters this hub told of in vain, by reason."""
        return self.refused.get(hub, Counter())

    def is_found(self, cluster: str) -> bool:
        """Whether this cluster is known from its hub alone."""
        return cluster in self._found

    def _cluster(self, name: str, hub: Cluster) -> Cluster:
        return Cluster(name=name, via=hub.name, addresses=hub.addresses, network=hub.network, trust_rank=hub.trust_rank)

    def _refuse(self, via: str, cluster: str, reason: str, why: str) -> None:
        if (via, cluster) not in self._warned and len(self._warned) < FOUND:
            self._warned.add((via, cluster))
            self.refused.setdefault(via, Counter())[reason] += 1
            log.warning("%s: cluster %s %s: refused", via, cluster, why, extra={"cluster": via})
