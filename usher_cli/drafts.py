"""Drafts of runs of a deployed stack."""

from collections.abc import Mapping, Sequence
from typing import Any

from usher.costs.ledger import Spending
from usher.errors import InputError, Problem
from usher.planning.draft import Draft
from usher.planning.pins import Pin, Pins
from usher.planning.planner import Planner
from usher.planning.tasks import RequestedTasks, Tasks
from usher.resources.inventory import Inventory
from usher.resources.kinds import KINDS, Resource
from usher.storage.table import Table

from usher_cli.deployed_stack import DeployedStack


class ReadOnlyTable(Table):
    """The table, without changes."""

    def update(self, *_: Any, **__: Any) -> None:
        """Leave the item as it is."""


def draft_of(
    stack: DeployedStack,
    group: str,
    bucket: Any,
    assumed_tags: Mapping[str, Mapping[str, str]] | None = None,
    *,
    tasks: RequestedTasks | None = None,
    pinned: Mapping[str, Pin] | None = None,
) -> Draft:
    """The draft of a run for the files in a bucket; `assumed_tags`: those of an Inventory. Raises InputError.

    `tasks`, `pinned`: requests to assume besides the existing ones.
    """
    pins = Pins(ReadOnlyTable(stack.table.dynamodb, stack.table.name))

    def resolve_pins(
        desired: Sequence[Resource], live: Mapping[str, str]
    ) -> tuple[Mapping[str, Pin], Sequence[Problem]]:
        holding, problems = pins.resolve(stack.clients["personalize"], group, desired, live)
        if problems:
            raise InputError(problems)
        return {**holding, **(pinned or {})}, ()

    target = stack.target(group)
    return Planner(
        bucket,
        target,
        Inventory(stack.clients, target.stack_arn, assumed_tags),
        stack.serving.read(group),
        {**Tasks(stack.table).of(group), **(tasks or {})},
        resolve_pins,
        ceilings=stack.ceilings,
        past=Spending(stack.table).of(group),
    ).draft()


def is_costly(drafted: Draft) -> bool:
    """Whether a run would make other changes than free and quick ones, such as creating an event tracker."""
    states = drafted.findings["resources"]
    return any(state.action != "reuse" and KINDS[state.id.partition("/")[0]].cost != "free" for state in states)
