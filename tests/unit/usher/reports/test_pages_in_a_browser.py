"""Pages in a browser, on a telephone, a laptop and a large screen, light and dark: all is visible and legible."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from usher.reports.charts import Axis, Series, lines
from usher.reports.evaluation_page import render_evaluation_page
from usher.reports.html import document
from usher.reports.run_page import render_run_page

from tests.unit.usher.reports.test_evaluation_page import contender, whole
from tests.unit.usher.reports.test_run_page import BEGUN, DIAGNOSIS

BROWSER = shutil.which("chromium")
WIDTHS = (390, 1280, 1920)
SCHEMES = {"dark": 0, "light": 1}
"""The browser's settings by name."""
SECONDS = 120
MIN_CONTRAST = 4.5
"""The minimum contrast of text and its background: WCAG 2.2, 1.4.3."""
LONG = "arn:aws:personalize:us-east-1:123456789012:solution/shop-user-personalization-cc45pu44qnry5ocg/fumit2fwy4rfyyjj"
METRICS = [
    "coverage", "mean_reciprocal_rank_at_25", "average_rewards_at_k",
    *(f"{name}_at_{k}" for name in ("normalized_discounted_cumulative_gain", "precision") for k in (5, 10, 25)),
]  # fmt: skip
MEASURE = """
<script>
onload = () => {
  const found = []
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, root = page.documentElement
    const say = (what, one) => found.push(`${frame.width} ${what}: ${one.tagName} ${one.textContent.slice(0, 60)}`)
    if (root.scrollWidth > frame.width) say("the page is too wide", root)
    for (const one of page.querySelectorAll("body *")) {
      const box = one.getBoundingClientRect(), svg = one.closest("svg")
      if (box.width && (box.left < -1 || box.right > +frame.width + 1)) say("off the page", one)
      if (!svg && one.scrollWidth > one.clientWidth + 1 && one.clientWidth) say("wider than its box", one)
      if (svg && one.tagName === "text") {
        const canvas = svg.getBoundingClientRect()
        if (box.left < canvas.left - 1 || box.right > canvas.right + 1) say("off the chart", one)
      }
      if ([...one.childNodes].some(node => node.nodeType === 3 && node.data.trim()) && one.tagName !== "title") {
        const [text, back] = [svg ? getComputedStyle(one).fill : getComputedStyle(one).color, background(one)]
        if (contrast(text, back) < MIN_CONTRAST) say(`${text} on ${back}`, one)
      }
    }
  }
  document.body.innerHTML = "<pre></pre>"
  document.querySelector("pre").textContent = JSON.stringify(found)
}
const numbers = colour => colour.match(/[\\d.]+/g).map(Number)
const background = one => {
  for (; one; one = one.parentElement) {
    const colour = getComputedStyle(one).backgroundColor
    if (numbers(colour)[3] !== 0) return colour
  }
}
const light = colour => {
  const [r, g, b] = numbers(colour).map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
  return .2126 * r + .7152 * g + .0722 * b
}
const contrast = (a, b) => {
  const [low, high] = [light(a), light(b)].sort((x, y) => x - y)
  return (high + .05) / (low + .05)
}
</script>
"""


def version(name: str, *, live: bool) -> dict[str, Any]:
    metrics = dict.fromkeys(METRICS, 0.1234)
    return {
        "solution": name, "arn": LONG, "live": live, "trainedAt": BEGUN["startedAt"],
        "liveSince": BEGUN["startedAt"], "trainingHours": 1.338, "metrics": metrics,
    }  # fmt: skip


