"""The costs of a group: monthly, after the running run, in this month until now, and the forecast."""

from markupsafe import Markup
from usher.dollars import dollars, up_to
from usher.reports.html import facts, lines, table
from usher.reports.html import note as noted
from usher.run_record import CostRecord, MonthRecord
from usher.run_summary import cost_sentences, monthly_text, why_text

from usher_cli.costs import AccountCost, UseRecord, account_cost, amount_text
from usher_cli.ui.parts import empty
from usher_cli.ui.report import report
from usher_cli.ui.visit import Visit


async def show(visit: Visit) -> None:
    """Show sums, and a row for each monthly cost."""
    found = await visit.read(account_cost, visit.stack, visit.group)
    if not found["groups"]:
        empty(f"{visit.group} has no dataset group in Personalize, and costs nothing there.")
    report(*(of_cost(found)))


def of_cost(found: AccountCost) -> list[Markup]:
    """The costs of a group as HTML. Pure."""
    parts = []
    for one in found["groups"]:
        after, month = one["after"], one["month"]
        parts += [
            facts(
                {
                    "Every month": _sum(one["now"]),
                    "After the current run": _sum(after) if after else "",
                    **(_month(month) if month else {}),
                }
            ),
            *(noted("warn", {"remedy": "", **advice}) for advice in one["advice"]),
            table("Used in this month", ["What", "#Amount", "#Cost"], [_used(use) for use in one["used"]]),
            table("Every month, without requests", ["Resource or schedule", "Why", "#Cost"], _monthly(one["now"])),
            lines("In words", [*cost_sentences(one["now"])]),
        ]
    note = Markup('<p class="dim">Requests beyond the provisioned ones are not included. Prices: {}, {}.</p>')
    return [*parts, note.format(found["prices"]["source"], found["prices"]["date"])]


def _month(month: MonthRecord) -> dict[str, str]:
    budget = month["budget"]
    return {
        f"In {month['month']} until now": up_to(month["spent"], month["atMost"]),
        "Forecast for the month": dollars(month["forecast"]),
        "Budget": "" if budget is None else dollars(budget),
    }


def _used(use: UseRecord) -> list[object]:
    return [use["unit"], amount_text(use["amount"]), up_to(use["dollars"], use["atMost"])]


def _monthly(cost: CostRecord) -> list[list[object]]:
    return [[part["id"], why_text(part), monthly_text(part)] for part in cost["monthly"]]


def _sum(cost: CostRecord) -> str:
    total = cost["monthlyCost"] + cost["recurringCost"]
    return dollars(total) + " and parts of unknown price" * bool(cost["unpriced"])
