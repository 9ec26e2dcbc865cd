"""Charts as SVG: bars with intervals, and lines or points on linear or logarithmic axes. Pure.

Every mark has its colour as an attribute, which renderers of pictures need. Most have a class, too: by it STYLE adapts
them to a dark page.
"""

import html
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from usher.texts import visible

WIDTH = 560
ROW, BAR = 20, 11
"""The height of a row of text, and of a bar."""
NAME_WIDTH, LEGEND_WIDTH = 190, 300
MOST_POWERS = 7
"""Of ten, on a logarithmic axis; beyond, some are left out."""
LEAST = 1e-12
"""A linear axis has no less from end to end, and a logarithmic one no value below."""
LETTER = 6.4
"""What a letter takes of the width on average."""
COLOURS = ("#2f7ebc", "#e0861a", "#229a7c", "#a266ac", "#d0553f", "#7f8790", "#8a7a2e", "#cf6f9a")
"""Blue and orange first: told apart by colour-blind people too (after Okabe and Ito), on white and on black."""
INK, DIM, RULE = "#24292f", "#5b6570", "#d9dee3"
STYLE = """
svg.chart { font-family: inherit; display: block; width: 100%; height: auto; max-width: 45rem }
svg.chart .ink { fill: CanvasText } svg.chart .dim { fill: var(--dim) }
svg.chart .rule { stroke: var(--line) } svg.chart .whisker { stroke: CanvasText }
"""
UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML has no way to write."""

Interval = tuple[float, float, float]
"""A value, and from where to where it may lie."""
Point = tuple[float, float | None]


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis shows."""

    title: str = ""
    log: bool = False
    labels: Sequence[str] = ()
    """Instead of numbers: of 0, 1, 2 and so on."""
    most: float = 0
    """Where a linear axis ends at least. It begins at 0, or at the least value if that is below."""


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one name, joined by a line, or by none. Where y is None, the line is broken."""

    name: str
    points: Sequence[Point]
    joined: bool = True


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to places on the canvas."""

    low: float
    high: float
    begin: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, value = (math.log10(one) if self.log else one for one in (self.low, self.high, value))
        return self.begin + (value - low) / (high - low) * (self.end - self.begin)


def bars(title: str, legend: Sequence[str], rows: Sequence[tuple[str, Sequence[Interval | None]]]) -> str:
    """Horizontal bars: a group for each row, in it one for each entry of the legend, with whiskers for its interval."""
    values = [value for _, group in rows for one in group if one for value in one if math.isfinite(value)]
    ticks = _ticks(min(values, default=0), max(values, default=0))
    left = 14 + min(max((len(name) for name, _ in rows), default=0) * LETTER, NAME_WIDTH)
    x = _Scale(ticks[0], ticks[-1], left, WIDTH - 56)
    top = 34 + _legend_height(legend)
    pace = max(len(legend) * (BAR + 2) + 9, ROW)
    bottom = top + len(rows) * pace + 4
    marks = [*_head(title, legend), *_grid_across(x, ticks, top, bottom)]
    for place, (name, group) in enumerate(rows):
        middle = top + place * pace + pace / 2
        marks.append(_text(left - 10, middle + 4, _cut(name, NAME_WIDTH), hint=name, anchor="end"))
        first = middle - len(group) * (BAR + 2) / 2 + 1
        for number, one in enumerate(group):
            if one and all(map(math.isfinite, one)):
                marks += _bar(x, first + number * (BAR + 2), one, number)
    return _svg(title, bottom + 26, marks)


def _bar(x: _Scale, y: float, interval: Interval, number: int) -> Iterator[str]:
    value, low, high = interval
    hint = _element("title", f"{value:.4f} ({low:.4f} to {high:.4f})")
    begin, end = sorted((x(0), x(value)))
    yield _element("rect", hint, x=begin, y=y, width=end - begin, height=BAR, fill=_colour(number), rx=1.5)
    middle = y + BAR / 2
    if high > low:
        path = f"M{x(low):.1f} {middle - 3:.1f}v6m0 -3H{x(high):.1f}m0 -3v6"
        yield _element("path", d=path, fill="none", stroke=INK, stroke_width=1.2, class_="whisker")
    yield _text(x(max(value, high)) + 6, middle + 3.6, f"{value:.3f}", size=10.5)


def lines(title: str, series: Sequence[Series], across: Axis, up: Axis) -> str:
    """Lines, or points, of several series."""
    cleaned = [_visible(one, across, up) for one in series]
    xs = [x for points in cleaned for x, _ in points]
    ys = [y for points in cleaned for _, y in points if y is not None]
    y_ticks = _axis_ticks(up, ys)
    names = [one.name for one in series] if len(series) > 1 else []
    top, left = 50 + _legend_height(names), 16 + 7 * max(len(_short(tick)) for tick in y_ticks)
    bottom = top + 200
    y = _Scale(y_ticks[0], y_ticks[-1], bottom, top, up.log)
    marks = [*_head(title, names), _text(left, top - 10, up.title, dim=True)]
    for tick in y_ticks:
        marks += [
            _rule(left, y(tick), WIDTH - 16, y(tick)),
            _text(left - 7, y(tick) + 4, _short(tick), dim=True, anchor="end"),
        ]
    if across.labels:
        x = _Scale(0, max(len(across.labels) - 1, 1), left + 6, WIDTH - 22)
        marks += _labels(x, across.labels, bottom)
    else:
        x_ticks = _axis_ticks(across, xs)
        x = _Scale(x_ticks[0], x_ticks[-1], left + 6, WIDTH - 22, across.log)
        marks += [_text(x(tick), bottom + 18, _short(tick), dim=True, anchor="middle") for tick in x_ticks]
    marks.append(_text((left + WIDTH) / 2, bottom + 38, across.title, dim=True, anchor="middle"))
    for number, (one, points) in enumerate(zip(series, cleaned, strict=True)):
        marks += _curve(x, y, points, number, joined=one.joined)
    return _svg(title, bottom + 48, marks)


