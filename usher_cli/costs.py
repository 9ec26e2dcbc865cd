"""The monthly costs of Amazon Personalize in the account: this stack's groups, and all other dataset groups."""

from collections.abc import Iterator, Mapping
from typing import Any, TypedDict

from usher.aws import now as time_now
from usher.costs.budgets import month_record
from usher.costs.ledger import Past, Spending
from usher.costs.monthly import existing_cost
from usher.costs.months import UNITS
from usher.costs.traffic import advice
from usher.dollars import dollars
from usher.prices import DATE, PRICES, SOURCE
from usher.resources.billed import Billed, find_billed
from usher.resources.inventory import Inventory
from usher.resources.kinds import GROUP_TAG, STACK_TAG
from usher.resources.lookup import is_being_deleted
from usher.run_record import CostRecord, MonthlyCost, MonthRecord, ProblemRecord, RunRecord
from usher.run_summary import is_training, monthly_costs, monthly_totals
from usher.runs.outcome import problem_record
from usher.serving.serving_map import served_arns

from usher_cli.deployed_stack import DeployedStack

SMALLEST, THOUSAND = 0.001, 1000


class UseRecord(TypedDict):
    """The use that a group has made of something in a month."""

    what: str
    """A name in `usher.costs.months.UNITS`."""
    amount: float
    unit: str
    dollars: float
    """The known part of the cost."""
    atMost: float


class GroupCost(TypedDict):
    """The monthly costs of a dataset group."""

    group: str
    """The group's folder in the bucket; empty: it is not this stack's."""
    datasetGroup: str
    """The name in Personalize."""
    now: CostRecord
    after: CostRecord | None
    """The costs after the running run; None if there is none."""
    month: MonthRecord | None
    """The present calendar month; None: it is not this stack's."""
    used: list[UseRecord]
    """The group's uses in that month."""
    advice: list[ProblemRecord]
    """Notes on costs that are higher than necessary."""


class AccountCost(TypedDict):
    """The monthly costs of Personalize, in US dollars, without requests beyond the provisioned ones."""

    groups: list[GroupCost]
    now: CostRecord
    """The sums of all groups."""
    after: CostRecord
    """The same after the end of the running runs."""
    prices: dict[str, Any]


def account_cost(stack: DeployedStack, group: str | None) -> AccountCost:
    """The costs of a group, or of every dataset group in the account and region. Changes nothing."""
    found = (one for one in _groups(stack) if group in {None, one["group"]})
    groups = sorted(found, key=lambda one: (not one["group"], one["group"], one["datasetGroup"]))
    now = [part for one in groups for part in one["now"]["monthly"]]
    after = [part for one in groups for part in (one["after"] or one["now"])["monthly"]]
    prices = {"source": SOURCE, "date": DATE, **PRICES}
    return {"groups": groups, "now": _totals(now), "after": _totals(after), "prices": prices}


def sums(cost: CostRecord) -> str:
    """The sums of the monthly costs, in words. Pure."""
    recurring = f", {dollars(cost['recurringCost'])} for recurring tasks" if cost["recurringCost"] else ""
    most = cost["monthlyAtMost"]
    limit = f" (at most {dollars(most)} in all)" if most is not None else ""
    unknown = f"; price not known: {', '.join(cost['unpriced'])}{limit}" if cost["unpriced"] else ""
    return f"{dollars(cost['monthlyCost'])} a month for serving{recurring}{unknown}."


def known_sum(cost: CostRecord) -> str:
    """The known monthly cost of serving. Pure."""
    if "monthlyCost" not in cost:
        return "unknown"
    return dollars(cost["monthlyCost"]) + " + unknown" * bool(cost["unpriced"])


def amount_text(amount: float) -> str:
    """The amount of a use, without needless digits. Pure."""
    return "under 0.001" if 0 < amount < SMALLEST else f"{amount:,.0f}" if amount >= THOUSAND else f"{amount:,.3g}"


def _totals(costs: list[MonthlyCost]) -> CostRecord:
    sums = monthly_totals(costs)
    del sums["monthly"]
    return sums


def _groups(stack: DeployedStack) -> Iterator[GroupCost]:
    stack_arn = stack.target("any").stack_arn
    inventory = Inventory(stack.clients, stack_arn)
    pages = stack.clients["personalize"].get_paginator("list_dataset_groups").paginate()
    for summary in (one for page in pages for one in page["datasetGroups"]):
        if is_being_deleted(summary):
            continue
        tags = inventory.tags(summary["datasetGroupArn"])
        is_own = tags.get(STACK_TAG) == stack_arn
        billed = list(find_billed(inventory, summary["datasetGroupArn"]))
        if is_own:
            yield _own_group(stack, tags.get(GROUP_TAG, summary["name"]), summary["name"], billed)
        else:
            parts = [existing_cost(one, one.id_in(summary["name"]), None, PRICES, desired=False) for one in billed]
            now = monthly_totals([part for part in parts if part])
            yield {
                "group": "",
                "datasetGroup": summary["name"],
                "now": now,
                "after": None,
                "month": None,
                "used": [],
                "advice": [],
            }


def _own_group(stack: DeployedStack, group: str, name: str, billed: list[Billed]) -> GroupCost:
    planned = _last_planned(stack, group)
    estimate = planned["estimate"] if planned else None
    prices = {name: dollars for name, dollars in estimate["prices"].items() if name in PRICES} if estimate else PRICES
    by_record = monthly_costs(planned) if planned else []
    parts = [*by_record, *(estimate["monthly"] if estimate else ())]
    desired = {one["arn"] for one in parts if one["desired"]} if planned else served_arns(stack.serving.read(group))
    ids = {one["arn"]: one["id"] for one in parts}
    past = Spending(stack.table).of(group)
    size = past.size
    standing = [
        existing_cost(one, ids.get(one.arn, one.id_in(name)), size, prices, desired=one.arn in desired)
        for one in billed
    ]
    now = [part for part in standing if part] + [
        one for one in by_record if one["what"] == "recurring" and not is_training(one)
    ]
    is_running = planned and planned["outcome"] == "RUNNING"
    after = monthly_totals(estimate["monthly"]) if is_running and estimate else None
    return {
        "group": group,
        "datasetGroup": name,
        "now": monthly_totals(now),
        "after": after,
        "month": month_record(past, now, time_now()),
        "used": [
            {
                "what": what,
                "amount": use.amount,
                "unit": UNITS[what],
                "dollars": use.dollars,
                "atMost": use.at_most,
            }
            for what, use in past.month.uses.items()
        ],
        "advice": _advice(group, billed, past, {one["arn"]: one["id"] for one in now}),
    }


def _advice(group: str, billed: list[Billed], past: Past, ids: Mapping[str, str]) -> list[ProblemRecord]:
    """Advice from the traffic of a group's campaigns, and from its budget."""
    measured = [one for one in billed if one.kind == "campaign" and one.arn in past.traffic]
    ids = {one.arn: ids.get(one.arn, one.id_in(group)) for one in measured}
    found = (advice(one, ids[one.arn], f"{group}/: {ids[one.arn]}", past.traffic[one.arn]) for one in measured)
    return [problem_record(one) for one in found if one]


def _last_planned(stack: DeployedStack, group: str) -> RunRecord | None:
    """The record of the last run with a plan and costs."""
    records = (run.read_or_empty() for run in reversed(stack.runs(group)))
    return next((one for one in records if "estimate" in one), None)
