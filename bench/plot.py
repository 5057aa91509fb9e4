"""Curves over time as an SVG picture, written by hand: no library is needed for lines and numbers."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

WIDTH: Final = 800
HEIGHT: Final = 320
LEFT: Final = 60
BOTTOM: Final = 40
TOP: Final = 30
COLOURS: Final = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e")


def plot(title: str, axis: str, at: Sequence[float], curves: Mapping[str, Sequence[float]]) -> str:
    """A picture of all curves, which have a value for each moment; the y-axis begins at 0."""
    most = max((value for values in curves.values() for value in values), default=0.0) or 1.0
    end = max(at, default=0.0) or 1.0

    def place(moment: float, value: float) -> str:
        x = LEFT + (WIDTH - LEFT - 10) * moment / end
        return f"{x:.1f},{HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / most:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="18" font-size="14">{escape(title)}</text>',
    ]
    for part in range(5):
        y = HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * part / 4
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - 10}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{most * part / 4:.3g}</text>')
        x = LEFT + (WIDTH - LEFT - 10) * part / 4
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{end * part / 4:.0f}</text>')
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(axis)}</text>')
    for number, (name, values) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(place(moment, value) for moment, value in zip(at, values, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(f'<text x="{LEFT + 10 + 110 * number}" y="{TOP + 12}" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
