"""Charts: well-formed, safe with any names, and with every mark in its place on the canvas."""

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usher.reports import charts
from usher.reports.charts import Axis, Bars, Series, bars, lines
from usher.reports.png import render_png

HOSTILE = st.text(max_size=60) | st.sampled_from(
    ["<script>alert(1)</script>", '"><image href="http://x"/>', "]]>", "&lt;", "\x00\x1b\ufffe", "a" * 500, ""]
)
NUMBERS = st.floats(-1e9, 1e9) | st.sampled_from([0.0, 1e-9, 1e15, math.nan, math.inf])
INTERVALS = st.none() | st.tuples(NUMBERS, NUMBERS, NUMBERS)
POINTS = st.lists(st.tuples(NUMBERS, st.none() | NUMBERS), max_size=80)
SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314


def check(svg: str) -> ET.Element:
    """Every mark is an allowed element, refers to nothing, and lies on the canvas."""
    root = parsed(svg)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    assert {one.tag for one in root.iter()} <= {
        SVG + name for name in ("svg", "text", "title", "rect", "line", "path", "circle")
    }
    for one in root.iter():
        assert not [name for name in one.attrib if name.startswith("on") or "href" in name or name == "style"]
        for names, most in ((("x", "x1", "x2", "cx"), width), (("y", "y1", "y2", "cy"), height)):
            assert all(-0.5 <= float(one.attrib[name]) <= most + 0.5 for name in names if name in one.attrib)
        x = float(one.attrib.get("x", 0)) + float(one.attrib.get("width", 0))
        assert x <= width + 0.5
    assert "url(" not in re.sub(">[^<]*<", "><", svg.replace(root.attrib["aria-label"], ""))
    return root


def texts(root: ET.Element) -> list[str]:
    return [one.text or "" for one in root.iter(f"{SVG}text")]


@given(HOSTILE, st.lists(HOSTILE, max_size=9), st.data())
@settings(deadline=None)
def test_bars_are_well_formed_and_on_the_canvas(title: str, legend: Sequence[str], data: st.DataObject) -> None:
    group = st.lists(INTERVALS, min_size=len(legend), max_size=len(legend))
    rows = data.draw(
        st.lists(st.builds(Bars, HOSTILE, group, st.lists(HOSTILE, max_size=3), st.booleans()), max_size=15)
    )
    check(bars(title, legend, rows))


@given(
    HOSTILE,
    st.lists(st.builds(Series, HOSTILE, POINTS, st.booleans()), max_size=9),
    st.booleans(),
    st.booleans(),
    HOSTILE,
)
@settings(deadline=None)
def test_lines_are_well_formed_and_on_the_canvas(
    title: str, series: Sequence[Series], across: bool, up: bool, name: str
) -> None:
    check(lines(title, series, Axis(name, log=across), Axis(name, log=up)))


@given(st.lists(HOSTILE, min_size=1, max_size=60), st.data())
@settings(deadline=None)
def test_labels_have_room(labels: list[str], data: st.DataObject) -> None:
    values = data.draw(st.lists(st.none() | st.floats(0, 1), min_size=len(labels), max_size=len(labels)))
    root = check(lines("t", [Series("s", list(enumerate(values)))], Axis(labels=labels), Axis(minimum_end=1)))
    shown = [one for one in root.iter(f"{SVG}text") if one.attrib["text-anchor"] == "middle"][:-1]
    places = [float(one.attrib["x"]) for one in shown]
    room = min(max(map(len, labels)), 75) * charts.LETTER_WIDTH
    assert all(after - before >= room for before, after in pairwise(places))


def test_a_bar_is_as_long_as_its_value_and_is_labelled_with_it() -> None:
    groups = [Bars("a", [(0.1, 0.05, 0.2), (0.2, 0.2, 0.2)]), Bars("b", [None, (0, 0, 0)])]
    root = parsed(bars("MRR", ["raw", "dedup"], groups))
    rects = [one for one in root.iter(f"{SVG}rect") if one.find(f"{SVG}title") is not None]
    widths = [float(one.attrib["width"]) for one in rects]
    assert widths[1] == pytest.approx(2 * widths[0], rel=0.01)
    assert widths[2] == 0
    assert rects[0].findtext(f"{SVG}title") == "0.1000 (0.0500 to 0.2000)"
    assert len(root.findall(f"{SVG}path")) == 1, "an interval of no length needs no whisker"
    for expected in ("MRR", "raw", "dedup", "a", "b", "0.100", "0.200", "0.000"):
        assert expected in texts(root)


