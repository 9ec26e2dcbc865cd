"""Summary of a run for people: changes, live models and costs. Pure.

The page, the notification and `usher status` show it.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypedDict

from usher.dollars import dollars, up_to
from usher.run_record import (
    CostRecord,
    LiveModel,
    MonthlyCost,
    MonthRecord,
    Outcome,
    PinRecord,
    ProblemRecord,
    RunRecord,
    StateRecord,
)

MAX_NAMED = 3
"""The most resources of a kind that a sentence names."""
READY = {"READY", "HELD"}
VERBS = {"create": "made", "replace": "replaced", "rebuild": "made again", "update": "updated", "promote": "updated"}
"""The verb of each action of the plan."""
TRAINED = {"create": "trained", "retrain": "retrained", "rebuild": "trained again"}
"""The verb of each action on solution versions."""
WORDS = {"solution_version": "solution", "dataset_import_job": "dataset"}
"""Kinds with another name for people."""
PROMOTED = "It is live now."
"""The reason of a version that serves without a campaign."""
MINOR_KINDS = {"schema", "dataset_group", "dataset", "event_tracker", "solution"}
"""Kinds that are not reported one by one."""


class UnmanagedSummary(TypedDict):
    """A resource that exists but is not desired."""

    id: str
    arn: str
    reason: str
    status: str
    """`kept`, `to be deleted`, or the status of its deletion."""
    monthly: MonthlyCost | None
    """The cost of the resource; None if it costs nothing."""


class RunSummary(TypedDict):
    """The summary of a run."""

    group: str
    run: str
    outcome: Outcome
    startedAt: str
    endedAt: str
    """Empty until the run has ended."""
    progress: str
    """One sentence on a running run; else empty."""
    done: Sequence[str]
    problems: Sequence[ProblemRecord]
    held: Sequence[ProblemRecord]
    """The versions that a gate keeps from serving."""
    notes: Sequence[str]
    resources: Sequence[StateRecord]
    """Every planned resource."""
    live: Sequence[LiveModel]
    cost: CostRecord
    unmanaged: Sequence[UnmanagedSummary]


def summarize(record: RunRecord) -> RunSummary:
    """The summary of a run, from its record at any time."""
    notes = [f"{one['place']}: {one['message']} {one.get('remedy', '')}".strip() for one in record.get("notes", ())]
    return {
        "group": record["group"],
        "run": record["run"],
        "outcome": record["outcome"],
        "startedAt": record["startedAt"],
        "endedAt": record.get("endedAt", ""),
        "progress": _progress(record) if record["outcome"] == "RUNNING" else "",
        "done": list(done_phrases(record)),
        "problems": record.get("problems", ()),
        "held": [
            {"place": one["id"], "message": one.get("reason", ""), "remedy": one.get("remedy", "")}
            for one in record.get("resources", ())
            if one["status"] == "HELD"
        ],
        "notes": [*filter(None, [record.get("note", "")]), *notes],
        "resources": record.get("resources", ()),
        "live": record.get("live", ()),
        "cost": current_cost(record),
        "unmanaged": list(_unmanaged(record)),
    }


def monthly_costs(record: RunRecord) -> list[MonthlyCost]:
    """The present monthly costs: before, during or after a run.

    Resources that the run has not created yet do not cost money; those that it has not deleted yet do.
    """
    before, estimate = record.get("costsNow", ()), record.get("estimate")
    after: Sequence[MonthlyCost] = () if record.get("removal") else estimate["monthly"] if estimate else before
    made = {one["arn"] for one in record.get("resources", ()) if one["status"] in READY and "arn" in one}
    deleted = {one["arn"] for one in record.get("deletions", ()) if one["status"] == "DELETED" and "arn" in one}
    had = {(one["id"], one["arn"]) for one in before}
    now = [
        one
        for one in after
        if not one["desired"] or one["arn"] in made or (made and not one["arn"]) or (one["id"], one["arn"]) in had
    ]
    unchanged = [one for one in before if one["arn"] and one["arn"] not in made]
    unchanged_arns = {one["arn"] for one in unchanged}
    return [
        *(one for one in now if one["arn"] not in unchanged_arns),
        *(one for one in unchanged if one["arn"] not in deleted),
    ]


def monthly_totals(costs: Sequence[MonthlyCost]) -> CostRecord:
    """The sums of monthly costs."""
    most = [one["atMost"] for one in costs]
    return {
        "monthlyCost": known_dollars(one for one in costs if one["what"] == "serving"),
        "recurringCost": known_dollars(one for one in costs if one["what"] == "recurring"),
        "monthlyAtMost": None if None in most else math.fsum(filter(None, most)),
        "unpriced": [one["id"] for one in costs if one["dollars"] is None],
        "monthly": costs,
    }


def current_cost(record: RunRecord) -> CostRecord:
    """A run's costs: those in its record, or the present ones; before its end, `cost` is the estimate."""
    month: CostRecord = {"month": record["month"]} if "month" in record else {}
    if written := record.get("cost"):
        return {**written, **month}
    estimate = record.get("estimate")
    if not estimate and "costsNow" not in record:
        return {}
    once: CostRecord = {"cost": estimate["cost"]} if estimate else {}
    return {**once, **monthly_totals(monthly_costs(record)), **month}


