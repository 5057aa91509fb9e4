"""What a watch that begins with all objects (a WatchList) has told so far, and whether a member's server can do that.

Asked without a resourceVersion it is as consistent as a list. Servers before Kubernetes 1.32, with an old etcd, or of
another make refuse it, break off, or never say that all objects have come.
"""

from typing import Final

from fedns.clusters.decode import Item
from fedns.clusters.listing import QuotaError, Resource, Whole

CHOICES: Final = (("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan"))
"""What asks a watch for all objects first."""


class Offer:
    """Whether the server of a member gives its objects in a watch; a refusal counts for all resources, `again` seconds.

    It is asked again now and then, as a server may be upgraded while it is followed, and a new feed asks anew.
    That costs one short refusal; to watch its version would cost more requests and say less, for the same version may
    run with or without the feature.
    """

    def __init__(self, again: float) -> None:
        self._again = again
        self._shut_until = float("-inf")

    def open(self, now: float) -> bool:
        """Whether to ask for it."""
        return now >= self._shut_until

    def refuse(self, now: float) -> None:
        """The server does not do it."""
        self._shut_until = now + self._again


class Collection:
    """The objects of one resource as they come; `opened` once the stream is, `complete` once all are told."""

    def __init__(self, path: str, resource: Resource, most: int) -> None:
        self.opened = False
        self.complete = False
        self._path = path
        self._resource = resource
        self._most = most
        self._came = 0
        self._items: dict[tuple[str, str], Item] = {}
        self._unnamed: list[Item] = []

    def open(self) -> None:
        """The server has begun to answer."""
        self.opened = True

    def put(self, kind: str, item: Item, size: int) -> None:
        """One object and the bytes that told it; raises QuotaError when they are too many."""
        self._came += size
        if self._came > self._most:
            raise QuotaError(self._resource, self._most)
        key = item.key or (item.namespace, item.name)
        if not item.namespace:
            self._unnamed.append(item)
        elif kind == "DELETED":
            self._items.pop(key, None)
        else:
            self._items[key] = item

    def whole(self, version: str) -> Whole:
        """Everything, as of this version."""
        self.complete = True
        return Whole(self._path, [*self._items.values(), *self._unnamed], version)
