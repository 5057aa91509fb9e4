"""Packages that are not installed with fedns itself, and which part of the configuration needs them."""

from importlib.util import find_spec
from typing import Final

EXTRAS: Final = {"https": ("doh", ("h2", "h11")), "quic": ("doq", ("aioquic",))}
"""By key of `dns`: the extra, and what is imported of it."""


def missing(key: str) -> str:
    """What this key of `dns` needs and is not installed, as a sentence with the cure; empty when nothing is missing."""
    extra, packages = EXTRAS.get(key, ("", ()))
    if not (absent := [package for package in packages if find_spec(package) is None]):
        return ""
    return f"needs {' and '.join(absent)}, not installed here: pip install 'fedns[{extra}]'"
