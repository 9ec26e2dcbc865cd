"""Plan a run: take the group's lock, read and check what is wanted, and write down what is to be done.

In: `{input, execution}`; the input is an S3 event, or `{group}` when a person starts the pipeline by hand.
Out: `{outcome, group, run}`; outcome is GO (there is work), DONE (there is none, or what was dropped is wrong; the
run's record says), JOINED (another run is at work on the group and will see to it) or NOTHING (no config or data).
"""

import os
from typing import Any

from usher.aws import client
from usher.bucket import Bucket
from usher.errors import InputError
from usher.intake import recipe_type, take_in
from usher.plan import Setting, recipe_arn, resources, serving_wishes
from usher.reconcile import foresee
from usher.runs import Lock, Run, concerned_group, is_running, run_name

bucket = Bucket(client("s3"), os.environ["BUCKET_NAME"])
lock = Lock(client("dynamodb"), os.environ["TABLE_NAME"], is_running(client("stepfunctions")))
personalize = client("personalize")


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Plan one round of a pipeline execution."""
    group, execution = concerned_group(event["input"]), event["execution"]
    if not group:
        return {"outcome": "NOTHING", "group": None, "run": None}
    run = Run(bucket, group, run_name(execution))
    first_round = not lock.run(group, execution)
    if not lock.take(group, execution, run.name):
        return {"outcome": "JOINED", "group": group, "run": None}
    record = run.begin(execution)
    setting = Setting(group, run.name, os.environ["PERSONALIZE_ARN_PREFIX"], os.environ["PERSONALIZE_ROLE_ARN"])
    try:
        findings = plan(run, setting, first_round)
    except InputError as error:
        findings = {"problems": error.as_dicts()}
    run.write(record | findings)
    work = any(state.action != "none" for state in findings.get("resources", []))
    return {"outcome": "GO" if work else "DONE", "group": group, "run": run.name}


def plan(run: Run, setting: Setting, first_round: bool) -> dict[str, Any]:
    """Write the run's plan; return what its record tells about it.

    What failed before an execution is built again, as a person has dropped something since; what failed in its first
    round would fail again.
    """
    intake = take_in(bucket, run.group, personalize, setting.arn_prefix)
    if intake is None:
        return {"note": f"Nothing to do until there is {run.group}/interactions.csv or {run.group}/interactions/*.csv."}
    wanted = resources(setting, intake.config, intake.data)
    states, excused = foresee(personalize, wanted, forgiving=first_round)
    types = {one.name: recipe_type(personalize, recipe_arn(setting, one.recipe)) for one in intake.config.solutions}
    wishes = serving_wishes(intake.config, types)
    run.write({"group": run.group, "resources": wanted, "excused": excused, **wishes}, "plan.json")
    return {"data": intake.report, "resources": states}
