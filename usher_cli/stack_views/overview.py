"""All groups at a glance: running runs, the result of the last run, and the live models.

The number of calls grows with the groups, not with their runs: a list and a record for each, and one read of the table
for all.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypedDict, cast

from usher.aws import client
from usher.planning.pins import ITEM as PINS
from usher.planning.pins import pins_in
from usher.run_record import LiveModel, PinRecord
from usher.run_summary import RunSummary, summarize
from usher.runs.naming import is_of_any, is_other
from usher.serving.live_models import live_models
from usher.serving.serving_map import MAP
from usher.storage.table_batches import TableBatches

from usher_cli.deployed_stack import DeployedStack
from usher_cli.parallel import in_parallel

MACHINES = ("PipelineArn", "ExportArn", "EvaluationArn")


class GroupOverview(TypedDict):
    """The overview of a group."""

    group: str
    last: RunSummary | None
    """The last run of the pipeline; None before the first one."""
    atWork: list[RunSummary]
    """The running runs, including exports and evaluations, oldest first."""
    live: list[LiveModel]


def overview(stack: DeployedStack) -> list[GroupOverview]:
    """Every group of the stack, by name."""
    groups, executions = stack.groups(), executions_at_work(stack)
    live = live_in(stack, groups)
    return in_parallel(lambda group: _group(stack, group, executions, live[group]), groups)


def executions_at_work(stack: DeployedStack) -> set[str]:
    """The ARNs of the executions that are running, of the pipeline, exports and evaluations."""
    pages = client("stepfunctions").get_paginator("list_executions").paginate

    def running(machine: str) -> list[str]:
        found = pages(stateMachineArn=stack.outputs[machine], statusFilter="RUNNING")
        return [one["executionArn"] for page in found for one in page["executions"]]

    return {arn for some in in_parallel(running, MACHINES) for arn in some}


def live_in(stack: DeployedStack, groups: Sequence[str]) -> dict[str, list[LiveModel]]:
    """The live models of each group, by one read of the table."""
    keys = [(group, item) for group in groups for item in (MAP, PINS)]
    items = {(one["group"], one["item"]): one for one in TableBatches(stack.table).get(keys, consistent=True)}
    return {group: list(_live(items.get((group, MAP), {}), items.get((group, PINS), {}))) for group in groups}


def _live(item: Mapping[str, Any], pins: Mapping[str, Any]) -> Iterable[LiveModel]:
    serving, trained, since = (json.loads(item.get(name, "{}")) for name in ("map", "trained", "since"))
    chosen = {name: cast(PinRecord, asdict(pin)) for name, pin in pins_in(pins).items()}
    return live_models(serving, trained, since, chosen)


def _group(stack: DeployedStack, group: str, executions: Collection[str], live: list[LiveModel]) -> GroupOverview:
    runs = stack.all_runs(group)
    last = next(filter(None, (run.read_or_empty() for run in reversed(runs) if not is_other(run.name))), None)
    begun = [run.read_or_empty() for run in runs if is_other(run.name) and is_of_any(run.name, executions)]
    return {
        "group": group,
        "last": summarize(last) if last else None,
        "atWork": [summarize(one) for one in [last, *begun] if one and one["outcome"] == "RUNNING"],
        "live": live,
    }
