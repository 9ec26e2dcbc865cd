"""Plan a run: take the group's lock, read and check what is wanted, and write down what is to be done.

In: `{step, input, execution, startedAt}`; the input is an S3 event, or `{group}` when a person or a schedule starts the
pipeline, with a task or a version to promote. Step `take` takes the group, step `plan` plans.
Out: `{outcome, group, run}`; outcome is CHECK (parts.json lists parts of the data to be checked first), GO (there is
work), DONE (there is none, or what was dropped is wrong; the run's record says), JOINED (another run is at work on
the group and will see to it) or NOTHING (none of our business).
"""

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from usher.aws import client
from usher.costs.ceilings import AboveCeilingError, Ceilings
from usher.costs.ledger import Spending
from usher.datasets.profile_cache import ProfileCache
from usher.datasets.read_limits import ReadLimits
from usher.errors import InputError
from usher.planning.input_copies import copy_inputs
from usher.planning.planner import Draft, draft
from usher.planning.tasks import Tasks
from usher.planning.version_pins import Pins
from usher.resources.target import Target
from usher.runs.lock import Lock, is_running
from usher.runs.naming import group_of_input
from usher.runs.record import Run, next_run
from usher.serving.serving_map import ServingMaps
from usher.storage.bucket import Bucket
from usher.storage.table import Table

bucket = Bucket(client("s3"), os.environ["BUCKET_NAME"])
table = Table(client("dynamodb"), os.environ["TABLE_NAME"])
lock = Lock(table, is_running(client("stepfunctions")))
pins, serving, spending, tasks = Pins(table), ServingMaps(table), Spending(table), Tasks(table)
ceilings = Ceilings.from_env(os.environ)
profiles = ProfileCache(bucket, ReadLimits.from_env(os.environ))
clients = {name: client(name) for name in ("personalize", "scheduler")}


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Do one step of a round of a pipeline execution."""
    group, execution = group_of_input(event["input"]), event["execution"]
    if not group:
        return {"outcome": "NOTHING", "group": None, "run": None}
    if event["step"] == "take":
        ask(group, event["input"], event["startedAt"])
    run = Run(bucket, group, next_run(lock, bucket, group, execution))
    if not lock.take(group, execution, run.name):
        return {"outcome": "JOINED", "group": group, "run": None}
    if event["step"] == "take":
        return {"outcome": "GO", "group": group, "run": run.name}
    record = run.begin(execution)
    try:
        if parts := profiles.missing_parts(group, run.name):
            bucket.write_json(run.key("parts.json"), list(map(asdict, parts)))
            run.write({**record, "note": f"{len(parts)} parts of the data are being checked."})
            return {"outcome": "CHECK", "group": group, "run": run.name}
        drafted, plan = order(run)
        if plan:
            run.write(plan, "plan.json")
    except InputError as error:
        run.write(record | {"data": error.report, "problems": error.as_dicts()})
        return {"outcome": "DONE", "group": group, "run": run.name}
    run.write({**record, **drafted.findings})
    return {"outcome": "GO" if drafted.is_work else "DONE", "group": group, "run": run.name}


def ask(group: str, given: dict[str, Any], started_at: str) -> None:
    """Write down what is asked for, so that a run at work sees it, too."""
    if "task" in given:
        tasks.request(group, given, started_at)
    else:
        pins.request(group, given)


def order(run: Run) -> tuple[Draft, Mapping[str, Any] | None]:
    """Order what a run is to make; return what it would do, and its plan, if there is one.

    What was asked for is forgotten where it costs too much, or all runs after it would, too.
    """
    asked = tasks.of(run.group)
    try:
        drafted = make_draft(run, asked)
        plan = drafted.plan and {**drafted.plan, "resources": copy_inputs(run, drafted)}
        if estimate := drafted.estimate:
            facts = {"standing": estimate.standing, "users": drafted.users}
            ceilings.order(spending, run.group, run.name, estimate, **facts)
    except AboveCeilingError:
        for name in asked:
            tasks.forget(run.group, name)
        raise
    return drafted, plan


def make_draft(run: Run, asked: Mapping[str, Any]) -> Draft:
    """The run's plan, with what was asked for.

    What failed before an execution is built again, as a person has dropped something since; what failed in its first
    round would fail again.
    """

    def resolve_pins(wanted: Any, live: Any) -> Any:
        return pins.resolve(clients["personalize"], run.group, wanted, live)

    drafted = draft(
        bucket,
        Target.from_env(run.group, run.name, os.environ),
        clients,
        serving.read(run.group),
        tasks=asked,
        resolve_pins=resolve_pins,
        retry_failed=run.is_first,
        ceilings=ceilings,
        limits=profiles.limits,
        past=spending.of(run.group),
    )
    if "import" in asked and not any(map(is_import, drafted.findings["resources"])):
        tasks.forget(run.group, "import")
    return drafted


def is_import(state: Any) -> bool:
    """Whether this is an import that is still to be done."""
    return bool(state.id.startswith("dataset_import_job/") and state.action != "reuse")
