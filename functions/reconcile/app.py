"""Make one pass over a run's plan.

In: `{group, run, stage}`; stages: import, train, export, delete. Out: `{settled, waitSeconds, toDelete}`: whether the
stage is done, the seconds until the next pass if not, and whether the plan deletes anything. The run's record has the
state of every resource. The stage promote has no run: a version that a person has chosen serves at once.
"""

import os
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import Any

from usher.access.keys import Keys
from usher.aws import NO_RETRY, client, now
from usher.catalogue.entries import Catalogues
from usher.costs.ledger import Spending
from usher.exports.group_cleanup import clean_up
from usher.planning.immediate_pins import promote
from usher.planning.pins import Pins, with_pins
from usher.planning.quota_check import leaving_now
from usher.planning.tasks import REMOVAL, Tasks
from usher.resources.deletion import delete_unmanaged
from usher.resources.inventory import Inventory, never_refuse
from usher.resources.plan import Plan
from usher.resources.polling import MIN_SECONDS
from usher.resources.reconcile import advance, is_at_work
from usher.resources.states import State
from usher.run_record import RunRecord, StateRecord
from usher.runs.documents import check_reach
from usher.runs.notifications import changed_states, put_change_events
from usher.runs.pauses import resume
from usher.runs.record import Run
from usher.serving.demand import Demand
from usher.serving.export_store import ExportStore
from usher.serving.next_serving_map import next_map
from usher.serving.popular_lists import PopularLists
from usher.serving.serving_map import CACHE_SECONDS, ServingMaps, served_arns
from usher.storage.bucket import Bucket
from usher.storage.table import Table

RequireOpen = Callable[[], None]
"""An Inventory's `require_open`."""
ENDED_FOR_REMOVAL = "The run ended early, as the removal of the group was requested."
REMEMBER_REMOVAL_DAYS = 30
"""For that long, the table remembers that a group was removed: neither schedules nor promotions make it again."""
PROMOTION_SECONDS = 30
"""Between two looks at a campaign that is being updated to a chosen version."""
CACHES_EXPIRE_SECONDS = max(MIN_SECONDS, int(CACHE_SECONDS * 2))
"""After that, no API function answers from a serving map that was replaced."""

