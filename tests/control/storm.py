"""Random news of members, and a worker that checks itself against the truth."""

from random import Random

from fedns.answers.replica import Replica
from fedns.answers.wire import Generation, ToWorker
from fedns.federation.health import Alive, Synced, Unreachable
from tests.control.stage import Control, block, export, rules


class Auditor(Replica):
    """A replica that compares itself with the truth whenever it acknowledges a generation."""

    def __init__(self, control: Control) -> None:
        super().__init__(block())
        self.control = control
        self.audits = 0
        self.broken: list[int] = []

    def apply(self, message: ToWorker, now: float) -> None:
        """Install a message; one that closes a generation must not promise more than was installed."""
        super().apply(message, now)
        publisher, truth = self.control.publisher, self.control.truth
        if isinstance(message, Generation) and publisher._forgotten <= message.generation:
            later = {(cluster, key) for at, cluster, key in publisher._log if at > message.generation}
            left = {cluster for cluster, at in publisher._left_at.items() if at > message.generation}
            for cluster in truth.read - left - {cluster for cluster, key in later if key is None}:
                known = (
                    {each.key: each for each in catalog.exports_of(cluster) if (cluster, each.key) not in later}
                    for catalog in (self.catalog, truth.catalog)
                )
                if next(known) != next(known):
                    self.broken.append(message.generation)
                self.audits += 1


class Storm:
    """Random news of the members, and reconnects, from one seed."""

    def __init__(self, control: Control, seed: int) -> None:
        self.control = control
        self.random = Random(seed)
        self.many = [export("eu1", f"s{at}", endpoints=30) for at in range(700)]

    def step(self) -> None:
        """One thing that happens."""
        pipeline, random = self.control.pipeline, self.random
        cluster, name = random.choice(("eu1", "us1", "c2")), f"s{random.randrange(40)}"
        match random.randrange(100):
            case 0:
                pipeline.reload(rules("eu1"))
                pipeline.reload(rules("eu1", "us1"))
            case 1:
                pipeline.replaced("eu1", self.many[: random.randrange(700)])
            case 2 | 3:
                pipeline.found("eu1", "c2")
                pipeline.replaced(cluster, [export(cluster, f"s{at}") for at in range(random.randrange(40))])
            case 4 | 5:
                pipeline.observed(cluster, random.choice((Synced(), Alive(), Unreachable("gone"))))
            case dice:
                address = f"10.0.{random.randrange(250)}.1"
                pipeline.changed(cluster, ("shop", name), export(cluster, name, address) if dice > 20 else None)
