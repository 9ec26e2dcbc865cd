"""The first view: every group of the stack, its running runs and live models, and the alarms that are on."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import cast

from markupsafe import Markup
from nicegui import ui
from usher.reports.html import table, tag

from usher_cli.actions.action import Action
from usher_cli.actions.adoption import adopt
from usher_cli.costs import known_sum
from usher_cli.explanation import EXPLAINED, explanation
from usher_cli.stack_views.health import Alarm, alarms
from usher_cli.stack_views.overview import GroupOverview, overview
from usher_cli.stack_views.runs import headline, kind_of_run
from usher_cli.ui.actions import Field, Given, action_button
from usher_cli.ui.parts import empty, note
from usher_cli.ui.report import described, in_utc, link, minute, report
from usher_cli.ui.visit import Visit

ADOPTION = (
    Field("dataset_group", "Its name in Personalize"),
    Field("group", "Its name here (empty: the same)"),
    Field("from_stack", "Another stack to which it belongs (empty: none)"),
    Field("anyway", "Also if the next run costs something, or CloudFormation manages it", value=False),
)
Seen = tuple[list[GroupOverview], list[Alarm] | BaseException]
"""The groups, and the alarms or the error of reading them."""


async def read(visit: Visit) -> Seen:
    """The data of the view. Groups are shown even if alarms can't be read."""
    groups, found = await asyncio.gather(
        visit.read(overview, visit.stack), visit.read(alarms, visit.stack), return_exceptions=True
    )
    if isinstance(groups, BaseException):
        raise groups
    return groups, found


async def show(visit: Visit) -> None:
    """Show alarms, running runs, and a row for each group."""
    groups, found = await cast(Awaitable[Seen], visit.ahead)
    if isinstance(found, EXPLAINED):
        note("dim", explanation(found))
    elif isinstance(found, BaseException):
        raise found
    else:
        for one in alarms_on(found):
            note("bad", f"{one['name']} is on since {in_utc(one['since'])} UTC.", one["means"])
    with ui.row():
        action_button(visit, "Take over a dataset group", "input", lambda given: adoption(visit, given), ADOPTION)
    if not groups:
        empty("There is no group yet.", f"Put interactions.csv into s3://{visit.stack.bucket.name}/<group>/.")
    report(at_work(groups), of_groups(groups))


def adoption(visit: Visit, given: Given) -> Action:
    """The adoption of a dataset group, for the values of its fields."""
    name, group, from_stack = (given[one].strip() for one in ("dataset_group", "group", "from_stack"))
    return adopt(visit.stack, name, group or name, from_stack=from_stack, anyway=given["anyway"])


def alarms_on(found: Sequence[Alarm]) -> list[Alarm]:
    """The alarms that are on. Pure."""
    return [one for one in found if one["state"] == "ALARM"]


def at_work(groups: Sequence[GroupOverview]) -> Markup:
    """The running runs. Pure."""
    rows = [
        [
            link(run["group"], run["group"], "live"),
            link(kind_of_run(run["run"]), run["group"], "run", id=run["run"]),
            minute(run["startedAt"]),
            run["progress"],
        ]
        for group in groups
        for run in group["atWork"]
    ]
    return table("At work", ["Group", "Run", "Since", "Progress"], rows)


def of_groups(groups: Sequence[GroupOverview]) -> Markup:
    """A row for each group. Pure."""
    return table("", ["Group", "Last run", "Live", "#A month", "What happened"], [*map(_row, groups)])


def _row(group: GroupOverview) -> list[object]:
    name, last = group["group"], group["last"]
    live = described({link(one["name"], name, "versions"): _since(one["since"]) for one in group["live"]})
    shown = link(name, name, "live")
    if not last:
        return [
            shown,
            Markup('<span class="dim">none yet</span>'),
            live,
            "",
            Markup("<code>{}/interactions.csv</code> starts one").format(name),
        ]
    outcome = Markup("<div>{}<br>{}</div>").format(
        tag(last["outcome"]), link(minute(last["startedAt"]), name, "run", id=last["run"])
    )
    monthly = known_sum(last["cost"])
    return [shown, outcome, live, monthly, headline(last) or "Nothing was to be done."]


def _since(time: str) -> Markup:
    return Markup("since {}").format(minute(time)) if time else Markup("")
