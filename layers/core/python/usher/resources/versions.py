"""Trained solution versions, as Personalize describes them: time, duration and metrics."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from usher.aws import error_code, now
from usher.clients import PersonalizeClient
from usher.resources.kinds import KINDS, LIVE_VERSION
from usher.resources.lookup import describe
from usher.run_record import VersionRecord

WITHOUT_METRICS = {"ResourceNotFoundException", "ResourceInUseException"}
"""GetSolutionMetrics's errors for a version that does not exist, or is not trained."""


def metrics_of(personalize: PersonalizeClient, arn: str) -> dict[str, float]:
    """A version's offline metrics by name; empty if it does not exist, or is not trained."""
    if not arn:
        return {}
    try:
        metrics: dict[str, float] = personalize.get_solution_metrics(solutionVersionArn=arn)["metrics"]
    except personalize.exceptions.ClientError as error:
        if error_code(error) in WITHOUT_METRICS:
            return {}
        raise
    return metrics


def hours_since_training(personalize: PersonalizeClient, arn: str) -> float:
    """The hours since a version's training began; NaN if there is no such version."""
    details = describe(personalize, KINDS["solution_version"], arn)
    return float((now() - details["creationDateTime"]).total_seconds() / 3600) if details else math.nan


def usable_versions(personalize: PersonalizeClient, solution_arn: str) -> list[str]:
    """The ARNs of a solution's versions that can serve, newest first; empty if there is no such solution."""
    if not describe(personalize, KINDS["solution"], solution_arn):
        return []
    pages = personalize.get_paginator("list_solution_versions").paginate(solutionArn=solution_arn)
    versions = [version for page in pages for version in page["solutionVersions"] if version["status"] == "ACTIVE"]
    newest_first = sorted(versions, key=lambda version: version["creationDateTime"], reverse=True)
    return [str(version["solutionVersionArn"]) for version in newest_first]


def report_versions(
    personalize: PersonalizeClient,
    states: Sequence[Mapping[str, Any]],
    live: Mapping[str, Any],
    since: Mapping[str, str],
) -> list[VersionRecord]:
    """A run's versions for its record: the newest one of each solution, and the live one.

    `states`: of the run's resources; `live`: the solutions of the serving map; `since`: the time since which a version
    serves, by ARN.
    """
    newest = {
        state["id"].partition("/")[2]: state["arn"]
        for state in states
        if state["id"].startswith("solution_version/") and state["status"] in {"READY", "HELD"}
    }
    serving = {name: solution[LIVE_VERSION] for name, solution in live.items()}
    pairs = sorted({*newest.items(), *serving.items()})
    reports = (report_version(personalize, name, arn, live=serving.get(name) == arn) for name, arn in pairs)
    dated = {arn: {"liveSince": time} for arn, time in since.items()}
    return [cast(VersionRecord, report | dated.get(report["arn"], {})) for report in reports if report]


def report_version(personalize: PersonalizeClient, solution: str, arn: str, *, live: bool) -> VersionRecord | None:
    """A version of a solution for a record; None if it does not exist. `live`: whether it serves."""
    details = describe(personalize, KINDS["solution_version"], arn)
    if not details:
        return None
    return {
        "solution": solution,
        "arn": arn,
        "live": live,
        "trainedAt": details["creationDateTime"].isoformat(),
        "trainingHours": details.get("trainingHours"),
        "metrics": metrics_of(personalize, arn),
    }