def cost_sentences(cost: CostRecord) -> Iterator[str]:
    """The costs of a run and of its group, in words."""
    if "cost" in cost:
        yield f"This run: about {dollars(cost['cost'])}."
    if "monthlyCost" not in cost:
        return
    yield f"Serving, even when idle: {dollars(cost['monthlyCost'])} a month."
    parts = cost.get("monthly", ())
    if unwanted := [one for one in parts if not one["desired"]]:
        named = ", ".join(f"{one['id']} ({monthly_text(one)})" for one in unwanted)
        yield f"Not in usher.yaml, but still billed: {named}."
    if cost.get("recurringCost"):
        yield f"Trainings, exports and jobs on schedules: {dollars(cost['recurringCost'])} a month."
    if unknown := [_with_limit(one) for one in parts if one["dollars"] is None]:
        yield f"Not included, as the price is not known: {', '.join(unknown)}."
    if "month" in cost:
        yield month_text(cost["month"])


def month_text(month: MonthRecord) -> str:
    """A group's spending and forecast for a month, in words."""
    budget = f" The budget is {dollars(month['budget'])}." if month["budget"] is not None else ""
    when = f"measured until {_minute(month['measuredAt'])} UTC" if month["measuredAt"] else "not measured yet"
    return (
        f"{month['month']}: {up_to(month['spent'], month['atMost'])} until now, {when}; "
        f"about {dollars(month['forecast'])} by its end.{budget}"
    )


def live_text(model: LiveModel) -> str:
    """A live model in words: its version, the time since when, the person, and the name that answers instead."""
    facts = [
        model["version"].rpartition("/")[2],
        model["trainedAt"] and f"trained {_minute(model['trainedAt'])}",
        model["since"] and f"live since {_minute(model['since'])}",
        model["by"] and f"chosen by {model['by']}: {model['why']}",
        model["answeredBy"] and f"{model['answeredBy']} answers in its place",
    ]
    return f"{model['name']}: {', '.join(filter(None, facts))}"


def _minute(time: str) -> str:
    return time[:16].replace("T", " ")


def monthly_text(one: MonthlyCost) -> str:
    """A monthly cost in words."""
    return f"{dollars(one['dollars'])} a month" if one["dollars"] is not None else _unknown(one)


def why_text(one: MonthlyCost) -> str:
    """The reason of a monthly cost, in words."""
    recurs = "is trained automatically" if is_training(one) else "is on a schedule"
    why = "serves" if one["what"] == "serving" else recurs
    return why if one["desired"] else f"{why}; not in usher.yaml"


def is_training(one: MonthlyCost) -> bool:
    """Whether a cost is that of automatic trainings, which Personalize starts itself."""
    return one["what"] == "recurring" and ":personalize:" in one["arn"]


def _with_limit(one: MonthlyCost) -> str:
    return one["id"] if one["atMost"] is None else f"{one['id']} (at most {dollars(one['atMost'])} a month)"


def _unknown(one: MonthlyCost) -> str:
    return "price not known" if one["atMost"] is None else f"not known, at most {dollars(one['atMost'])} a month"


def known_dollars(costs: Iterable[MonthlyCost]) -> float:
    """The sum of the known costs."""
    return math.fsum(one["dollars"] or 0 for one in costs)


