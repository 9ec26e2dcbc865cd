"""Events per minute of a group, and the reasons of refusals."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from markupsafe import Markup
from nicegui import ui
from usher.aws import now
from usher.reports.charts import Axis, Series, lines
from usher.reports.html import table

from usher_cli.stack_views.events import REFUSED_REQUESTS, Rate, Refusal, rates, refusals
from usher_cli.ui.parts import empty
from usher_cli.ui.report import report
from usher_cli.ui.visit import Visit

HOURS = {1: "the last hour", 3: "the last 3 hours", 24: "the last day"}
WORDS = {
    "EventsAccepted": "accepted",
    "EventsQueued": "accepted, and wait in the queue",
    "EventsRepeated": "had arrived before",
    "UnknownItems": "name an item that the catalogue does not have",
    "EventsReplayed": "had waited, and were sent",
    "EventsRefused": "refused by Personalize for good",
    REFUSED_REQUESTS: "requests refused by the API",
}


async def show(visit: Visit) -> None:
    """Show a chart of the minutes, and tables of sums and reasons."""
    hours = int(visit.options.get("hours", "3")) if visit.options.get("hours", "3") in map(str, HOURS) else 3
    stack, group = visit.stack, visit.group
    found, refused = await asyncio.gather(visit.read(rates, stack, [group], hours), visit.read(refusals, stack, group))
    with ui.row():
        choice = ui.select(HOURS, value=hours, label="Time").props("outlined dense options-dense").classes("narrow")
    choice.on_value_change(lambda event: ui.navigate.to(visit.address("traffic", hours=str(event.value))))
    if not found:
        empty(f"{group} has had no events in {HOURS[hours]}.", f"Send some: POST /{group}/events (docs/api.md).")
    else:
        ui.html(str(chart(found, hours, now())), sanitize=False).classes("plot")
    report(of_rates(found), of_refusals(refused))


def chart(found: Sequence[Rate], hours: int, end: datetime) -> Markup:
    """The accepted and refused events of each minute. Pure."""
    start = end - timedelta(hours=hours)
    minutes = range(hours * 60 + 1)
    series = []
    for name, metrics in (("accepted", {"EventsAccepted"}), ("refused", {"EventsRefused", REFUSED_REQUESTS})):
        sums = Counter[int]()
        for rate in found:
            if rate["metric"] in metrics:
                for time, value in rate["minutes"]:
                    sums[int((datetime.fromisoformat(time) - start).total_seconds() // 60)] += int(value)
        series.append(Series(name, [(minute, sums[minute]) for minute in minutes]))
    labels = [(start + timedelta(minutes=minute)).strftime("%H:%M") for minute in minutes]
    return lines("Events in each minute (UTC)", series, Axis(labels=labels), Axis())


def of_rates(found: Sequence[Rate]) -> Markup:
    """The sum of each rate. Pure."""
    rows = [[WORDS[one["metric"]], one["code"], f"{sum(value for _, value in one['minutes']):,.0f}"] for one in found]
    return table("In all", ["Events", "Code", "#Number"], rows)


def of_refusals(refused: Sequence[Refusal]) -> Markup:
    """The reasons why Personalize refuses events. Pure."""
    rows = [[one.reason, f"{one.events:,d}"] for one in refused]
    return table("Refused by Personalize today", ["Reason", "#Events"], rows)
