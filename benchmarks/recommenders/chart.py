"""Draws the hold-out: a panel per data set, a bar per model, MRR with its 95% interval, as SVG."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from xml.sax.saxutils import escape

from benchmarks.report import Row

WIDTH, LABEL, BAR, GAP, HEAD = 860, 330, 16, 6, 44
SCALE = (WIDTH - LABEL - 60) / 0.6
"""Pixels per MRR; the axis ends at 0.6, or at the largest value."""
COLOURS = {"raw": "#9fb6cc", "dedup": "#1f5a93"}


def chart(data: Mapping[str, Sequence[Row]]) -> str:
    """The text of the picture, from the rows of `holdout.table` of each data set."""
    panels = [_panel(name, rows) for name, rows in data.items()]
    tops = list(accumulate((height for _, height in panels), initial=0))
    body = "".join(
        f'<g transform="translate(0 {top})">{text}</g>' for top, (text, _) in zip(tops, panels, strict=False)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{tops[-1]}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>{body}</svg>\n'
    )


def _panel(name: str, rows: Sequence[Row]) -> tuple[str, int]:
    legend = ", ".join(f'<tspan fill="{colour}">■</tspan> {form}' for form, colour in COLOURS.items())
    parts = [f'<text x="10" y="26" font-size="15">{escape(name)}: MRR, {legend}</text>']
    top, before = HEAD, ""
    for row in rows:
        form, model = str(row["form"]), str(row["model"])
        if form not in COLOURS:
            continue
        if model != before:
            top += GAP
            parts.append(f'<text x="{LABEL - 8}" y="{top + BAR}" text-anchor="end">{escape(model)}</text>')
        before = model
        parts.append(_bar(top, float(row["MRR"]), float(row["±"]), COLOURS[form]))
        top += BAR // 2 + 2
    return "".join(parts), top + 2 * GAP


def _bar(top: int, value: float, half: float, colour: str) -> str:
    end, low, high = (LABEL + SCALE * figure for figure in (value, max(0, value - half), value + half))
    middle = top + BAR / 4
    return (
        f'<rect x="{LABEL}" y="{top}" width="{end - LABEL:.1f}" height="{BAR // 2}" fill="{colour}"/>'
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}" stroke="black"/>'
        f'<text x="{high + 4:.1f}" y="{top + 8}" font-size="9">{value:.3f}</text>'
    )
