"""What a group's files order at most, from a run's plan: what its ceilings are held against."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from usher.batch.job_input import uploaded_keys
from usher.config.model import Config
from usher.costs.ceilings import Estimate
from usher.costs.ledger import Past
from usher.costs.prices import PAID_ACTIONS, Size, max_cost, max_monthly_cost, size_of, solution_of
from usher.costs.recurring import automatic_trainings, export_id, repeated
from usher.errors import InputError, Problem
from usher.planning.inputs import Inputs
from usher.resources.inventory import Inventory
from usher.resources.kinds import KINDS, Resource
from usher.resources.states import State
from usher.resources.unmanaged import Unmanaged
from usher.storage.bucket import Bucket, File

STANDING = {"campaign", "recommender", "solution"}
"""Kinds that may cost as long as they are there."""
MOST_INPUT = 10**9
"""Bytes of a batch job's input: Personalize's quotas."""
MOST_INPUTS = 10 * MOST_INPUT
"""Bytes that are read to count the lines of a group's files."""


def count_lines(
    bucket: Bucket, group: str, inputs: Inputs, plan: Mapping[str, Any], most: float
) -> dict[str, tuple[str, int]]:
    """Where the lines are asked for that each batch job and export answers, and how many they are; by id.

    Counting ends beyond `most` lines of one. Raises InputError for files that are too large to be counted.
    """
    jobs = {one.input for one in inputs.config.jobs}
    files = [file for key in jobs for file in bucket.files(key) if file.key == key]
    listed = bucket.files(f"{group}/") if plan["exports"] else []
    keys = [file.key for file in listed]
    own = {key for name in plan["exports"] for key in uploaded_keys(keys, group, name)}
    _check_sizes(group, [*files, *(file for file in listed if file.key in own)])
    found = {f"{one.kind}/{one.name}": (one.input, bucket.count_lines(one.input, most)) for one in inputs.config.jobs}
    size = size_of(inputs.report, {})
    for name, one in plan["exports"].items():
        if given := uploaded_keys(keys, group, name):
            count = sum(bucket.count_lines(key, most) for key in given)
        elif named := one["items"] or one["attributes"]:
            count = len(named)
        elif one["users"]:
            count = inputs.report.get("users", {}).get("ids", 0)
        else:
            count = size.items if plan["solutions"][name]["type"] == "RELATED_ITEMS" else size.users
        found[export_id(name, one["recipe"])] = (f"usher.yaml: exports.{name}", count)
    return found


def _check_sizes(group: str, files: Sequence[File]) -> None:
    remedy = "Ask for less, in files of their own."
    problems = [Problem(one.key, "is larger than 1 GB, the most that a batch job takes.", remedy)
                for one in files if one.size > MOST_INPUT]  # fmt: skip
    if not problems and sum(one.size for one in files) > MOST_INPUTS:
        problems = [Problem(f"{group}/", "has more than 10 GB of lines for batch jobs and exports.", remedy)]
    if problems:
        raise InputError(problems)


def estimate(
    inventory: Inventory,
    config: Config,
    plan: Mapping[str, Any],
    states: Sequence[State],
    unwanted: Sequence[Unmanaged],
    size: Size,
    export_schedule: str,
    past: Past,
) -> Estimate:
    """What carrying out a plan costs at most, and what a month does from then on. Changes nothing.

    `plan`: as planning draws it up; `states`: what is to be done; `export_schedule`: the stack's, or empty.
    """
    by_id = {one.id: one for one in plan["resources"]}
    made = [by_id[one.id] for one in states if one.action in PAID_ACTIONS]
    return Estimate(
        {one.id: max_cost(one, solution_of(one, by_id), size) for one in made},
        {one.id: max_monthly_cost(one, solution_of(one, by_id), size) for one in by_id.values()}
        | dict(_staying(inventory, unwanted, size)),
        list(repeated(config, plan["exports"], size, export_schedule)),
        past.ordered,
    )


def _staying(inventory: Inventory, unwanted: Sequence[Unmanaged], size: Size) -> Iterator[tuple[str, float]]:
    """What costs of the stack's own that is no longer wanted, and that stays all the same.

    Personalize goes on training a former solution by itself, where it was told to.
    """
    for one in unwanted:
        if one.delete or one.kind not in STANDING or not inventory.owns(KINDS[one.kind], one.arn):
            continue
        there = inventory.describe(KINDS[one.kind], one.arn)
        if one.kind == "solution":
            version = Resource(f"solution_version/{one.arn}", "solution_version", "train")
            yield one.arn, automatic_trainings(there) * max_cost(version, there, size)
        else:
            solution = str(there.get("solutionVersionArn", "")).rpartition("/")[0]
            members = inventory.describe(KINDS["solution"], solution) if solution else {}
            yield one.arn, max_monthly_cost(Resource(one.id, one.kind, "train", there), members, size)
