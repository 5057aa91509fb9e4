"""Migrations: a service moves from one cluster to another step by step, as text and as values.

Which step it is at is a function of time and of how long it was paused; what a step does to shares is in `moving`.
"""

import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from fedns.federation.objects import Service, ServiceKey

_STEP: Final = re.compile(r"(?P<percent>[0-9]{1,3})% +(?:now|\+(?P<number>[0-9]{1,6})(?P<unit>[smhd]))")
_PAUSE: Final = re.compile(r"ready\((?P<cluster>[^()\s]+)\) *< *(?P<number>[1-9][0-9]{0,6})")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Step(Struct, frozen=True):
    """So many percent, `after` so many seconds from the start."""

    percent: int
    after: float


class Shift(Struct, frozen=True, kw_only=True):
    """So many percent of what `source` would get of a service go to `target` now."""

    namespace: str
    service: str
    source: str
    target: str
    percent: int

    @property
    def key(self) -> ServiceKey:
        """The service."""
        return (self.namespace, self.service)


class Migration(Struct, frozen=True, kw_only=True):
    """One service on its way; `schedule` and `pause_if` are as they were written, `start` is Unix seconds."""

    namespace: str
    service: str
    source: str
    target: str
    schedule: str
    start: float
    pause_if: str = ""

    @property
    def name(self) -> str:
        """NAMESPACE/SERVICE: a service has one migration at a time."""
        return f"{self.namespace}/{self.service}"

    def at(self, elapsed: float) -> Shift:
        """What is moved when so many seconds have counted since the start."""
        reached = [step.percent for step in steps(self.schedule) if step.after <= elapsed]
        percent = reached[-1] if reached else 0
        return Shift(
            namespace=self.namespace,
            service=self.service,
            source=self.source,
            target=self.target,
            percent=percent,
        )


def service_key(text: str) -> ServiceKey:
    """NAMESPACE/SERVICE; raises ValueError with a sentence."""
    namespace, _, name = text.partition("/")
    if not namespace or not name or "/" in name:
        raise ValueError(f"{text!r} is no service: write NAMESPACE/SERVICE")
    return namespace, name


def steps(schedule: str) -> tuple[Step, ...]:
    """The steps of a text like `10% now, 50% +30m, 100% +2h`; raises ValueError with a sentence."""
    found: list[Step] = []
    for part in schedule.split(","):
        parts = _STEP.fullmatch(part.strip())
        if parts is None or int(parts["percent"]) > 100:
            raise ValueError(f"{part.strip()!r} is no step: write 10% now, 50% +30m or 100% +2h, with commas between")
        after = float(parts["number"] or 0) * _SECONDS[parts["unit"] or "s"]
        if found and after <= found[-1].after:
            raise ValueError(f"{part.strip()!r} does not come after the step before it: times count from the start")
        found.append(Step(int(parts["percent"]), after))
    return tuple(found)


def floor(pause_if: str, target: str) -> int:
    """How many ready endpoints the target must have, from a text like `ready(eu1) < 3`; 0 for an empty one.

    Raises ValueError with a sentence.
    """
    if not pause_if:
        return 0
    parts = _PAUSE.fullmatch(pause_if.strip())
    if parts is None or parts["cluster"] != target:
        raise ValueError(f"{pause_if!r} is no condition: write ready({target}) < 3")
    return int(parts["number"])


def ready(service: Service | None, cluster: str) -> int:
    """How many ready endpoints a cluster has: of both families together, a dual-stack one counts once."""
    exports = service.exports if service is not None else ()
    counts = [0, 0]
    for export in exports:
        for each in export.slices if export.cluster == cluster else ():
            counts[each.width == 4] += sum(endpoint.ready for endpoint in each.endpoints())
    return max(counts)


def next_step(schedule: Sequence[Step], elapsed: float) -> Step | None:
    """The first step that is still to come."""
    return next((step for step in schedule if step.after > elapsed), None)
