"""Exports: recommendations for many users at once, as JSON Lines in the bucket.

<group>/out/export/<solution>/<run>/input/users.jsonl   for whom (unless the group lists them itself)
<group>/out/export/<solution>/<run>/output/...          as Personalize's batch inference job writes it
<group>/out/export/<solution>/latest.json               the newest complete export: its files and counts
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from usher import data
from usher.aws import now
from usher.bucket import Bucket, data_keys, export_prefix
from usher.errors import InputError, Problem
from usher.resources import KINDS, Resource


@dataclass(frozen=True, slots=True)
class Setting:
    """Where exports are made."""

    arn_prefix: str
    role_arn: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Setting":
        """As the template sets it."""
        return cls(environ["PERSONALIZE_ARN_PREFIX"], environ["PERSONALIZE_ROLE_ARN"])


def prepare(bucket: Bucket, group: str, run: str, serving: Mapping[str, Any], at: Setting) -> Resource:
    """Write the input of a group's export; return its batch inference job.

    Raises InputError where there is nothing to export.
    """
    wish = serving.get("export", {})
    name = wish.get("solution")
    solution = serving.get("solutions", {}).get(name)
    if not solution:
        remedy = "Drop data and let the pipeline finish, or name a solution under `export` in usher.yaml."
        raise InputError(
            [Problem(f"{group}/", f"has no live solution to export{f' ({name})' if name else ''}.", remedy)]
        )
    prefix = export_prefix(group, name)
    params: dict[str, Any] = {
        "jobName": f"{group}-{run}"[:63],
        "solutionVersionArn": solution["solutionVersionArn"],
        "roleArn": at.role_arn,
        "jobInput": {"s3DataSource": {"path": bucket.url(_write_input(bucket, group, name, f"{prefix}{run}/input/"))}},
        "jobOutput": {"s3DataDestination": {"path": bucket.url(f"{prefix}{run}/output/")}},
        "numResults": wish.get("numResults", 25),
    }
    if "filter" in wish:
        if wish["filter"] not in serving["filters"]:
            said = f"has no live filter {wish['filter']} to export with."
            raise InputError([Problem(f"{group}/", said, "See the group's last pipeline run.")])
        params["filterArn"] = serving["filters"][wish["filter"]]
    kind = KINDS["batch_inference_job"]
    arn = f"{at.arn_prefix}:{kind.arn.format(**params)}"
    return Resource(f"{kind.name}/{name}", kind.name, "export", params, arn=arn)


def publish(bucket: Bucket, job: Mapping[str, Any]) -> dict[str, Any]:
    """Make a finished job's output the latest export of its solution; return what `latest.json` says.

    Raises InputError where no line of it succeeded: the former export stays the latest.
    """
    folder = job["params"]["jobOutput"]["s3DataDestination"]["path"].removeprefix(bucket.url(""))
    files = [key for key in bucket.keys(folder) if key.endswith(".out")]
    lines = errors = 0
    for key in files:
        for line in bucket.lines(key):
            lines += 1
            errors += bool(json.loads(line).get("error"))
    if errors == lines:
        raise InputError([Problem(bucket.url(folder), f"has {lines} lines, all of them errors.", "See what they say.")])
    latest = {"files": files, "lines": lines, "errors": errors, "completedAt": now().isoformat()}
    bucket.write_json(f"{folder.rsplit('/', 3)[0]}/latest.json", latest)
    return latest


def _write_input(bucket: Bucket, group: str, solution: str, folder: str) -> str:
    """The key of the job's input: the group's own list of users, or one made of everyone in the interactions."""
    own = f"{group}/export/{solution}/users.jsonl"
    keys = bucket.keys(f"{group}/")
    if own in keys:
        return own
    files = ((key, bucket.open(key)) for key in data_keys(keys, group, "interactions"))
    users = "".join(json.dumps({"userId": user}) + "\n" for user in data.user_ids(files))
    bucket.write(f"{folder}users.jsonl", users.encode())
    return f"{folder}users.jsonl"
