"""One pass over a stage of a run's plan. Any pass may be repeated."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from usher.clients import Clients, EventBridgeClient
from usher.exports.group_cleanup import clean_up
from usher.passes.removed_group import forget_group
from usher.planning.immediate_pins import promote_pinned
from usher.planning.next_serving_map import next_map
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
from usher.runs.record import Run
from usher.serving.export_store import ExportStore
from usher.serving.serving_map import CACHE_SECONDS, ServingMaps, served_arns
from usher.storage.bucket import Bucket
from usher.storage.table import Table

ENDED_FOR_REMOVAL = "The run ended early, as the removal of the group was requested."
PROMOTION_SECONDS = 30
"""Seconds between two look-ups of a campaign that is being updated to a chosen version."""
CACHES_EXPIRE_SECONDS = max(MIN_SECONDS, int(CACHE_SECONDS * 2))
"""The seconds after which no API function answers from a replaced serving map."""


class PassOutcome(TypedDict):
    """The result of a pass."""

    settled: bool
    """Whether the stage is done, successfully or not."""
    waitSeconds: int | None
    """The seconds until the next pass, if the stage is not done."""
    toDelete: bool
    """Whether the plan deletes anything."""


@dataclass(frozen=True, slots=True)
class Work:
    """A run's plan, and its record after the last pass."""

    run: Run
    plan: Plan
    record: RunRecord

    @property
    def is_evaluation(self) -> bool:
        """Whether the plan is about an evaluation's own dataset group."""
        return self.plan.group != self.run.group

    @property
    def elapsed(self) -> float:
        """Seconds since the last pass."""
        return self.record.get("waitSeconds") or 0


@dataclass(frozen=True, slots=True)
class Passes:
    """Makes passes over the plans of runs."""

    bucket: Bucket
    table: Table
    clients: Clients
    events: EventBridgeClient
    stack_arn: str

    def promote(self, group: str) -> PassOutcome:
        """Put the versions into service that people have chosen, without waiting for the running run."""
        serving, pins = ServingMaps(self.table), Pins(self.table).holding(self.clients["personalize"], group)
        former = serving.read(group)
        content, is_under_way = promote_pinned(self._inventory(never_refuse), former, pins)
        if content != former:
            is_written = serving.replace(group, content, former)
            serving.date_live_versions(group)
            is_under_way = is_under_way or not is_written
        return _outcome(PROMOTION_SECONDS if is_under_way else None)

    def make_pass(self, group: str, name: str, stage: str) -> PassOutcome:
        """Make one pass over a stage, unless its run has ended: a function outlives a stopped execution.

        An evaluation's dataset group is deleted even after its run has ended.
        """
        run = Run(self.bucket, group, name)
        plan, record = run.plan(), run.read()
        work = Work(run, plan, record)
        check_reach(plan, group, self.stack_arn, self.bucket.url(""))
        if not (work.is_evaluation and stage == "delete"):
            run.require_open(record)
        may_end_early = not (work.is_evaluation or plan.removal or stage == "export")
        if may_end_early and REMOVAL in Tasks(self.table).of(group):
            run.update({"waitSeconds": None, "note": ENDED_FOR_REMOVAL})
            return _outcome(None)
        wait = self._delete(work) if stage == "delete" else self._advance(work, stage)
        return _outcome(wait, to_delete=bool(plan.to_delete or plan.removal))

    def _advance(self, work: Work, stage: str) -> int | None:
        """Create and update the resources that can be now; return the seconds until the next pass, or None."""
        run, plan, before = work.run, work.plan, work.record.get("resources", [])
        pins = {} if work.is_evaluation else Pins(self.table).holding(self.clients["personalize"], run.group)
        resources = with_pins(plan.resources, pins)

        def one_pass(room: Collection[str]) -> tuple[list[State], int | None]:
            inventory = self._inventory(run.require_open)
            return advance(
                inventory, resources, stage, plan.known_failures, before, work.elapsed, plan.expected_seconds, room
            )

        # A removal deletes all resources, those of an evaluation among them: they make no room for others.
        states, wait = one_pass(() if plan.removal else {one.kind for one in plan.to_delete})
        if any(state.lacks_room for state in states):
            if seconds := self._make_room(work, states):
                wait = min(wait or seconds, seconds)
            elif not is_at_work(states):
                states, wait = one_pass(())
        self._send_changes(run, before, states)
        run.update({"stage": stage, "waitSeconds": wait, "resources": states})
        return wait

    def _make_room(self, work: Work, states: list[State]) -> int:
        """Delete resources to make room, once others answer for them; return the seconds until there is room, or 0."""
        run, plan, serving = work.run, work.plan, ServingMaps(self.table)
        before, former = work.record.get("deletions", []), serving.read(plan.group)
        leaving, content = leaving_now(plan, states, before, former)
        if not leaving:
            return 0
        if content != former:
            serving.replace(plan.group, content, former)
            return CACHES_EXPIRE_SECONDS
        inventory = self._inventory(run.require_open)
        gone, seconds = delete_unmanaged(inventory, leaving, served_arns(content), before, work.elapsed)
        self._send_changes(run, before, gone)
        ids = {state.id for state in gone}
        run.update({"deletions": [*(one for one in before if one["id"] not in ids), *gone]})
        return seconds or MIN_SECONDS

    def _delete(self, work: Work) -> int | None:
        """Delete the resources that can be now, once no request is answered through them; return the seconds until the
        next pass.

        The first pass replaces the serving map, and the next one waits until the API functions' caches have expired.
        None: all is done.
        """
        run, plan, record, serving = work.run, work.plan, work.record, ServingMaps(self.table)
        former = serving.read(plan.group)
        content = {} if plan.removal else next_map(plan, record["resources"], former)
        if content != former:
            serving.replace(plan.group, content, former) if content else serving.remove(plan.group)
            return CACHES_EXPIRE_SECONDS
        before = record.get("deletions", [])
        inventory = self._inventory(never_refuse if work.is_evaluation else run.require_open)
        states, wait = delete_unmanaged(inventory, plan.to_delete, served_arns(content), before, work.elapsed)
        self._send_changes(run, before, states)
        changes: dict[str, Any] = {"deletions": states}
        if wait is None and plan.removal and not work.is_evaluation:
            exported, start = ExportStore(self.table), record.get("cleanup")
            changes["cleanup"] = clean_up(self.bucket, exported, plan.group, start, run.require_open)
            wait = MIN_SECONDS if changes["cleanup"] else None
        run.update({"stage": "delete", "waitSeconds": wait, **changes}, even_if_ended=work.is_evaluation)
        if wait is None and plan.removal:
            forget_group(self.table, plan.group)
        return wait

    def _send_changes(self, run: Run, before: Sequence[StateRecord], states: list[State]) -> None:
        """Send an event for every resource whose state has changed."""
        put_change_events(self.events, {"group": run.group, "run": run.name}, changed_states(before, states))

    def _inventory(self, require_open: Callable[[], None]) -> Inventory:
        """The resources that exist, looked up anew."""
        return Inventory(self.clients, self.stack_arn, require_open=require_open)


def _outcome(wait: int | None, *, to_delete: bool = False) -> PassOutcome:
    return {"settled": wait is None, "waitSeconds": wait, "toDelete": to_delete}
