"""What a run's batch jobs answer: copies of the group's files, so that nobody makes them larger after the plan."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from usher.aws import digest
from usher.config import JOBS
from usher.errors import InputError, Problem
from usher.prices import SPENDING
from usher.resources import Resource
from usher.runs import Run


def keep(run: Run, plan: Mapping[str, Any], actions: Mapping[str, str]) -> dict[str, Any]:
    """Copy the input of each batch job that is to be made; return the plan with the copies.

    `actions`: by resource id. Raises InputError where a file has grown since its lines were counted.
    """
    resources = [
        _kept(run, one, plan["lines"]) if one.kind in JOBS.values() and actions[one.id] in SPENDING else one
        for one in plan["resources"]
    ]
    return {**plan, "resources": resources}


def _kept(run: Run, job: Resource, lines: Mapping[str, int]) -> Resource:
    original = str(job.params["jobInput"]["s3DataSource"]["path"]).removeprefix(run.bucket.url(""))
    copy = run.key(f"input/{digest(job.id, 6)}/{original.rpartition('/')[2]}")
    run.bucket.copy(original, copy)
    if run.bucket.count_lines(copy) > lines[job.id]:
        said = f"has grown beyond the {lines[job.id]:,d} lines that the run was planned with."
        raise InputError([Problem(original, said, "The next round of the run counts them anew.")])
    return replace(job, params={**job.params, "jobInput": {"s3DataSource": {"path": run.bucket.url(copy)}}})
