"""Checks the files of a run before they are used. Pure.

Only the stack's roles can write to their folder (BucketPolicy of template.yaml). They are checked all the same: a plan
must name nothing outside its group's folder, its stack's account and region.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from usher.errors import InputError, Problem
from usher.formats.typed_json import UnfitError, as_type
from usher.names import fingerprint
from usher.resources.kinds import KINDS
from usher.resources.plan import Plan
from usher.resources.states import STAGES
from usher.run_record import RunRecord
from usher.storage.layout import group_folders, job_folders

MAX_BYTES = 1 << 24
"""The most bytes of a run's file: twice the size with 10,000 increments. As JSON's values, it fits into a function's
512 MB.
"""
LOCATIONS = ("path", "dataLocation")
"""Members with an s3:// address, at any depth."""
KEY_OF_THE_GROUP = "kmsKeyArn"
"""The one ARN that a group's config may name. Only a key whose policy admits PersonalizeRole can be used."""


def own_group(group: str, run: str) -> str:
    """The name of an evaluation's own dataset group. `group`, `run`: the location of its files."""
    return f"{group[:20]}-eval-{fingerprint(group, run)}"


def plan_of(content: Any, group: str, run: str) -> Plan:
    """The plan in the content of plan.json, for a run in a group's folder. Raises UnfitError."""
    plan = as_type(Plan, content)
    if plan.group not in (group, own_group(group, run)):
        raise UnfitError(f"it is about the group {plan.group[:99]!r}")
    if foreign := [key for key in plan.files if not key.startswith(group_folders(group))]:
        raise UnfitError(f"it is about the file {foreign[0][:99]!r}")
    known = set[str]()
    for one in plan.resources:
        if one.kind not in KINDS or one.stage not in STAGES or not one.id.startswith(f"{one.kind}/"):
            raise UnfitError(f"{one.id[:99]} is a {one.kind[:99]!r} of the stage {one.stage[:99]!r}")
        if one.id in known or not known.issuperset(one.needs):
            raise UnfitError(f"{one.id[:99]} is there twice, or before what it needs")
        known.add(one.id)
    if unknown := [one.kind for one in plan.to_delete if one.kind not in KINDS]:
        raise UnfitError(f"it deletes a {unknown[0][:99]!r}")
    return plan


def check_size(size: int, group: str) -> None:
    """Raise InputError if a plan could be written, but is too large to be read again. `size`: bytes."""
    if size > MAX_BYTES:
        message = f"has more files than one plan has room for: {size >> 20} MB of {MAX_BYTES >> 20}."
        raise InputError(
            [Problem(f"{group}/", message, "Put the rows of several files into one, or shorten their names.")]
        )


def check_record(content: Any, group: str, run: str) -> None:
    """Check that a value is the record of a run in a group's folder. Raises UnfitError."""
    record = as_type(RunRecord, content, strict=False)
    if (record["group"], record["run"]) != (group, run):
        raise UnfitError(f"it is about the run {record['run'][:99]!r} of the group {record['group'][:99]!r}")
    files = [key for one in record.get("data", {}).values() for key in one["files"]]
    if foreign := [key for key in files if not key.startswith(group_folders(group))]:
        raise UnfitError(f"it is about the file {foreign[0][:99]!r}")


def check_queries(content: Any, _group: str, _run: str) -> None:
    """Check that a value is athena.json's: the ids of an evaluation's queries. Raises UnfitError."""
    as_type(dict[str, str], content)


CHECKS = {"run.json": check_record, "athena.json": check_queries}
"""The check of each file of a run, except its plan."""


def check_reach(plan: Plan, group: str, stack_arn: str, bucket_url: str) -> None:
    """Check that a plan stays within its group's folder, and its stack's account and region. Raises UnfitError.

    `group`: the folder of its run; `bucket_url`: s3://<bucket>/.
    """
    partition, _, region, account = stack_arn.split(":")[1:5]
    here = tuple(f"{bucket_url}{home}" for home in job_folders(group))
    own = {name: f"arn:{partition}:{name}:{region}:{account}:" for name in ("personalize", "scheduler", "states")}
    named = (*own.values(), f"arn:{partition}:iam::{account}:role/", f"arn:{partition}:personalize:::recipe/")
    named_arns = [(one.id, one.kind, one.arn) for one in plan.resources]
    named_arns += [(one.id, one.kind, one.arn) for one in plan.to_delete]
    for id_, kind, arn in named_arns:
        if arn and not arn.startswith(own[KINDS[kind].service]):
            raise UnfitError(f"{id_[:99]} is {arn[:99]!r}, which is not the stack's")
    for resource in plan.resources:
        for name, value in _members(resource.params):
            if name in LOCATIONS and not str(value).startswith(here):
                raise UnfitError(f"{resource.id[:99]} is about {str(value)[:99]!r}, outside the group's folder")
            if name.endswith("Arn") and name != KEY_OF_THE_GROUP and not str(value).startswith(named):
                raise UnfitError(f"{resource.id[:99]} names {str(value)[:99]!r}, which is not the stack's")


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    """Every member of a value, at any depth, with its name."""
    for name, part in value.items() if isinstance(value, Mapping) else ():
        yield name, part
    for part in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _members(part)
