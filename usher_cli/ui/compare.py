"""The serving version beside the newest one: their metrics, and the reason why the gate blocks one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from nicegui import ui
from usher.clients import PersonalizeClient
from usher.resources.kinds import KINDS
from usher.resources.lookup import describe
from usher.resources.versions import metrics_of, usable_versions
from usher.run_summary import summarize

from usher_cli.actions.action import Action
from usher_cli.actions.versions import serve_version
from usher_cli.deployed_stack import DeployedStack
from usher_cli.ui.actions import WHY, Given, action_button
from usher_cli.ui.controls import html
from usher_cli.ui.markup import Column, table
from usher_cli.ui.parts import card, empty, note
from usher_cli.ui.visit import Visit

NO_LISTS = (
    "Personalize makes lists with a campaign or a batch job alone, which cost money: a version that does not serve has "
    "metrics, and no lists. Serve it to see them; Roll back, under Versions, goes back."
)
ROUNDED = 5e-5
"""Metrics have four decimals."""


@dataclass(frozen=True, slots=True)
class Version:
    """A trained version."""

    arn: str
    trained_at: str
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The last part of its ARN."""
        return self.arn.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Pair:
    """A solution's live version and, if there is another, the newest one."""

    solution: str
    live: Version
    newest: Version | None = None
    held: str = ""
    """The reason why the gate blocks the newest one; empty if it does not."""


def pairs_of(stack: DeployedStack, group: str) -> list[Pair]:
    """The pairs of all solutions of a group that are live."""
    return list(_pairs(stack, group))


def _pairs(stack: DeployedStack, group: str) -> Iterator[Pair]:
    personalize, reasons = stack.clients["personalize"], _why_blocked(stack, group)
    for name, solution in stack.serving.read(group).get("solutions", {}).items():
        live = solution["solutionVersionArn"]
        versions = usable_versions(personalize, live.rpartition("/")[0])
        newest = next((arn for arn in versions[:1] if arn != live), None)
        other = _version(personalize, newest) if newest else None
        yield Pair(name, _version(personalize, live), other, reasons.get(name, ""))


def _version(personalize: PersonalizeClient, arn: str) -> Version:
    details = describe(personalize, KINDS["solution_version"], arn) or {}
    trained = details["creationDateTime"].strftime("%Y-%m-%d %H:%M") if details else "no longer there"
    return Version(arn, trained, metrics_of(personalize, arn))


def _why_blocked(stack: DeployedStack, group: str) -> dict[str, str]:
    """The reason why the last run has blocked a solution's version, by solution."""
    runs = stack.runs(group)
    resources = summarize(runs[-1].read())["resources"] if runs else []
    return {one["id"].partition("/")[2]: one.get("reason", "") for one in resources if one.get("status") == "HELD"}


def newest(visit: Visit, solution: str, given: Given) -> Action:
    """The action that puts the newest version into service."""
    return serve_version(visit.stack, visit.group, solution, "latest", given["why"])


def compared(pair: Pair) -> list[list[str]]:
    """A row for each metric: its name, live, newest, and the difference."""
    newest = pair.newest.metrics if pair.newest else {}
    rows = []
    for name in sorted({*pair.live.metrics, *newest}):
        before, after = pair.live.metrics.get(name), newest.get(name)
        change = after - before if before is not None and after is not None else None
        rows.append([name.replace("_", " "), _number(before), _number(after), _change(change, before)])
    return rows


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _change(change: float | None, before: float | None) -> str:
    if change is None:
        return ""
    if abs(change) < ROUNDED:
        return "the same"
    return f"{change:+.4f}" + (f" ({change / before:+.0%})" if before else "")


async def show(visit: Visit) -> None:
    """A card for each solution."""
    pairs = await visit.read(pairs_of, visit.stack, visit.group)
    if not pairs:
        empty(f"Nothing of {visit.group} is live yet.", "Its first run trains and publishes its solutions.")
    for pair in pairs:
        with card(pair.solution):
            if pair.held:
                note("warn", f"The gate holds the newest version back: {pair.held}.", "The live one keeps serving.")
            versions = {"Live": pair.live, **({"Newest": pair.newest} if pair.newest else {})}
            columns = [Column("Metric"), *(Column(name, is_number=True) for name in versions)]
            rows = compared(pair)
            if pair.newest:
                html(table([*columns, Column("Difference", is_number=True)], rows))
                ui.label(NO_LISTS).classes("dim small")
                with ui.row():
                    make = partial(newest, visit, pair.solution)
                    action_button(visit, "Serve the newest", "published_with_changes", make, [WHY])
            else:
                note("good", "The newest version is live.")
                html(table(columns, [row[:2] for row in rows]))
            for name, version in versions.items():
                ui.label(f"{name}: {version.name}, trained {version.trained_at}").classes("dim small break")
