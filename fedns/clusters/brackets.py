"""Finds the elements of one array in JSON that is nested too deep for a decoder; it looks at brackets and strings only.

What it cuts out is decoded afterwards by itself, so it need not judge whether it is JSON.
"""

import asyncio
import re
from itertools import pairwise
from time import monotonic
from typing import Final

_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[][{},]', re.DOTALL)
"""A string, also one without an end (so that each byte is looked at once), a bracket or a comma."""
_SLICE: Final = 0.002
"""Seconds of looking before the loop gets its turn."""


async def split(body: bytes, key: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    """The object without the elements of its array `key`, and where in `body` each of those starts and ends."""
    depth, word = 0, b""
    marks: list[int] = []  # the start of the array's inside, the commas in it, its end
    inside = False
    began = monotonic()
    for at, found in enumerate(_TOKEN.finditer(body)):
        token = found.group()
        if token in b"[{":
            depth += 1
            if depth == 2 and token == b"[" and word == key and not marks:
                inside = True
                marks.append(found.end())
        elif inside and depth == 2 and token in b"],}":
            marks.append(found.start())
            inside = token == b","
            depth -= not inside
        elif token in b"]}":
            depth -= 1
        elif depth == 1 and token != b",":
            word = token[1:-1]
        if at % 256 == 0 and monotonic() - began >= _SLICE:
            await asyncio.sleep(0)
            began = monotonic()
    if inside or not marks:
        return body, []
    spans = [(start + (body[start : start + 1] == b","), end) for start, end in pairwise(marks)]
    return body[: marks[0]] + body[marks[-1] :], [span for span in spans if body[slice(*span)].strip()]
