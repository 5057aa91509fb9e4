"""What the workers are to hold now: rules, catalog, the status of every member.

The pipeline writes it, the publisher and the admin pages read it; all on one event loop, so it has no locks. It must
not know where the facts came from, nor who reads them.
"""

from dataclasses import dataclass, field

from fedns.answers.rules import Rules
from fedns.federation.catalog import Catalog
from fedns.federation.health import Status
from fedns.federation.locality import Node
from fedns.federation.objects import Export, ServiceKey


@dataclass(kw_only=True)
class Truth:
    """The one copy of the present that the control process has.

    `read` names the members whose whole list this control process holds. Of the others a worker may know more than the
    truth does (from a control process that has died), so they are never published as a whole. `restored` names those
    that are known from a snapshot until they are read: what a worker has read of them goes before. `nodes` are those of
    the local cluster, None while nothing is known of them.
    """

    rules: Rules
    catalog: Catalog = field(default_factory=Catalog)
    statuses: dict[str, Status] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    restored: set[str] = field(default_factory=set)
    nodes: dict[str, Node] | None = None

    def export(self, cluster: str, key: ServiceKey) -> Export | None:
        """What one member exports under one name now."""
        service = self.catalog.service(key)
        if service is None:
            return None
        return next((export for export in service.exports if export.cluster == cluster), None)
