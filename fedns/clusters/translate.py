"""Turns the facts of three resources (Services, EndpointSlices, ServiceExports) of one member into its exports.

It holds the last facts of each object, in any order of arrival, and says which services an event touches. It knows
nothing of streams and of other members.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from fedns.clusters.facts import ExportFacts, ServiceFacts, SliceFacts
from fedns.clusters.shelf import Change
from fedns.clusters.shelves import Owned, Shelves, Touched
from fedns.federation.objects import Export, ServiceKey
from fedns.settings.schema import ExportMode, Trust

NO_SERVICE: Final = "NoService"
INVALID_TYPE: Final = "InvalidServiceType"
"""Why a ServiceExport says nothing: there is no such Service, or it is an ExternalName, which has no addresses."""


class Translator(Shelves):
    """One member's objects, and what it exports by them."""

    main = "services"

    def __init__(
        self,
        cluster: str,
        modes: Iterable[ExportMode],
        trust: Trust | None = None,
        refused: Counter[str] | None = None,
    ) -> None:
        self._cluster = cluster
        self._modes = frozenset(modes)
        self._owned = Owned()
        self._rejected: dict[ServiceKey, str] = {}
        exports = ("exports",) if "ServiceExport" in self._modes else ()
        super().__init__(("services", "slices", *exports), trust, refused)

    def clusters(self) -> set[str]:
        """The clusters that it tells of."""
        return {self._cluster}

    @property
    def rejected(self) -> Mapping[ServiceKey, str]:
        """What was to be exported and is not, with the reason as the Multi-Cluster Services API calls it."""
        return self._rejected

    def exports(self, cluster: str) -> Iterator[Export]:
        """Everything that a cluster exports."""
        found = (self.export(cluster, key) for key in self._held("services"))
        return (export for export in found if export is not None)

    def export(self, cluster: str, key: ServiceKey) -> Export | None:
        """What a cluster exports under this name, if anything; never an ExternalName."""
        service = self._held("services").get(key)
        if cluster != self._cluster or not isinstance(service, ServiceFacts) or service.external:
            return None
        created = self._exported(key, service)
        if created is None:
            return None
        return Export(
            cluster=self._cluster,
            namespace=key[0],
            name=key[1],
            created=created,
            headless=service.headless,
            ports=service.ports,
            cluster_ips=service.cluster_ips,
            load_balancer_ips=service.load_balancer_ips,
            load_balancer_names=service.load_balancer_names,
            slices=self._owned.of("", key),
            annotations=service.annotations,
            namespace_annotations=self._narrowing(key[0]),
            traffic=service.traffic,
        )

    def _exported(self, key: ServiceKey, service: ServiceFacts) -> int | None:
        """Since when it is exported, in Unix seconds; None if it is not. A ServiceExport goes before a label."""
        asked = self._held("exports").get(key)
        if isinstance(asked, ExportFacts):
            return asked.created
        if "All" in self._modes or ("Label" in self._modes and service.labelled):
            return service.created
        return None

    def _judge(self, key: ServiceKey) -> None:
        """Note a service that is asked for by name, and cannot be exported."""
        service = self._held("services").get(key)
        asked = key in self._held("exports")
        self._rejected.pop(key, None)
        if not isinstance(service, ServiceFacts):
            if asked:
                self._rejected[key] = NO_SERVICE
        elif service.external and (asked or ("Label" in self._modes and service.labelled)):
            self._rejected[key] = INVALID_TYPE

    def _touched(self, resource: str, change: Change) -> Iterator[Touched]:
        key, before, after = change
        if resource != "slices":
            self._judge(key)
            yield self._cluster, key
            return
        self._owned.move(before, after)
        for facts in (before, after):
            if isinstance(facts, SliceFacts):
                yield self._cluster, facts.owner