def test_values_without_a_bar_have_marks_and_incomparable_ones_are_pale() -> None:
    groups = [
        Bars("silent", [None, None], ["no list for 9 of 9 users"]),
        Bars("live", [(0.3, 0.2, 0.4), None], ["may know 98% of the held-out events", "explores"], is_pale=True),
        Bars("plain", [(0.1, 0, 0.2), (0.1, 0, 0.2)]),
    ]
    root = check(bars("MRR", ["raw", "dedup"], groups))
    assert {"no list for 9 of 9 users", "may know 98% of the held-out events", "explores"} <= {*texts(root)}
    rects = [one for one in root.iter(f"{SVG}rect") if one.find(f"{SVG}title") is not None]
    assert [float(one.attrib["fill-opacity"]) for one in rects] == [0.4, 1, 1]
    (live,) = (float(one.attrib["y"]) for one in root.iter(f"{SVG}text") if one.text == "explores")
    pale, *others = (float(one.attrib["y"]) for one in rects)
    assert pale < live < min(others), "marks stand below the bars that they are about"


def test_a_line_breaks_where_there_is_no_value() -> None:
    points = [(0.0, 1.0), (1.0, None), (2.0, 3.0), (3.0, 4.0)]
    path = parsed(lines("t", [Series("s", points)], Axis(), Axis())).findall(f"{SVG}path")[0].attrib["d"]
    assert re.sub(r"[\d. ]", "", path) == "MML"


def test_values_not_above_zero_have_no_place_on_a_logarithmic_axis() -> None:
    points = [(0.0, 5.0), (1.0, 0.0), (1.0, -1.0), (10.0, 100.0), (100.0, 1.0)]
    root = parsed(lines("t", [Series("s", points, joined=False)], Axis(log=True), Axis(log=True)))
    assert len(root.findall(f"{SVG}circle")) == 2
    assert [text for text in texts(root) if text.isdigit()] == ["1", "10", "100"] * 2


@given(st.floats(-1e12, 1e12), st.floats(0, 1e12))
@settings(deadline=None)
def test_ticks_are_few_evenly_spread_and_hold_all_values(low: float, more: float) -> None:
    ticks = charts._ticks(low, low + more)
    assert 2 <= len(ticks) <= 12
    assert ticks[0] <= min(low, 0) + 1e-9
    assert ticks[-1] >= low + more - 1e-6 * abs(low + more)
    steps = [after - before for before, after in pairwise(ticks)]
    assert min(steps) == pytest.approx(max(steps))


def test_long_names_are_cut_in_the_middle_and_shown_in_full_on_hover() -> None:
    name = f"user-personalization{'-v2' * 20} (live 2026-11-22)"
    root = parsed(bars("t", ["raw"], [Bars(name, [None])]))
    (shown,) = [one for one in root.iter(f"{SVG}text") if "…" in (one.text or "")]
    assert shown.text == "user-personalization-v2-v2-v2-…-v2-v2-v2-v2 (live 2026-11-22)"
    assert shown.findtext(f"{SVG}title") == name


@pytest.mark.parametrize(("value", "shown"), [(0, "0"), (0.25, "0.25"), (1500, "1.5k"), (2e7, "20M"), (3e9, "3G")])
def test_numbers_of_an_axis_are_short(value: float, shown: str) -> None:
    assert charts._short(value) == shown


@pytest.mark.parametrize("width", [300, 1120])
def test_a_picture_is_a_png_of_the_wanted_width(width: int) -> None:
    svg = bars("Größe “x” <&>", ["raw"], [Bars("a", [(0.1, 0.05, 0.2)])])
    picture = render_png(svg, width)
    height = round(float(parsed(svg).attrib["height"]) * width / charts.WIDTH)
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(picture[16:20]) == width
    assert abs(int.from_bytes(picture[20:24]) - height) <= 1


def test_letters_are_drawn_in_a_picture() -> None:
    assert len(render_png(bars("A title", [], []))) > len(render_png(bars("", [], []))) + 500


def test_an_invalid_svg_is_no_picture() -> None:
    with pytest.raises(ValueError, match="root node"):
        render_png("<p>")
