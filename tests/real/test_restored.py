"""A real etcd is put back to an older copy of its data: versions go back, and fedns holds what was restored."""

from pathlib import Path

import pytest

from tests.real.asking import NODATA, NXDOMAIN, Asker
from tests.real.siege import ONCE, Services, Siege, name_of, told

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(240)]

CURE_SECONDS = 60.0
REVISIONS = 300
"""More than API servers write while they start: the versions that fedns holds stay ahead of the restored ones."""


async def test_the_older_state_is_the_truth(siege: Siege, asker: Asker, services: Services, tmp_path: Path) -> None:
    """What was made after the copy is gone, what was deleted or changed is as it was: by one reading of each kind."""
    before = told(services.steady, services.scaled, services.doomed)
    held = (await siege.member())["services"]
    await siege.planes.etcd.copy(tmp_path / "copy")
    await siege.write(REVISIONS)
    after = await siege.change(services, asker)
    await asker.becomes(after)
    before[name_of(services.later)] = NXDOMAIN
    asker.allow(before)
    asker.allow({name_of(services.later): NODATA})  # its slices may go before it does
    since = len(siege.asked())
    await siege.planes.restore(tmp_path / "copy")
    await asker.becomes(before, CURE_SECONDS)
    await siege.turns("fresh")
    assert (await siege.member())["services"] == held
    await siege.reads(since, ONCE)
    whole = [each.query for each in siege.asked(since) if each.whole]
    assert not [query for query in whole if "resourceVersion=" in query], "a list of some version may be an old one"