def _visible(series: Series, across: Axis, up: Axis) -> list[Point]:
    """Points that have a place; no number, or none above zero on a logarithmic axis, has none."""

    def fit(value: float | None, axis: Axis) -> bool:
        return value is not None and math.isfinite(value) and (value > LEAST or not axis.log)

    return [(x, y if fit(y, up) else None) for x, y in series.points if fit(x, across)]


def _curve(x: _Scale, y: _Scale, points: Sequence[Point], number: int, *, joined: bool) -> Iterator[str]:
    colour = _colour(number)
    path, pen = "", "M"
    for across, up in points:
        if up is None:
            pen = "M"
            continue
        path += f"{pen}{x(across):.1f} {y(up):.1f}"
        pen = "L"
        if not joined or len(points) < 70:
            yield _element("circle", cx=x(across), cy=y(up), r=2.2 if joined else 2.8, fill=colour)
    if joined and path:
        yield _element("path", d=path, fill="none", stroke=colour, stroke_width=2, stroke_linejoin="round")


def _labels(x: _Scale, labels: Sequence[str], bottom: float) -> Iterator[str]:
    """As many labels as have room."""
    room = max(len(label) for label in labels) * LETTER + 18
    step = max(math.ceil(room * len(labels) / (x.end - x.begin)), 1)
    for place in range(0, len(labels), step):
        yield _text(x(place), bottom + 18, labels[place], dim=True, anchor="middle")


def _axis_ticks(axis: Axis, values: Sequence[float]) -> list[float]:
    if axis.log:
        low, high = min(values, default=1), max(values, default=1)
        begin, end = math.floor(math.log10(low)), math.ceil(math.log10(high))
        step = max(math.ceil((end - begin) / MOST_POWERS), 1)
        return [10.0**power for power in range(begin, max(end, begin + 1) + step, step)]
    return _ticks(min(values, default=0), max(*values, axis.most, 0))


def _ticks(low: float, high: float) -> list[float]:
    """About five round numbers from at most 0 or the lowest value to at least the highest."""
    low, high = min(low, 0), max(high, 0)
    high = high if high - low > LEAST else low + 1
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def _grid_across(x: _Scale, ticks: Sequence[float], top: float, bottom: float) -> Iterator[str]:
    for tick in ticks:
        yield _rule(x(tick), top, x(tick), bottom)
        yield _text(x(tick), bottom + 16, _short(tick), dim=True, anchor="middle")


def _head(title: str, legend: Sequence[str]) -> Iterator[str]:
    yield _text(4, 18, _cut(title, WIDTH - 8), hint=title, size=14, weight=700)
    for number, (x, row, name) in enumerate(_legend_places(legend)):
        y = 32 + row * ROW
        yield _element("rect", x=x, y=y, width=11, height=11, fill=_colour(number), rx=2)
        yield _text(x + 16, y + 10, _cut(name, LEGEND_WIDTH), hint=name)


def _legend_places(legend: Sequence[str]) -> list[tuple[float, int, str]]:
    """Where each entry begins, and in which row: as many in a row as have room."""
    places, x, row = [], 4.0, 0
    for name in legend:
        width = len(_cut(name, LEGEND_WIDTH)) * LETTER + 40
        if x + width > WIDTH and x > 4:
            x, row = 4.0, row + 1
        places.append((x, row, name))
        x += width
    return places


def _legend_height(legend: Sequence[str]) -> int:
    return (_legend_places(legend)[-1][1] + 1) * ROW + 4 if legend else 0


def _cut(name: str, width: float) -> str:
    """What has room of a name: its beginning and its end, by which versions of one thing differ."""
    most = int(width / LETTER)
    half = most // 2
    return name if len(name) <= most else f"{name[: most - half - 1]}…{name[-half:]}"


def _short(value: float) -> str:
    """A number in few letters: 1.5k, 20M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return _element("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=RULE, class_="rule")


def _text(
    x: float, y: float, text: str, *,
    hint: str = "", size: float = 12, weight: int = 400, dim: bool = False, anchor: str = "start",
) -> str:  # fmt: skip
    """Text at a place. `hint`: what it is cut from."""
    inside = _escaped(text) + (_element("title", _escaped(hint)) if hint not in ("", text) else "")
    return _element(
        "text", inside, x=x, y=y, font_size=size, font_weight=weight, text_anchor=anchor,
        fill=DIM if dim else INK, class_="dim" if dim else "ink",
    )  # fmt: skip


def _svg(title: str, height: float, marks: Iterable[str]) -> str:
    return _element(
        "svg", "".join(marks), xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {height:.0f}",
        width=WIDTH, height=round(height), font_family="Lato, sans-serif", role="img", aria_label=title, class_="chart",
    )  # fmt: skip


def _element(name: str, inside: str = "", /, **attributes: float | str) -> str:
    """An element, its inside as it is, its attributes escaped. The name of an attribute: `a_b` for a-b."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escaped(value if isinstance(value, str) else f"{value:.4g}")}"'
        for key, value in attributes.items()
    )
    return f"<{name}{written}>{inside}</{name}>"


def _escaped(text: str) -> str:
    return html.escape(UNFIT.sub("�", visible(text)))