def _progress(record: RunRecord) -> str:
    states = record.get("resources", ())
    if "erasure" in record:
        return "Users are being erased."
    if "stage" not in record:
        return "It is being planned."
    if record["stage"] == "delete":
        gone = sum(one["status"] == "DELETED" for one in record.get("deletions", ()))
        return f"Deleting: {gone} of {len(record.get('deletions', ()))} resources are deleted."
    ready = sum(one["status"] in READY for one in states)
    busy = [one["id"] for one in states if one["status"] == "PENDING"]
    at_work = f"; at work on {', '.join(busy)}" if busy else ""
    return f"{ready} of {len(states)} resources are ready{at_work}."


def done_phrases(record: RunRecord) -> Iterator[str]:
    """The changes that a run has made so far, a phrase for each kind and verb."""
    estimate, pins = record.get("estimate"), record.get("pins", {})
    planned = estimate["resources"] if estimate else {}
    served = own_choices(record)
    yield from (_choice(name, pin) for name, pin in served.items())
    done: dict[tuple[str, str], list[str]] = defaultdict(list)
    for state in record.get("resources", ()) if "stage" in record else ():
        plan, (kind, _, name) = planned.get(state["id"]), state["id"].partition("/")
        action, reason = (plan["action"], plan["reason"]) if plan else (state["action"], state.get("reason", ""))
        if state["status"] == "READY" and _is_choice(state, reason, pins.get(name)):
            if name not in served:
                yield _choice(name, pins[name])
        elif state["status"] == "READY" or (state["status"], kind) == ("HELD", "solution_version"):
            verb = TRAINED.get(action) if kind == "solution_version" else VERBS.get(action)
            done["imported" if verb and kind == "dataset_import_job" else verb or "", kind].append(name)
    for state in record.get("deletions", ()):
        if state["status"] == "DELETED":
            kind, _, name = state["id"].partition("/")
            done["deleted", kind].append(name)
    for (verb, kind), names in done.items():
        if verb and not (kind in MINOR_KINDS and verb != "deleted"):
            yield f"{verb} {_named_or_counted(kind, names)}"
    minor = sum(len(names) for (verb, kind), names in done.items() if verb == "made" and kind in MINOR_KINDS)
    if minor:
        yield f"set up {minor} further resource{'s' * (minor > 1)}"


def _named_or_counted(kind: str, names: Sequence[str]) -> str:
    """The names of resources of a kind: all of them, or their number."""
    word = WORDS.get(kind, kind.replace("_", " ")) + "s" * (len(names) > 1)
    listed = ", ".join(names) if len(names) <= MAX_NAMED else ""
    if kind in WORDS:
        return listed or f"{len(names)} {word}"
    return f"{len(names)} {word}" + (f" ({listed})" if listed else "")


def _is_choice(state: StateRecord, reason: str, pin: PinRecord | None) -> bool:
    """Whether a state is that of the resource that puts the chosen version live."""
    served = (state.get("details") or {}).get("solutionVersionArn")
    return pin is not None and served == pin["version"] and ("solutionVersionArn" in reason or reason == PROMOTED)


def own_choices(record: RunRecord) -> dict[str, PinRecord]:
    """The versions that the run's own execution was to put live, and that serve at its end, by solution."""
    serving = {one["name"]: one["version"] for one in record.get("live", ())}
    return {
        name: pin
        for name, pin in record.get("pins", {}).items()
        if pin.get("execution") == record.get("execution") and serving.get(name) == pin["version"]
    }


def has_acted(record: RunRecord) -> bool:
    """Whether a run has changed anything."""
    return "stage" in record or bool(own_choices(record))


def _choice(name: str, pin: PinRecord) -> str:
    verb = "promoted" if pin.get("supersedes") == pin["version"] else "rolled back"
    return f"{verb} {name} to {pin['version'].rpartition('/')[2]}, by {pin['who']}: {pin['why']}"


def _unmanaged(record: RunRecord) -> Iterator[UnmanagedSummary]:
    deletions: Mapping[str, StateRecord] = {one.get("arn", ""): one for one in record.get("deletions", ())}
    costs = {one["arn"]: one for one in record.get("costsNow", ())}
    for one in record.get("unmanaged", ()):
        deletion = deletions.get(one["arn"])
        status = deletion["status"] if deletion else "to be deleted" if one["deleted"] else "kept"
        yield {
            "id": one["id"],
            "arn": one["arn"],
            "reason": (deletion and deletion.get("reason")) or one["reason"],
            "status": status,
            "monthly": None if status == "DELETED" else costs.get(one["arn"]),
        }
