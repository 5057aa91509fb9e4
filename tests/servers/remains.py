"""What is left of connections that are gone, where the garbage collector does not look."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def nothing_left_of(*kinds: type) -> AsyncIterator[None]:
    """After the block all objects of these kinds go by themselves, which is soon; the collector is switched off.

    The processes of fedns let it look seldom, so a ring of objects is as good as a leak under a flood.
    """
    gc.collect()
    gc.disable()
    try:
        yield
        async with asyncio.timeout(20):
            while any(isinstance(each, kinds) for each in gc.get_objects()):
                await asyncio.sleep(0.05)
    finally:
        gc.enable()
