"""The stack's alarms and queues, and the use of Personalize's quotas."""

import asyncio
from collections.abc import Sequence

from markupsafe import Markup
from nicegui import ui
from usher.reports.html import table
from usher.resources.kinds import KINDS
from usher.resources.quota_use import QuotaUse

from usher_cli.doctor.every_check import examination_of
from usher_cli.doctor.examination import OK, PROBLEM, UNKNOWN, Result
from usher_cli.stack_views.events import Queue, queues
from usher_cli.stack_views.health import Alarm, alarms, quotas_used
from usher_cli.ui.parts import fill
from usher_cli.ui.report import filled, minute, report
from usher_cli.ui.visit import Visit

LOOKS = {"ALARM": ("bad", "on"), "OK": ("good", "off"), "INSUFFICIENT_DATA": ("dim", "no data yet")}
CHECKED = {OK: "good", UNKNOWN: "warn", PROBLEM: "bad"}
NEARLY = 80
"""The percentage of a quota from which its use is marked, as in the alarm QuotaNear."""


async def show(visit: Visit) -> None:
    """Show tables of alarms, queues and quotas."""
    stack = visit.stack
    button = ui.button("Examine the stack", icon="fact_check").props("outline dense no-caps").classes("self-start")
    place = ui.column().classes("w-full")
    button.on_click(lambda: _examine(visit, place))
    on, waiting = await asyncio.gather(visit.read(alarms, stack), visit.read(queues, stack))
    report(of_alarms(on), of_queues(waiting))
    report(of_quotas(await visit.read(quotas_used, stack)))


async def _examine(visit: Visit, place: ui.column) -> None:
    """Show the result of each check of `usher doctor`."""
    results = visit.read(lambda: list(examination_of(visit.stack)))
    await fill(place, results, lambda found: report(of_results(found)))


def of_results(results: Sequence[Result]) -> Markup:
    """A row for each check, problems first. Pure."""
    order = (PROBLEM, UNKNOWN, OK)
    rows = [
        [
            one.check,
            Markup('<span class="tag {}">{}</span>').format(CHECKED[one.outcome], one.outcome),
            one.details,
            one.remedy,
        ]
        for one in sorted(results, key=lambda one: order.index(one.outcome))
    ]
    return filled("Examination", ["Check", "Outcome", "Details", "Remedy"], rows)


def of_alarms(found: Sequence[Alarm]) -> Markup:
    """A row for each alarm. Pure."""
    rows = [
        [
            one["name"],
            Markup('<span class="tag {}">{}</span>').format(*LOOKS[one["state"]]),
            minute(one["since"]),
            one["reason"] if one["state"] == "ALARM" else "",
            f"{one['means']}.{' Its actions are disabled: nobody is notified.' * one['silent']}",
        ]
        for one in found
    ]
    return table("Alarms", ["Alarm", "State", "Since", "Why", "Meaning and remedy"], rows)


def of_queues(found: Sequence[Queue]) -> Markup:
    """A row for each queue. Pure."""
    rows = [[one["name"], one["holds"], f"{one['waiting']:,d}", f"{one['inFlight']:,d}"] for one in found]
    return table("Queues", ["Queue", "Content", "#Waiting", "#At work"], rows)


def of_quotas(found: Sequence[QuotaUse]) -> Markup:
    """A row for each quota, the fullest first. Pure."""
    rows = []
    for one in found:
        look = "bad" if one.number >= one.limit else "warn" if one.percent >= NEARLY else "dim"
        used = Markup('<span class="{}">{:,d} of {:,d}</span>').format(look, one.number, one.limit)
        rows.append([KINDS[one.kind].words, one.group or "the region", used])
    return table("Quotas of Personalize", ["Resources", "In", "#Used"], rows)