bucket = Bucket(client("s3"), os.environ["BUCKET_NAME"])
table = Table(client("dynamodb"), os.environ["TABLE_NAME"])
serving, exported, spending = ServingMaps(table), ExportStore(table), Spending(table)
pins, tasks = Pins(table), Tasks(table)
popular, catalogues = PopularLists(table), Catalogues(table)
personalize = client("personalize")
clients = {
    "personalize": personalize,
    "personalize-once": client("personalize", NO_RETRY),
    "scheduler": client("scheduler"),
}


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Make one pass over a stage, unless its run has ended: a function outlives an execution that is stopped."""
    if event["stage"] == "promote":
        return serve_pins(event["group"])
    run = Run(bucket, event["group"], event["run"])
    plan, record = run.plan(), run.read()
    check_reach(plan, run.group, os.environ["STACK_ARN"], bucket.url(""))
    is_own = plan.group == run.group
    is_cleared_up = event["stage"] == "delete" and not is_own  # after an evaluation, also once its run has ended
    require_open = never_refuse if is_cleared_up else run.require_open
    if not is_cleared_up:
        run.require_open(record)
    if is_own and event["stage"] != "export" and not plan.removal and REMOVAL in tasks.of(run.group):
        run.update({"waitSeconds": None, "note": ENDED_FOR_REMOVAL})
        return {"settled": True, "waitSeconds": None, "toDelete": False}
    if event["stage"] == "delete":
        wait = pass_of_deletions(run, plan, record, require_open)
    else:
        wait = pass_of_stage(run, plan, record, event["stage"], require_open)
    return {"settled": wait is None, "waitSeconds": wait, "toDelete": bool(plan.to_delete or plan.removal)}


def serve_pins(group: str) -> dict[str, Any]:
    """Let the versions that people have chosen serve, without waiting for the run that is at work."""
    former = serving.read(group)
    content, is_under_way = promote(inventory(never_refuse), former, pins.holding(personalize, group))
    if content != former:
        serving.replace(group, content, former)
        serving.date(group)
    wait = PROMOTION_SECONDS if is_under_way else None
    return {"settled": wait is None, "waitSeconds": wait, "toDelete": False}


def pass_of_stage(run: Run, plan: Plan, record: RunRecord, stage: str, require_open: RequireOpen) -> int | None:
    """Create and update what can be now; return the seconds until the next pass, or None."""
    before, elapsed = record.get("resources", []), record.get("waitSeconds") or 0
    chosen = pins.holding(personalize, run.group) if plan.group == run.group else {}
    resources = with_pins(plan.resources, chosen)

    def one_pass(room: Collection[str]) -> tuple[list[State], int | None]:
        return advance(
            inventory(require_open), resources, stage, plan.known_failures, before, elapsed, plan.expected_seconds, room
        )

    # What a removal deletes is all that was made, an evaluation's among it: nothing of it makes room for the rest.
    states, wait = one_pass(() if plan.removal else {one.kind for one in plan.to_delete})
    if any(state.lacks_room for state in states):
        if seconds := make_room(run, plan, states, record, require_open):
            wait = min(wait or seconds, seconds)
        elif not is_at_work(states):
            states, wait = one_pass(())
    send_changes(run, before, states)
    run.update({"stage": stage, "waitSeconds": wait, "resources": states})
    return wait


def make_room(run: Run, plan: Plan, states: list[State], record: RunRecord, require_open: RequireOpen) -> int:
    """Delete what is in the way, once others answer in its place; return the seconds until there is room, or 0."""
    before, former = record.get("deletions", []), serving.read(plan.group)
    leaving, content = leaving_now(plan, states, before, former)
    if not leaving:
        return 0
    if content != former:
        serving.replace(plan.group, content, former)
        return CACHES_EXPIRE_SECONDS
    gone, seconds = delete_unmanaged(
        inventory(require_open), leaving, served_arns(content), before, record.get("waitSeconds") or 0
    )
    send_changes(run, before, gone)
    ids = {state.id for state in gone}
    run.update({"deletions": [*(one for one in before if one["id"] not in ids), *gone]})
    return seconds or MIN_SECONDS


def pass_of_deletions(run: Run, plan: Plan, record: RunRecord, require_open: RequireOpen) -> int | None:
    """Delete what can be now, once no request is answered through it; return the seconds until the next pass, or None.

    The first pass replaces the serving map, and the next one waits until the API functions' caches have expired.
    """
    former = serving.read(plan.group)
    content = {} if plan.removal else next_map(plan, record["resources"], former)
    if content != former:
        serving.replace(plan.group, content, former) if content else serving.remove(plan.group)
        return CACHES_EXPIRE_SECONDS
    before, elapsed = record.get("deletions", []), record.get("waitSeconds") or 0
    states, wait = delete_unmanaged(inventory(require_open), plan.to_delete, served_arns(content), before, elapsed)
    send_changes(run, before, states)
    change: dict[str, Any] = {"deletions": states}
    if wait is None and plan.removal and run.group == plan.group:
        change["cleanup"] = clean_up(bucket, exported, plan.group, record.get("cleanup"), require_open)
        wait = MIN_SECONDS if change["cleanup"] else None
    run.update({"stage": "delete", "waitSeconds": wait, **change}, even_if_ended=plan.group != run.group)
    if wait is None and plan.removal:
        forget_group(plan.group)
    return wait


def forget_group(group: str) -> None:
    """Take a removed group out of the table; what it has spent stays for the ceilings and the ledger."""
    tasks.clear(group, int((now() + timedelta(days=REMEMBER_REMOVAL_DAYS)).timestamp()))
    pins.clear(group)
    resume(table, group)
    catalogues.forget(group)
    popular.remove(group)
    Demand(table).remove(group)
    Keys(table).remove(group)
    spending.expire(group)


def send_changes(run: Run, before: Sequence[StateRecord], states: list[State]) -> None:
    """Send an event for every resource whose state has changed."""
    put_change_events(client("events"), {"group": run.group, "run": run.name}, changed_states(before, states))


def inventory(require_open: RequireOpen) -> Inventory:
    """The resources that exist, looked up anew in each pass."""
    return Inventory(clients, os.environ["STACK_ARN"], require_open=require_open)
