"""What a person can have the machine do: each action tells its plan before it is carried out."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypedDict

from usher.aws import client, now
from usher.errors import UsherError
from usher.exports.documents import ExportPlan
from usher.planning.draft import Draft
from usher.planning.promotions_and_rollbacks import Pin, live_versions
from usher.planning.tasks import REMOVAL
from usher.resources.unmanaged import Unmanaged
from usher.resources.versions import usable_versions
from usher.run_record import ProblemRecord, ResourceEstimate
from usher.run_summary import monthly_totals
from usher.runs.naming import EXPORT
from usher.runs.outcome import problem_record

from usher_cli.deployed_stack import DeployedStack
from usher_cli.drafts import draft_of

CENT = 0.01


class PlanRow(TypedDict):
    """A resource of a plan that is not left as it is."""

    id: str
    action: str
    minutes: float
    cost: float | None
    """US dollars, once; None: not known."""
    reason: str


class PlanView(TypedDict):
    """What an action would do."""

    told: list[str]
    """In sentences."""
    rows: list[PlanRow]
    problems: list[ProblemRecord]
    isWork: bool
    """Whether it would do anything."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a person can have done."""

    label: str
    plan: Callable[[], PlanView]
    """Raises InputError where config or data do not allow it."""
    carry_out: Callable[[], str]
    """Starts it; returns the ARN of its execution."""
    typed: str = ""
    """What a person has to type first, as it can't be undone; empty: nothing."""


def run_now(stack: DeployedStack, group: str) -> Action:
    """A run, as if a file had been dropped."""
    return Action("Run now", lambda: plan_view(draft_of(stack, group, stack.bucket)), lambda: stack.start(group=group))


def retrain(stack: DeployedStack, group: str, solution: str) -> Action:
    """A training of a solution on the data that there is."""
    request = {"task": "retrain", "solution": solution}
    tasks = {f"retrain#{solution}": {"at": now().isoformat(), "solution": solution}}
    return Action(
        f"Retrain {solution}",
        lambda: plan_view(draft_of(stack, group, stack.bucket, tasks=tasks)),
        lambda: stack.start(group=group, **request),
    )


def promote(stack: DeployedStack, group: str, solution: str, version: str, why: str) -> Action:
    """Serving another version of a solution, whatever its gate says. `version`: its ARN."""
    who = str(client("sts").get_caller_identity()["Arn"])
    request = {"solution": solution, "version": version, "who": who, "why": why}

    def plan() -> PlanView:
        if not why.strip():
            raise UsherError("Give the reason: the run's record keeps it.")
        newest = usable_versions(stack.clients["personalize"], version.rpartition("/")[0])
        if version not in newest:
            raise UsherError(f"{solution} has no version {version} to serve; available: {', '.join(newest) or 'none'}.")
        pin = Pin(version, who, why, now().isoformat(), newest[0])
        plan = plan_view(draft_of(stack, group, stack.bucket, pinned={solution: pin}))
        live = live_versions(stack.serving.read(group)).get(solution, "")
        told = f"{_tail(version)} serves instead of {_tail(live) or 'none'}, until a newer version passes the gate."
        return {**plan, "told": [told, *plan["told"]]}

    return Action(f"Serve this version of {solution}", plan, lambda: stack.start(group=group, **request))


def export_now(stack: DeployedStack, group: str, solution: str) -> Action:
    """An export of a solution."""

    def plan() -> PlanView:
        return _told(
            f"A batch job of Personalize makes recommendations of {solution} with its live version.",
            _last_export(stack, group, solution),
            f"An export that costs more than ${stack.ceilings.run_dollars:,.2f} is refused before its job is made.",
        )

    return Action(f"Export {solution}", plan, lambda: _start(stack, "ExportArn", group=group, solution=solution))


