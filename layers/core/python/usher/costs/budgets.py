"""A group's spending in a month, its forecast, and its budget. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from usher.costs.ledger import Past
from usher.dollars import dollars
from usher.errors import Problem
from usher.run_record import MonthlyCost, MonthRecord


def month_record(past: Past, monthly: Sequence[MonthlyCost], at: datetime) -> MonthRecord:
    """The present month of a group. `monthly`: the costs of every 30 days as of now."""
    month, budget = past.month, past.budget
    a_month = sum(one["dollars"] or 0 for one in monthly)
    return {
        "month": month.name,
        "spent": past.spent,
        "atMost": past.spent - month.dollars + month.at_most,
        "forecast": month.forecast(past.spent, a_month, at),
        "measuredAt": month.measured_at.isoformat() if month.measured_at else "",
        "budget": budget.monthly if budget else None,
        "warnAt": budget.monthly * budget.warn_at if budget else None,
        "stopAt": budget.monthly * budget.stop_at if budget else None,
    }


def budget_notes(group: str, month: MonthRecord) -> Iterator[Problem]:
    """Notes on a budget that is nearly spent, or will be by the end of the month."""
    budget, warn_at, place = month["budget"], month["warnAt"], f"{group}/: budget"
    if budget is None or warn_at is None:
        return
    remedy = "See the costs: usher cost. Raise it in usher.yaml, or remove unneeded resources."
    if month["spent"] >= warn_at:
        yield Problem(place, f"{dollars(month['spent'])} of {dollars(budget)} are spent in {month['month']}.", remedy)
    elif month["forecast"] > budget:
        message = f"is {dollars(budget)}; {month['month']} will cost about {dollars(month['forecast'])}."
        yield Problem(place, message, remedy)


def budget_text(group: str, past: Past) -> str:
    """The text of the notification of a budget that is nearly or fully spent."""
    budget, month = past.budget, past.month
    if not budget:
        return ""
    limit = budget.monthly * budget.stop_at
    is_over = past.spent >= limit
    then = (
        f"Until {month.end:%Y-%m-%d}, nothing more is imported, trained or exported; serving continues."
        if is_over
        else f"At {dollars(limit)}, nothing more is imported, trained or exported; serving continues."
    )
    return (
        f"The group {group} has spent {dollars(past.spent)} of its budget of {dollars(budget.monthly)} in "
        f"{month.name}. {then}\n\n"
        f"See the costs: usher cost {group}. To let it spend more, raise budget.monthly in usher.yaml."
    )