def record() -> Any:
    """A record with every long member of a real one."""
    names = ("for-you", "similar-items-of-the-same-category", "popular")
    monthly: Any = [
        {"id": f"campaign/{name}", "arn": f"{LONG}{name}", "what": "serving", "desired": name != "popular",
         "dollars": None if name == "for-you" else 144.12, "atMost": 388.8}
        for name in names
    ]  # fmt: skip
    rows = {
        f"campaign/{name}": {"action": "create", "reason": "It does not exist yet.", "minutes": 15, "cost": 0.0,
                             "monthlyCost": 144.12}
        for name in names
    }  # fmt: skip
    state = {"status": "READY", "action": "reuse", "arn": f"{LONG}for-you"}
    problem = {"place": f"s3://{LONG}", "message": f"is not {'x' * 200}.", "remedy": "Correct it."}
    return BEGUN | {
        "execution": LONG,
        "endedAt": "2026-11-22T11:00:00+00:00",
        "outcome": "HELD",
        "stage": "train",
        "problems": [problem],
        "notes": [problem],
        "costsNow": monthly,
        "resources": [
            *({**state, "id": one} for one in rows),
            {**state, "id": "campaign/held", "status": "HELD", "reason": f"{METRICS[3]} is 0.1, below 0.2"},
        ],
        "estimate": {
            "minutes": 90, "cost": 1.5, "monthlyCost": 288.24, "monthly": monthly, "unpriced": ["campaign/for-you"],
            "resources": rows, "prices": {"source": "https://example.com/prices", "date": "2026-11-24", "own": {}},
        },
        "ceilings": {"run": 1.5, "runCeiling": 200, "month": 677, "monthCeiling": 2000},
        "versions": [version(name, live=live) for name in names for live in (True, False)],
        "live": [
            {"name": name, "version": LONG, "trainedAt": BEGUN["startedAt"], "since": BEGUN["startedAt"], "by": LONG,
             "why": "odd results " * 9, "answeredBy": names[1]}
            for name in names
        ],
        "pins": {"popular": {"version": LONG, "who": LONG, "why": "odd results " * 9, "at": BEGUN["startedAt"]}},
        "unmanaged": [{"id": "campaign/popular", "arn": f"{LONG}popular", "reason": "not desired", "deleted": False}],
        "export": {"files": [{"key": f"shop/out/exports/for-you/{'x' * 99}.parquet", "rows": 10**6, "bytes": 10**9}]},
        "data": {
            "interactions": {
                "files": [f"shop/interactions/{'part-' * 20}.csv"], "columns": ["USER_ID", "ITEM_ID", "TIMESTAMP"] * 4,
                "rows": 12_345_678, "diagnosis": DIAGNOSIS | {"types": {"view": 3}},
                "findings": [{"severity": "warning", "place": "", "message": "has much " * 20, "remedy": "See to it.",
                              "lines": {"shop/interactions.csv": list(range(100_000, 100_010))}, "rows": 7}],
            }
        },
    }  # fmt: skip


def hours() -> str:
    """A chart over hours, whose labels are longer than its margins."""
    labels = [f"11-22 {hour:02}:00:00" for hour in range(24)]
    series = [Series("events", [(hour, hour) for hour in range(24)])]
    return document(
        "hours", [lines("Events by hour", series, Axis("start of each hour", labels=labels), Axis("events"))]
    )


def evaluation() -> str:
    """The page of an evaluation with long names and titles, with all its folded parts."""
    report = whole(f"-of-{LONG}")
    silent = contender("silent", "trained", "", "no list for 123,456 of 123,456 users") | {"ranked": False}
    report["contenders"].append(silent)
    return render_evaluation_page(report).replace("<details>", "<details open>")


def browse(folder: Path, scheme: str, content: str, *options: str) -> str:
    """The standard output of a browser for a page."""
    page = folder / f"{scheme}.html"
    page.write_text(content)
    given = f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}"
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}", given]
    done = subprocess.run(  # noqa: S603 - the machine's own browser
        [*command, *options, page.as_uri()], capture_output=True, text=True, timeout=SECONDS, check=True
    )
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no chromium on PATH")
@pytest.mark.parametrize("scheme", SCHEMES)
def test_nothing_is_cut_off_and_all_is_legible(scheme: str, tmp_path: Path) -> None:
    running = render_run_page(record() | {"outcome": "RUNNING", "stage": "train"})
    pages = [render_run_page(record()), running, hours(), evaluation()]
    frame = '<iframe width={} height=900 srcdoc="{}"></iframe>'
    frames = [frame.format(width, html.escape(str(page))) for page in pages for width in WIDTHS]
    script = MEASURE.replace("MIN_CONTRAST", str(MIN_CONTRAST))
    written = browse(tmp_path, scheme, f"<!doctype html><body>{script}{''.join(frames)}", "--dump-dom")
    (found,) = re.findall(r"<pre>(.*)</pre>", written, flags=re.S)
    assert json.loads(html.unescape(found)) == []


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no chromium on PATH")
def test_the_page_follows_the_scheme_of_the_system(tmp_path: Path) -> None:
    pictures = []
    for scheme in SCHEMES:
        target = tmp_path / f"{scheme}.png"
        browse(tmp_path, scheme, render_run_page(record()), "--window-size=1280,900", f"--screenshot={target}")
        pictures.append(target.read_bytes())
    assert pictures[0][:4] == b"\x89PNG"
    assert pictures[0] != pictures[1]
