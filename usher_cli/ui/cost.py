"""What a group costs: now, after the run at work, and in the next 30 days."""

from collections.abc import Mapping

from markupsafe import Markup
from usher.reports.html import facts, lines, table
from usher.run_record import CostRecord
from usher.run_summary import cost_sentences, monthly_text, why_text

from usher_cli.costs import AccountCost, account_cost
from usher_cli.ui.parts import empty
from usher_cli.ui.report import report
from usher_cli.ui.visit import Visit


async def show(visit: Visit) -> None:
    """Sums, and a row for each thing that costs money every month."""
    found = await visit.read(account_cost, visit.stack, visit.group)
    if not found["groups"]:
        empty(f"{visit.group} has no dataset group in Personalize, and costs nothing there.")
    report(*(of_cost(found)))


def of_cost(found: AccountCost) -> list[Markup]:
    """The costs of a group. Pure."""
    parts = []
    for one in found["groups"]:
        after = one["after"]
        parts.append(facts({"Now": _sum(one["now"]), "After the run at work": _sum(after) if after else ""}))
        rows = [[part["id"], why_text(part), monthly_text(part)] for part in one["now"]["monthly"]]
        parts.append(table("Every month, without requests", ["Resource or schedule", "Why", "#Cost"], rows))
        parts.append(lines("In words", [*cost_sentences(one["now"])]))
    prices: Mapping[str, object] = found["prices"]
    note = Markup('<p class="dim">Requests beyond the provisioned ones are not included. Prices: {}, {}.</p>')
    return [*parts, note.format(prices["source"], prices["date"])]


def _sum(cost: CostRecord) -> str:
    total = cost["monthlyCost"] + cost["recurringCost"]
    return f"${total:,.2f} a month{' and what has no known price' if cost['unpriced'] else ''}"
