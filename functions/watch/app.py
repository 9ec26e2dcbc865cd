"""Close the records of executions that were stopped or died; measure models' age, costs and the use of quotas.

In: an EventBridge event: the end of an execution of one of the state machines, or a schedule's.
"""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from usher.aws import client, now
from usher.costs.budgets import budget_text
from usher.costs.ledger import Spending
from usher.costs.metering import Meter
from usher.embedded_metrics import Metrics, put_metrics
from usher.errors import UsherError, lambda_error_message
from usher.independent_steps import raise_errors, run_all
from usher.planning.idle_campaigns import tasks_to_request
from usher.planning.tasks import Tasks
from usher.resources import versions
from usher.resources.inventory import Inventory
from usher.resources.kinds import KINDS, LIVE_VERSION
from usher.resources.quota_use import quota_uses
from usher.runs.naming import EVALUATION, group_of_input, run_name
from usher.runs.notifications import EVENT, NOTIFICATION, Channels, Notification, notify, subject
from usher.runs.outcome import MAX_SUMMARY_LENGTH, RESUME_REMEDIES, has_ended
from usher.runs.record import Run, runs_of
from usher.serving.demand import Demand
from usher.serving.serving_map import ServingMap, ServingMaps
from usher.storage.bucket import Bucket
from usher.storage.table import Table
from usher.texts import clean

CLEAR_UP_PAUSE_SECONDS = 3600
"""The seconds after which a clean-up that died is tried again."""

bucket = Bucket(client("s3"), os.environ["BUCKET_NAME"])
table = Table(client("dynamodb"), os.environ["TABLE_NAME"])
serving, spending, demand = ServingMaps(table), Spending(table), Demand(table)
channels = Channels(client("sns"), os.environ["TOPIC_ARN"], client("events"))


def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """Close the records of an ended execution, or start its clean-up again; or measure."""
    detail = event["detail"]
    execution_input = json.loads(detail.get("input") or "{}")
    match execution_input:
        case {"group": str(group), "clearUp": str(run)}:
            clear_up(group, run, CLEAR_UP_PAUSE_SECONDS)
        case _ if "executionArn" in detail:
            close_runs(detail["executionArn"], execution_input, detail)
        case _:
            of_groups = {f"{name}/": partial(measure, name) for name in serving.groups()}
            raise_errors(run_all({**of_groups, "quotas": measure_quotas}))


def close_runs(execution: str, execution_input: object, detail: dict[str, Any]) -> None:
    """Record and report the end of an execution in every group that it worked on.

    An execution does so itself, unless it was stopped or died. An execution without a record gets one in the group that
    its input names; if it names none, people are notified without a record.
    """
    error = {"Error": detail["status"], "Cause": detail.get("cause") or "no cause given"}
    machine = execution.split(":")[-2]
    try:
        groups, is_named = [group_of_input(execution_input)], True
    except UsherError:
        groups, is_named = serving.groups(), False  # an export of all groups, or an input without a group
    if groups == [""]:
        return
    runs = [Run(bucket, group, record["run"]) for group in groups for record in runs_of(bucket, group, execution)]
    if not runs and is_named:
        suffix = next(suffix for suffix in RESUME_REMEDIES if machine.endswith(suffix))
        begun = datetime.fromtimestamp(detail["startDate"] / 1000, UTC) if suffix == EVALUATION else None
        runs = [Run(bucket, groups[0], run_name(execution, suffix, begun))]
    if not runs:
        message = f"An execution broke off: {error['Error']}: {lambda_error_message(error['Cause'])}"
        text = f"{clean(message, MAX_SUMMARY_LENGTH)}\n\nMore: {execution}"
        notify(channels.sns, channels.topic, Notification(subject(machine, "FAILED"), text))
    raise_errors(run_all({run.key(): partial(end_run, run, execution, error) for run in runs}))


def end_run(run: Run, execution: str, error: dict[str, str]) -> None:
    """Conclude a run that its execution did not conclude, and report the undelivered part of its end."""
    record = run.read_or_empty()
    steps: dict[str, Callable[[], object]] = {}
    if not has_ended(record):
        if run.name.endswith(EVALUATION) and run.plan_or_none():
            steps["clear up"] = partial(clear_up, run.group, run.name)
        record = run.conclude(execution, error, channels_for=lambda _: [NOTIFICATION, EVENT])
    raise_errors(run_all({"report": partial(channels.deliver, run, record), **steps}))


def clear_up(group: str, run: str, pause: int = 0) -> None:
    """Start an execution that deletes the resources that an evaluation has left.

    `pause`: seconds before it begins.
    """
    task = json.dumps({"group": group, "clearUp": run, "afterSeconds": pause})
    client("stepfunctions").start_execution(stateMachineArn=os.environ["EVALUATION_ARN"], input=task)


def measure(group: str) -> None:
    """Measure the hours since the training of each live version of a group, and the costs of the group."""
    content = serving.read(group)
    for solution, live in content.get("solutions", {}).items():
        hours = versions.hours_since_training(client("personalize"), live["solutionVersionArn"])
        put_metrics(Metrics({"HoursSinceTraining": hours}, {"Group": group, "Solution": solution}))
    inventory = Inventory({"personalize": client("personalize")}, "")
    if home := dataset_group_of(inventory, content):
        Meter(inventory, client("cloudwatch"), spending, bucket).measure(group, home, now())
        report_budget(group)
        update_idle_campaigns(group, content)


def dataset_group_of(inventory: Inventory, content: ServingMap) -> str:
    """The ARN of the dataset group of the serving resources; empty if none of them exists."""
    for one in content.get("solutions", {}).values():
        if home := inventory.dataset_group_of({LIVE_VERSION: one["solutionVersionArn"]}):
            return home
    arns = (one.get("recommenderArn") for one in content.get("recommenders", {}).values())
    found = (inventory.describe(KINDS["recommender"], arn).get("datasetGroupArn") for arn in arns if arn)
    return next((str(home) for home in found if home), "")


def report_budget(group: str) -> None:
    """Measure the spent share of a group's budget, and notify people once of each threshold that is reached."""
    past = spending.of(group)
    if not past.budget:
        return
    share, budget = past.spent / past.budget.monthly, past.budget
    put_metrics(Metrics({"BudgetPercent": 100 * share}, {"Group": group}))
    reached = max((one for one in (budget.warn_at, budget.stop_at) if share >= one), default=None)
    if reached is not None and past.month.notified < reached:
        notify(channels.sns, channels.topic, Notification(subject(group, "budget"), budget_text(group, past)))
        spending.months.mark_notified(group, past.month.name, reached)


def update_idle_campaigns(group: str, content: ServingMap) -> None:
    """Start runs that remove idle campaigns, or create them again, by the group's config (`idle: table`)."""
    past, tasks, needed = spending.of(group), Tasks(table).of(group), demand.of(group)
    for task in tasks_to_request(past.idle, content.get("solutions", {}), past.traffic, tasks, needed, now()):
        start = json.dumps({"group": group, **task})
        client("stepfunctions").start_execution(stateMachineArn=os.environ["PIPELINE_ARN"], input=start)


def measure_quotas() -> None:
    """Measure the used share of each quota of Personalize, in the region and in each group.

    All are values of one metric, as CloudWatch bills each set of dimensions; the lines of the log name the quotas.
    """
    clients = {name: client(name) for name in ("personalize", "service-quotas")}
    for use in quota_uses(clients, os.environ["STACK_ARN"]):
        about = {"group": use.group, "kind": use.kind, "used": f"{use.number} of {use.limit}"}
        put_metrics(Metrics({"QuotaPercent": use.percent}, {}, about))
