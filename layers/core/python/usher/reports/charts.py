"""Charts as SVG: bars with intervals, and lines or points on linear or logarithmic axes. Pure.

Every mark has its colour as an attribute, for renderers without style sheets. Most also have a class, by which STYLE
adapts them to a dark page. For a third kind of chart, use a library instead.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from usher.texts import visible

WIDTH = 400
"""About the width of a telephone, so that letters keep their size on one; three charts fit side by side on
a desktop.
"""
ROW, BAR, MARK = 20, 11, 14
"""The height of a row of text, of a bar, and of a mark below bars."""
LEGEND_WIDTH = 300
MAX_TICKS = 7
"""The most ticks of a logarithmic axis, at powers of ten; of more, some are left out."""
EPSILON = 1e-12
"""The minimum length of a linear axis, and the minimum of a logarithmic one."""
MARGIN = 4
LETTER_WIDTH = 6.4
"""The mean width of a letter."""
DIGIT_WIDTH = 7.6
"""The width of a digit in the widest of the usual fonts."""
COLOURS = ("#2f7ebc", "#e0861a", "#229a7c", "#a266ac", "#d0553f", "#7f8790", "#8a7a2e", "#cf6f9a")
"""Blue and orange first: colour-blind people can distinguish them, too (after Okabe and Ito), on white and on black."""
INK, DIM, RULE = "#24292f", "#5b6570", "#d9dee3"
STYLE = """
svg.chart { font-family: inherit; display: block; width: 100%; height: auto; max-width: 45rem }
svg.chart .ink { fill: CanvasText } svg.chart .dim { fill: var(--dim) }
svg.chart .rule { stroke: var(--line) } svg.chart .whisker { stroke: CanvasText }
"""
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot hold."""

Interval = tuple[float, float, float]
"""A value, and the ends of its interval."""
Point = tuple[float, float | None]


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of a chart of lines."""

    title: str = ""
    log: bool = False
    labels: Sequence[str] = ()
    """Instead of numbers: the labels of 0, 1, 2 and so on."""
    minimum_end: float = 0
    """The least end of a linear axis, which ends at a higher value if there is one. It begins at 0, or at the lowest
    value below.
    """


@dataclass(frozen=True, slots=True)
class Series:
    """Points, joined by a line or not. The line is broken where y is None."""

    name: str
    points: Sequence[Point]
    joined: bool = True


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars side by side, one for each entry of the legend that has a value."""

    name: str
    intervals: Sequence[Interval | None]
    marks: Sequence[str] = ()
    """Lines below the bars."""
    is_pale: bool = False
    """Whether the bars are pale, as they are not to be compared with the others."""


@dataclass(frozen=True, slots=True)
class _Scale:
    """The mapping of values to positions on the canvas."""

    low: float
    high: float
    begin: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, value = (math.log10(one) if self.log else one for one in (self.low, self.high, value))
        return self.begin + (value - low) / (high - low) * (self.end - self.begin)


def bars(title: str, legend: Sequence[str], groups: Sequence[Bars]) -> Markup:
    """Horizontal bars in groups, with whiskers for intervals."""
    values = [value for group in groups for one in group.intervals if one for value in one if math.isfinite(value)]
    ticks = _ticks(min(values, default=0), max(values, default=0))
    x = _Scale(ticks[0], ticks[-1], MARGIN, WIDTH - 56)
    top = y = 34 + _legend_height(legend)
    marks = []
    for group in groups:
        marks.append(_text(MARGIN, y + 14, _cut(group.name, WIDTH - MARGIN), hint=group.name))
        y += ROW
        for number, one in enumerate(group.intervals):
            if one and all(map(math.isfinite, one)):
                marks += _bar(x, y, one, number, opacity=0.4 if group.is_pale else 1)
                y += BAR + 2
        for mark in group.marks:
            y += MARK
            marks.append(_text(MARGIN, y - 3, _cut(mark, WIDTH - MARGIN), hint=mark, size=10.5, dim=True))
        y += 6
    return _svg(title, y + 26, [*_head(title, legend), *_grid_across(x, ticks, top, y), *marks])


def _bar(x: _Scale, y: float, interval: Interval, number: int, opacity: float) -> Iterator[Markup]:
    value, low, high = interval
    hint = _element("title", f"{value:.4f} ({low:.4f} to {high:.4f})")
    begin, end = sorted((x(0), x(value)))
    yield _element(
        "rect", hint, x=begin, y=y, width=end - begin, height=BAR, fill=_colour(number), fill_opacity=opacity, rx=1.5
    )
    middle = y + BAR / 2
    if high > low:
        path = f"M{x(low):.1f} {middle - 3:.1f}v6m0 -3H{x(high):.1f}m0 -3v6"
        yield _element("path", d=path, fill="none", stroke=INK, stroke_width=1.2, class_="whisker")
    yield _text(x(max(value, high)) + 6, middle + 3.6, f"{value:.3f}", size=10.5)


def lines(title: str, series: Sequence[Series], across: Axis, up: Axis) -> Markup:
    """Several series as lines or points."""
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
    """The points that axes can show: finite numbers; on a logarithmic axis, positive ones."""

    def fit(value: float | None, axis: Axis) -> bool:
        return value is not None and math.isfinite(value) and (value > EPSILON or not axis.log)

    return [(x, y if fit(y, up) else None) for x, y in series.points if fit(x, across)]


