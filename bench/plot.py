"""Pictures of a run over time as SVG, written by hand: curves and marks need no library.

One picture has panels below each other, all with the same axis of seconds.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from msgspec import Struct

WIDTH: Final = 900
LEFT: Final = 90
RIGHT: Final = 12
TOP: Final = 46
BOTTOM: Final = 24
CURVES: Final = 150
"""Height of the curves of a panel."""
ROW: Final = 16
"""Height of a row of marks."""
PARTS: Final = 4
COLOURS: Final = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e")


class Curve(Struct, frozen=True):
    """Moments in seconds, and a value for each."""

    at: Sequence[float]
    values: Sequence[float]


class Curves(Struct, frozen=True):
    """A panel of curves by name; its axis begins at 0."""

    title: str
    curves: Mapping[str, Curve]

    @property
    def height(self) -> int:
        """Of the whole panel."""
        return TOP + CURVES + BOTTOM

    @property
    def end(self) -> float:
        """The last moment."""
        return max((moment for curve in self.curves.values() for moment in curve.at), default=0.0)

    def draw(self, top: float, end: float) -> list[str]:
        """The elements of the panel that begins at `top`; `end` is the last moment of the axis."""
        most = max((value for curve in self.curves.values() for value in curve.values), default=0.0) or 1.0
        floor = top + TOP + CURVES
        parts = [_title(self.title, top)]
        for part in range(PARTS + 1):
            y = floor - CURVES * part / PARTS
            parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#ddd"/>')
            parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{most * part / PARTS:.3g}</text>')
        for number, (name, curve) in enumerate(self.curves.items()):
            colour = COLOURS[number % len(COLOURS)]
            points = " ".join(
                f"{_across(moment, end):.1f},{floor - CURVES * value / most:.1f}"
                for moment, value in zip(curve.at, curve.values, strict=True)
            )
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
            parts.append(f'<text x="{LEFT + 120 * number}" y="{top + 36}" fill="{colour}">{escape(name)}</text>')
        return [*parts, *_axis(floor, end)]


class Marks(Struct, frozen=True):
    """A panel of moments, a row for each name."""

    title: str
    rows: Mapping[str, Sequence[float]]

    @property
    def height(self) -> int:
        """Of the whole panel."""
        return TOP + ROW * len(self.rows) + BOTTOM

    @property
    def end(self) -> float:
        """The last moment."""
        return max((moment for moments in self.rows.values() for moment in moments), default=0.0)

    def draw(self, top: float, end: float) -> list[str]:
        """The elements of the panel that begins at `top`; `end` is the last moment of the axis."""
        parts = [_title(self.title, top)]
        for number, (name, moments) in enumerate(self.rows.items()):
            y = top + TOP + ROW * number
            parts.append(f'<text x="{LEFT - 6}" y="{y + 12}" text-anchor="end">{escape(name)}</text>')
            lines = "".join(f"M{_across(each, end):.1f} {y + 3}v{ROW - 5}" for each in moments)
            parts.append(f'<path d="{lines}" stroke="{COLOURS[number % len(COLOURS)]}"/>')
        return [*parts, *_axis(top + TOP + ROW * len(self.rows), end)]


def picture(panels: Sequence[Curves | Marks]) -> str:
    """The whole picture; all axes end at the last moment of any panel."""
    end = max((panel.end for panel in panels), default=0.0) or 1.0
    height = sum(panel.height for panel in panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" style="font: 12px sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    top = 0
    for panel in panels:
        parts += panel.draw(top, end)
        top += panel.height
    return "\n".join([*parts, "</svg>"]) + "\n"


def _across(moment: float, end: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * moment / end


def _title(text: str, top: float) -> str:
    return f'<text x="{LEFT}" y="{top + 18}" font-size="14">{escape(text)}</text>'


def _axis(y: float, end: float) -> list[str]:
    return [
        f'<text x="{_across(end * part / PARTS, end):.1f}" y="{y + 16}" text-anchor="{_anchor(part)}">'
        f"{end * part / PARTS:.0f} s</text>"
        for part in range(PARTS + 1)
    ]


def _anchor(part: int) -> str:
    return "start" if part == 0 else "end" if part == PARTS else "middle"
