"""The action that evaluates recipes and live versions."""

from collections.abc import Mapping
from typing import Any

from usher.costs.ledger import Spending
from usher.dollars import dollars, once
from usher.evaluation.options import Options
from usher.evaluation.preparation import prepare_evaluation

from usher_cli.actions.action import Action, PlanView, estimate_rows, execute
from usher_cli.deployed_stack import DeployedStack

HELD_OUT = (
    "A part of the history of {group} is held out: the newest tenth of every user's, unless you say otherwise. Each "
    "recipe is trained on the rest, in a dataset group of its own, which is deleted at the end; nothing that serves "
    "changes."
)


def evaluate(stack: DeployedStack, group: str, request: Mapping[str, Any]) -> Action:
    """Evaluate. `request`: options of docs/evaluation.md."""
    content = {"group": group, **request}

    def plan() -> PlanView:
        options = Options.from_input(content)
        past = Spending(stack.table).of(group)
        prepared = prepare_evaluation(
            stack.bucket, stack.target(group), stack.clients, stack.serving.read(group), options, stack.ceilings, past
        )
        estimate = prepared.findings["estimate"]
        most = dollars(prepared.estimate.of_run)
        sentences = [
            HELD_OUT.format(group=group),
            f"It takes about {estimate['minutes']:g} minutes, and costs {once(estimate['cost'])}, at most {most}.",
            *(f"{one.place}: {one.message} {one.remedy}" for one in prepared.findings["notes"]),
        ]
        rows = [one for one in estimate_rows(estimate["resources"]) if one["cost"] != 0]
        return {"sentences": sentences, "rows": rows, "problems": [], "isWork": True}

    return Action(f"Evaluate {group}", plan, lambda _: execute(stack, "EvaluationArn", "It has begun.", **content))
