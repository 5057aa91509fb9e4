"""Plot: the picture is well-formed, and every point lies in its panel."""

import re
from xml.etree import ElementTree as ET

from bench.plot import BOTTOM, CURVES, LEFT, RIGHT, TOP, WIDTH, Curve, Curves, Marks, picture

SVG = "{http://www.w3.org/2000/svg}"


def test_all_points_lie_in_their_panels() -> None:
    """The axis of seconds is that of the longest panel, for all of them."""
    curves = Curves("A < B", {"one": Curve([0, 50], [0, 8]), "two": Curve([25], [4])})
    whole = ET.fromstring(picture([curves, Marks("marks", {"row": [0.0, 100.0], "none": []})]))
    lines = [each.get("points", "") for each in whole.iter(f"{SVG}polyline")]
    middle, right = LEFT + (WIDTH - LEFT - RIGHT) / 2, WIDTH - RIGHT
    assert lines == [
        f"{LEFT:.1f},{TOP + CURVES:.1f} {middle:.1f},{TOP:.1f}",
        f"{LEFT + (right - LEFT) / 4:.1f},{TOP + CURVES / 2:.1f}",
    ]
    marks = [re.findall(r"M([\d.]+) ([\d.]+)", each.get("d", "")) for each in whole.iter(f"{SVG}path")]
    top = TOP + CURVES + BOTTOM + TOP
    assert [[float(x) for x, _ in row] for row in marks] == [[LEFT, right], []]
    assert all(float(y) > top for row in marks for _, y in row)
    assert "A < B" in {each.text for each in whole.iter(f"{SVG}text")}


def test_there_is_a_picture_of_nothing() -> None:
    """A run that ended before the first look."""
    assert ET.fromstring(picture([Curves("empty", {"one": Curve([], [])}), Marks("none", {})])) is not None
