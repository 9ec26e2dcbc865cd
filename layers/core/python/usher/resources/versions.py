"""What Personalize knows of trained versions: when, how long, how good."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from usher.aws import error_code, now
from usher.resources.kinds import KINDS, describe
from usher.run_record import VersionRecord

ABSENT = {"ResourceNotFoundException", "ResourceInUseException"}


def metrics_of(personalize: Any, arn: str) -> dict[str, float]:
    """A version's offline metrics by name; empty where there is no such version, or none that is trained."""
    if not arn:
        return {}
    try:
        metrics: dict[str, float] = personalize.get_solution_metrics(solutionVersionArn=arn)["metrics"]
    except personalize.exceptions.ClientError as error:
        if error_code(error) in ABSENT:
            return {}
        raise
    return metrics


def hours_since_training(personalize: Any, arn: str) -> float:
    """How long ago a version's training began; not a number where there is no such version."""
    details = describe(personalize, KINDS["solution_version"], arn)
    return float((now() - details["creationDateTime"]).total_seconds() / 3600) if details else math.nan


def usable(personalize: Any, solution_arn: str) -> list[str]:
    """The ARNs of a solution's versions that can be served, newest first; none where there is no such solution."""
    if not describe(personalize, KINDS["solution"], solution_arn):
        return []
    pages = personalize.get_paginator("list_solution_versions").paginate(solutionArn=solution_arn)
    found = [one for page in pages for one in page["solutionVersions"] if one["status"] == "ACTIVE"]
    newest_first = sorted(found, key=lambda one: one["creationDateTime"], reverse=True)
    return [str(one["solutionVersionArn"]) for one in newest_first]


def report(personalize: Any, states: Sequence[Mapping[str, Any]], live: Mapping[str, Any]) -> list[VersionRecord]:
    """What a run's record tells of versions: each solution's newest one, and the one that is live.

    `states`: of the run's resources; `live`: the solutions of the serving map.
    """
    newest = {
        state["id"].partition("/")[2]: state["arn"]
        for state in states
        if state["id"].startswith("solution_version/") and state["status"] in {"READY", "HELD"}
    }
    served = {name: one["solutionVersionArn"] for name, one in live.items()}
    pairs = dict.fromkeys([*newest.items(), *served.items()])
    return [told for name, arn in sorted(pairs) if (told := _told(personalize, name, arn, served.get(name) == arn))]


def _told(personalize: Any, solution: str, arn: str, live: bool) -> VersionRecord | None:
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