def _curve(x: _Scale, y: _Scale, points: Sequence[Point], number: int, *, joined: bool) -> Iterator[Markup]:
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


def _labels(x: _Scale, labels: Sequence[str], bottom: float) -> Iterator[Markup]:
    """As many of the labels as fit; the first and the last one are moved onto the canvas."""
    half = min(max(len(label) for label in labels) * DIGIT_WIDTH, WIDTH) / 2
    room = 2 * half + max(half - x.begin, 0) + max(half - (WIDTH - x.end), 0) + 10
    step = max(math.ceil(room * len(labels) / (x.end - x.begin)), 1)
    for place in range(0, len(labels), step):
        middle = min(max(x(place), half), WIDTH - half)
        yield _text(middle, bottom + 18, labels[place], dim=True, anchor="middle")


def _axis_ticks(axis: Axis, values: Sequence[float]) -> list[float]:
    if axis.log:
        low, high = min(values, default=1), max(values, default=1)
        begin, end = math.floor(math.log10(low)), math.ceil(math.log10(high))
        step = max(math.ceil((end - begin) / MAX_TICKS), 1)
        return [10.0**power for power in range(begin, max(end, begin + 1) + step, step)]
    return _ticks(min(values, default=0), max(*values, axis.minimum_end, 0))


def _ticks(low: float, high: float) -> list[float]:
    """About five round numbers from at most 0 or the lowest value to at least the highest."""
    low, high = min(low, 0), max(high, 0)
    high = high if high - low > EPSILON else low + 1
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def _grid_across(x: _Scale, ticks: Sequence[float], top: float, bottom: float) -> Iterator[Markup]:
    for tick in ticks:
        yield _rule(x(tick), top, x(tick), bottom)
        yield _text(x(tick), bottom + 16, _short(tick), dim=True, anchor="middle")


def _head(title: str, legend: Sequence[str]) -> Iterator[Markup]:
    yield _text(MARGIN, 18, _cut(title, WIDTH - 2 * MARGIN), hint=title, size=14, weight=700)
    for number, (x, row, name) in enumerate(_legend_places(legend)):
        y = 32 + row * ROW
        yield _element("rect", x=x, y=y, width=11, height=11, fill=_colour(number), rx=2)
        yield _text(x + 16, y + 10, _cut(name, LEGEND_WIDTH), hint=name)


def _legend_places(legend: Sequence[str]) -> list[tuple[float, int, str]]:
    """The position and the row of each entry; a row holds as many as fit."""
    places, x, row = [], float(MARGIN), 0
    for name in legend:
        width = len(_cut(name, LEGEND_WIDTH)) * LETTER_WIDTH + 40
        if x + width > WIDTH and x > MARGIN:
            x, row = float(MARGIN), row + 1
        places.append((x, row, name))
        x += width
    return places


def _legend_height(legend: Sequence[str]) -> int:
    return (_legend_places(legend)[-1][1] + 1) * ROW + 4 if legend else 0


def _cut(name: str, width: float) -> str:
    """A name, shortened in its middle if it does not fit: versions of one thing differ at the end."""
    most = int(width / LETTER_WIDTH)
    half = most // 2
    return name if len(name) <= most else f"{name[: most - half - 1]}…{name[-half:]}"


def _short(value: float) -> str:
    """A number in few characters: 1.5k, 20M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _rule(x1: float, y1: float, x2: float, y2: float) -> Markup:
    return _element("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=RULE, class_="rule")


def _text(
    x: float, y: float, text: str, *,
    hint: str = "", size: float = 12, weight: int = 400, dim: bool = False, anchor: str = "start",
) -> Markup:  # fmt: skip
    """Text at a position. `hint`: the whole text, if it is shortened."""
    whole = _element("title", hint) if hint not in ("", text) else ""
    inside = Markup("{}{}").format(_printable(text), whole)
    return _element(
        "text", inside, x=x, y=y, font_size=size, font_weight=weight, text_anchor=anchor,
        fill=DIM if dim else INK, class_="dim" if dim else "ink",
    )  # fmt: skip


def _svg(title: str, height: float, marks: Iterable[Markup]) -> Markup:
    return _element(
        "svg", Markup("").join(marks), xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {height:.0f}",
        width=WIDTH, height=round(height), font_family="Lato, sans-serif", role="img", aria_label=title, class_="chart",
    )  # fmt: skip


def _element(name: str, inside: str = "", /, **attributes: float | str) -> Markup:
    """An element; text that is not Markup is escaped. `a_b` stands for the attribute a-b."""
    pairs = ((key.rstrip("_").replace("_", "-"), _attribute(value)) for key, value in attributes.items())
    # Not Markup.format, which is slower: a page has thousands of elements.
    written = "".join(f' {key}="{value}"' for key, value in pairs)
    return Markup(f"<{name}{written}>{_printable(inside)}</{name}>")  # noqa: S704 - all parts are escaped


def _attribute(value: float | str) -> str:
    return _printable(value) if isinstance(value, str) else f"{value:.4g}"


def _printable(text: str) -> Markup:
    """Text without characters that XML cannot hold, with hidden characters as escapes; Markup is unchanged."""
    return escape(text if isinstance(text, Markup) else NOT_XML.sub("�", visible(text)))
