"""Why a name is answered as it is, from what the control process holds: the page /api/v1/explain."""

from ipaddress import ip_address
from time import monotonic
from typing import Any

from fedns.answers.answer import State
from fedns.answers.explain import explained
from fedns.control.truth import Truth
from fedns.federation.holders import Holders
from fedns.federation.locality import Locator


class Explaining:
    """Explains names by the same code as the workers, from the truth that they are told."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth

    def page(self, name: str, source: str) -> dict[str, Any]:
        """What is told of a name for a client; raises ValueError with a sentence."""
        truth = self._truth
        address = ip_address(source)
        clusters = {cluster.name: cluster for cluster in truth.rules.clusters}
        location = Locator(truth.rules.clients, truth.rules.local, clusters, truth.nodes).locate(address.packed)
        state = State(
            rules=truth.rules,
            catalog=truth.catalog,
            statuses=truth.statuses,
            holders=Holders(truth.catalog, ()),
        )
        return explained(state, name, location, monotonic()).plain()
