"""Publish the outcome of a run: serving map, record and notification; then release the group.

In: `{input, execution, group, run, error}`. Out: `{outcome, cause, again}`; again: there were requests meanwhile.
"""

import os
from collections.abc import Mapping
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger
from usher.aws import client
from usher.costs.calculation import actual_cost
from usher.independent_steps import raise_errors, run_all
from usher.planning.next_serving_map import next_map
from usher.resources import versions
from usher.run_record import RunChanges, RunRecord
from usher.run_summary import has_acted
from usher.runs.lock import Lock, is_running
from usher.runs.naming import group_of_input
from usher.runs.notifications import EVENT, METRICS, NOTIFICATION, Channels, should_notify
from usher.runs.outcome import has_ended
from usher.runs.record import Run, run_that_broke, runs_of
from usher.serving.live_models import live_models
from usher.serving.popular_lists import PopularLists
from usher.serving.serving_map import ServingMap, ServingMaps
from usher.storage.bucket import Bucket
from usher.storage.table import Table

logger = Logger()
bucket = Bucket(client("s3"), os.environ["BUCKET_NAME"])
table = Table(client("dynamodb"), os.environ["TABLE_NAME"])
lock = Lock(table, is_running(client("stepfunctions")))
serving, popular = ServingMaps(table), PopularLists(table)
channels = Channels(client("sns"), os.environ["TOPIC_ARN"], client("events"))


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Publish one run of a pipeline execution.

    The group is released even if the run's end can't be reported: another attempt, or the next run, reports it.
    """
    group, execution = event["group"] or group_of_input(event["input"]), event["execution"]
    run = Run(bucket, group, event["run"] or run_that_broke(lock, bucket, group, execution, event["error"]))
    record = run.read_or_empty()
    if not has_ended(record):
        record = conclude(run, record, execution, event["error"])
    failed = report(run, record)
    again = not lock.try_release(group, execution)
    if not again:
        raise_errors(failed)
    return {"outcome": record["outcome"], "cause": record["summary"], "again": again}


def conclude(run: Run, record: RunRecord, execution: str, error: Mapping[str, str] | None) -> RunRecord:
    """Put the new versions into service, and write the run's last record."""
    plan, states = run.plan_or_none(), record.get("resources", [])
    if plan and not plan.removal and lock.run_of(run.group, execution) == run.name:
        content = next_map(plan, states, serving.read(run.group))
        serving.write(run.group, content)
        refresh_popular(run, content)
    served, since = serving.read(run.group), serving.date_live_versions(run.group)
    known = versions.report_versions(client("personalize"), states, served.get("solutions", {}), since)
    trained_at = {one["arn"]: one["trainedAt"] for one in known}
    serving.note_trainings(run.group, trained_at)
    live = list(live_models(served, trained_at, since, record.get("pins", {})))

    def channels_for(ended: RunRecord) -> list[str]:
        to_programs = ended["outcome"] == "FAILED" or has_acted(ended)
        return [*([NOTIFICATION] if should_notify(run, ended) else []), *([EVENT, METRICS] if to_programs else [])]

    changes: RunChanges = {"versions": known, "live": live, "cost": actual_cost(plan, record, known)}
    return run.conclude(execution, error, changes, channels_for)


def refresh_popular(run: Run, content: ServingMap) -> None:
    """Store the popular list for outages. The former list stays if Personalize does not answer."""
    if reason := popular.refresh(client("personalize-runtime"), run.group, content, unknown_user=run.name):
        logger.warning("The popular list stays as it was", group=run.group, run=run.name, reason=reason)


def report(run: Run, record: RunRecord) -> dict[str, Exception]:
    """Report the end of the run, and of the execution's earlier ones if their reports have failed; return the present
    failures.
    """
    runs = () if run.is_first else runs_of(bucket, run.group, record["execution"])
    ended = {one["run"]: one for one in [*(one for one in runs if one["run"] < run.name), record]}
    return run_all({name: partial(channels.deliver, Run(bucket, run.group, name), one) for name, one in ended.items()})
