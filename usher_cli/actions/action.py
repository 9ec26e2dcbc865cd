"""An action: its plan for people, and what carries it out."""

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
    """A resource of a plan that is not left as it is."""

    id: str
    action: str
    minutes: float
    cost: float | None
    """US dollars, once; None: not known."""
    reason: str


class PlanView(TypedDict):
    """What an action would do."""

    sentences: list[str]
    rows: list[PlanRow]
    problems: list[ProblemRecord]
    isWork: bool
    """Whether it would do anything."""


class Done(NamedTuple):
    """What came of an action that was carried out."""

    message: str
    """In sentences."""
    execution: str = ""
    """The ARN of the execution that goes on with it; empty: it is done."""
    secret: str = ""
    """A text that nobody can read again; empty: there is none."""


Progress = Callable[[str], None]
"""Takes a sentence on how far an action is."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a person can have done."""

    label: str
    """What it does, as one asks for it: `Pause films`."""
    plan: Callable[[], PlanView]
    """Raises InputError where config or data do not allow it, and UsherError where it can't be done."""
    carry_out: Callable[[Progress], Done]
    typed: str = ""
    """What a person has to type first, as it can't be undone; empty: nothing."""


def started(execution: str, group: str) -> Done:
    """The message that an execution of the pipeline has been started."""
    return Done(f"Started {execution}\nTo follow it: usher status {group}", execution)


def execute(stack: DeployedStack, machine: str, message: str, **request: object) -> Done:
    """Start a state machine, by the name of the stack's output. `message`: says so."""
    begun = client("stepfunctions").start_execution(stateMachineArn=stack.outputs[machine], input=json.dumps(request))
    return Done(message, str(begun["executionArn"]))


def in_sentences(*sentences: str) -> PlanView:
    """A plan without resources; empty sentences are left out. Pure."""
    return {"sentences": [one for one in sentences if one], "rows": [], "problems": [], "isWork": True}


def plan_view(drafted: Draft) -> PlanView:
    """A draft for people. Pure."""
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
    """A row for each resource, by its id, that is not left as it is. Pure."""
    for id_, one in resources.items():
        if one["action"] != "reuse":
            yield PlanRow(id=id_, action=one["action"], minutes=one["minutes"], cost=one["cost"], reason=one["reason"])


def _deletions(drafted: Draft) -> Iterator[PlanRow]:
    """Resources that are deleted, or stay though nothing desires them."""
    found: tuple[Unmanaged, ...] = tuple(drafted.plan.to_delete) if drafted.plan else ()
    for one in found:
        yield deletion_row(one.id, one.reason, goes=one.delete)


def deletion_row(id_: str, reason: str, *, goes: bool) -> PlanRow:
    """A row of what is deleted, or left."""
    return {"id": id_, "action": "delete" if goes else "keep", "minutes": 0, "cost": 0, "reason": reason}


def caller() -> str:
    """The ARN of the person who acts."""
    return str(client("sts").get_caller_identity()["Arn"])


def tail(arn: str) -> str:
    """The last part of an ARN."""
    return arn.rpartition("/")[2]