def evaluate(stack: DeployedStack, group: str) -> Action:
    """An evaluation of all suitable recipes and of what is live."""

    def plan() -> PlanView:
        return _told(
            f"The newest tenth of every user's history of {group} is held out. Each suitable recipe is trained on the "
            "rest, in a dataset group of its own, which is deleted at the end; nothing that serves changes.",
            f"One that costs more than ${stack.ceilings.run_dollars:,.2f} is refused before it makes anything.",
        )

    return Action("Evaluate", plan, lambda: _start(stack, "EvaluationArn", group=group))


def remove(stack: DeployedStack, group: str) -> Action:
    """The removal of a group, whose files stay."""

    def plan() -> PlanView:
        drafted = draft_of(stack, group, stack.bucket, tasks={REMOVAL: {"at": now().isoformat()}})
        saved = monthly_totals(drafted.findings["costsNow"])["monthlyCost"]
        view = plan_view(drafted)
        told = [f"What serves costs ${saved:,.2f} a month until then, as far as is known.", *view["told"]]
        return {**view, "told": told}

    return Action(f"Remove {group}", plan, lambda: stack.start(group=group, task=REMOVAL), typed=group)


def plan_view(drafted: Draft) -> PlanView:
    """A draft for people. Pure."""
    findings = drafted.findings
    estimate = findings.get("estimate")
    told = [text for text in [findings.get("note", "")] if text]
    told += [f"{one.place}: {one.message} {one.remedy}" for one in findings.get("notes", ())]
    if estimate and drafted.is_work:
        before, after = (monthly_totals(costs)["monthlyCost"] for costs in (findings["costsNow"], estimate["monthly"]))
        told.append(f"It takes about {estimate['minutes']:g} minutes and costs {_dollars(estimate['cost'])} once.")
        told.append(f"What serves costs ${before:,.2f} a month now, and ${after:,.2f} after it, as far as is known.")
    if not drafted.is_work:
        told.append("Nothing is to be done.")
    return {
        "told": told,
        "rows": list(_rows(drafted)),
        "problems": [problem_record(one) for one in findings.get("problems", ())],
        "isWork": drafted.is_work,
    }


def _rows(drafted: Draft) -> Iterator[PlanRow]:
    estimate = drafted.findings.get("estimate")
    rows: Mapping[str, ResourceEstimate] = estimate["resources"] if estimate else {}
    for id_, one in rows.items():
        if one["action"] != "reuse":
            yield PlanRow(id=id_, action=one["action"], minutes=one["minutes"], cost=one["cost"], reason=one["reason"])
    yield from map(_deletion, drafted.plan.to_delete if drafted.plan else ())


def _deletion(one: Unmanaged) -> PlanRow:
    """A resource that is deleted, or that stays though its group is removed."""
    return {
        "id": one.id,
        "action": "delete" if one.delete else "leave",
        "minutes": 0,
        "cost": 0,
        "reason": one.reason,
    }


def _tail(arn: str) -> str:
    return arn.rpartition("/")[2]


def _told(*sentences: str) -> PlanView:
    return {"told": [one for one in sentences if one], "rows": [], "problems": [], "isWork": True}


def _last_export(stack: DeployedStack, group: str, solution: str) -> str:
    """What the last export of a solution was, in a sentence; empty: there was none."""
    for run in reversed(stack.runs(group, others=True)):
        if run.name.endswith(f"-{solution}{EXPORT}") and (plan := run.plan_or_none()):
            last = ExportPlan.of(plan, group, run.name)
            return f"The last one had {last.input.lines:,d} lines and cost {_dollars(last.dollars)} at most."
    return ""


def _dollars(amount: float) -> str:
    return f"${amount:,.2f}" if amount >= CENT else "under $0.01" if amount else "nothing"


def _start(stack: DeployedStack, machine: str, **request: str) -> str:
    started = client("stepfunctions").start_execution(stateMachineArn=stack.outputs[machine], input=json.dumps(request))
    return str(started["executionArn"])
