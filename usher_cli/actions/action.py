"""An action: its plan for people, and the function that carries it out."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypedDict

from usher.aws import client
from usher.dollars import dollars, once
from usher.planning.draft import Draft
from usher.resources.unmanaged import Unmanaged
from usher.run_record import ProblemRecord, ResourceEstimate
from usher.run_summary import monthly_totals
from usher.runs.outcome import problem_record

from usher_cli.deployed_stack import DeployedStack


class PlanRow(TypedDict):
    """A resource that a plan changes."""

    id: str
    action: str
    minutes: float
    cost: float | None
    """US dollars, once; None: not known."""
    reason: str


class PlanView(TypedDict):
    """The plan of an action."""

    sentences: list[str]
    rows: list[PlanRow]
    problems: list[ProblemRecord]
    isWork: bool
    """Whether the action would change anything."""


class Done(NamedTuple):
    """The result of an action."""

    message: str
    """The result in sentences."""
    execution: str = ""
    """The ARN of the execution that continues it; empty: it is done."""
    secret: str = ""
    """A text that can't be read again; empty if there is none."""


Progress = Callable[[str], None]
"""Takes a sentence on the progress of an action."""


@dataclass(frozen=True, slots=True)
class Action:
    """An action that a person can take."""

    label: str
    """The name of the action: `Pause films`."""
    plan: Callable[[], PlanView]
    """Returns the plan. Raises InputError for problems of config or data, and UsherError if the action is
    impossible.
    """
    carry_out: Callable[[Progress], Done]
    typed: str = ""
    """The text that a person has to type first, if the action can't be undone; else empty."""


def started(execution: str, group: str) -> Done:
    """The message that an execution of the pipeline has been started."""
    return Done(f"Started {execution}\nTo follow it: usher status {group}", execution)


def execute(stack: DeployedStack, machine: str, message: str, **request: object) -> Done:
    """Start a state machine, given by its name in the stack's outputs. `message`: the result's."""
    begun = client("stepfunctions").start_execution(stateMachineArn=stack.outputs[machine], input=json.dumps(request))
    return Done(message, str(begun["executionArn"]))


def in_sentences(*sentences: str) -> PlanView:
    """A plan without resources; empty sentences are left out. Pure."""
    return {"sentences": [one for one in sentences if one], "rows": [], "problems": [], "isWork": True}


def plan_view(drafted: Draft) -> PlanView:
    """The plan of a draft. Pure."""
    findings = drafted.findings
    estimate = findings.get("estimate")
    sentences = [text for text in [findings.get("note", "")] if text]
    sentences += [f"{one.place}: {one.message} {one.remedy}" for one in findings.get("notes", ())]
    if estimate and drafted.is_work:
        before, after = (monthly_totals(costs)["monthlyCost"] for costs in (findings["costsNow"], estimate["monthly"]))
        sentences.append(f"It takes about {estimate['minutes']:g} minutes, and costs {once(estimate['cost'])}.")
        sentences.append(
            f"Serving costs {dollars(before)} a month now, and {dollars(after)} afterwards, as far as known."
        )
    if not drafted.is_work:
        sentences.append("There is nothing to do.")
    return {
        "sentences": sentences,
        "rows": [*estimate_rows(estimate["resources"] if estimate else {}), *_deletions(drafted)],
        "problems": [problem_record(one) for one in findings.get("problems", ())],
        "isWork": drafted.is_work,
    }


def estimate_rows(resources: Mapping[str, ResourceEstimate]) -> Iterator[PlanRow]:
    """A row for each changed resource, by its id. Pure."""
    for id_, one in resources.items():
        if one["action"] != "reuse":
            yield PlanRow(id=id_, action=one["action"], minutes=one["minutes"], cost=one["cost"], reason=one["reason"])


def _deletions(drafted: Draft) -> Iterator[PlanRow]:
    """The resources that are deleted, or stay although they are not desired."""
    found: tuple[Unmanaged, ...] = tuple(drafted.plan.to_delete) if drafted.plan else ()
    for one in found:
        yield deletion_row(one.id, one.reason, goes=one.delete)


def deletion_row(id_: str, reason: str, *, goes: bool) -> PlanRow:
    """The row of a resource that is deleted or left."""
    return {"id": id_, "action": "delete" if goes else "keep", "minutes": 0, "cost": 0, "reason": reason}


def caller() -> str:
    """The ARN of the caller."""
    return str(client("sts").get_caller_identity()["Arn"])


def tail(arn: str) -> str:
    """The last part of an ARN."""
    return arn.rpartition("/")[2]
