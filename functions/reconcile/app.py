"""Advance a run's plan by what can be advanced now.

In: `{group, run, stage}`; stages: import, train, retire, export. Out: `{settled, waitSeconds, leftovers}`; leftovers:
whether something is to be retired. The run's record tells the state of every resource.
"""

import os
from typing import Any

from usher.aws import ONCE, client
from usher.costs.ledger import Spending
from usher.exports.erasure import erase
from usher.planning.tasks import Tasks
from usher.planning.version_pins import Pins
from usher.resources.deletion import retire
from usher.resources.inventory import Inventory
from usher.resources.kinds import Resource
from usher.resources.polling import SHORTEST
from usher.resources.reconcile import advance
from usher.run_record import RunRecord
from usher.runs.documents import check_reach
from usher.runs.notifications import changed_states, put_change_events
from usher.runs.record import Run
from usher.serving.export_store import ExportTable
from usher.serving.serving_map import FRESH_SECONDS, Serving, arns_in, serving_map
from usher.storage.bucket import Bucket
from usher.storage.table import Table

bucket = Bucket(client("s3"), os.environ["BUCKET_NAME"])
table = Table(client("dynamodb"), os.environ["TABLE_NAME"])
serving = Serving(table)
answers = ExportTable(table)
pins, tasks = Pins(table), Tasks(table)
spending = Spending(table)
clients = {name: client(name) for name in ("personalize", "scheduler")}
clients["personalize-once"] = client("personalize", ONCE)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take one look at a stage."""
    run = Run(bucket, event["group"], event["run"])
    plan, record = run.read("plan.json"), run.read()
    check_reach(plan, run.group, os.environ["STACK_ARN"], bucket.url(""))
    look = clear if event["stage"] == "retire" else build
    wait = look(run, plan, record, event["stage"])
    return {"settled": wait is None, "waitSeconds": wait, "leftovers": bool(plan.get("delete") or plan.get("removed"))}


def inventory() -> Inventory:
    """What is there, as of now."""
    return Inventory(clients, os.environ["STACK_ARN"])


def build(run: Run, plan: dict[str, Any], record: RunRecord, stage: str) -> int | None:
    """Bring resources up; return how long to wait, or None."""
    wanted = [Resource(**resource) for resource in plan["resources"]]
    before, slept = record.get("resources", []), record.get("waitSeconds") or 0
    states, wait = advance(inventory(), wanted, stage, plan["excused"], before, slept, plan.get("usual", {}))
    put_change_events(client("events"), {"group": run.group, "run": run.name}, changed_states(before, states))
    run.update({"stage": stage, "waitSeconds": wait, "resources": states})
    return wait


def clear(run: Run, plan: dict[str, Any], record: RunRecord, stage: str) -> int | None:
    """Delete what is not wanted, once nobody is answered through it; return how long to wait, or None.

    First the serving map switches, and the API functions' copies of it grow old.
    """
    group = plan["group"]  # an evaluation's is not the one that its run is kept under
    before = serving.read(group)
    content = {} if plan.get("removed") else serving_map(plan, record["resources"], before)
    if content != before:
        serving.write(group, content) if content else serving.remove(group)
        return max(SHORTEST, int(FRESH_SECONDS * 2))
    past, slept = record.get("retired", []), record.get("waitSeconds") or 0
    states, wait = retire(inventory(), plan["delete"], arns_in(content), past, slept)
    put_change_events(client("events"), {"group": run.group, "run": run.name}, changed_states(past, states))
    findings: dict[str, Any] = {"retired": states}
    if wait is None and plan.get("removed") and run.group == group:
        findings["erasing"] = erase(bucket, answers, group, record.get("erasing"))
        wait = SHORTEST if findings["erasing"] else None
    run.update({"stage": stage, "waitSeconds": wait, **findings}, even_if_ended=bool(plan.get("removed")))
    if wait is None and plan.get("removed"):
        tasks.clear(group)
        pins.clear(group)
        spending.expire(group)
    return wait
