"""Saved schedules, also of other makers than stacks: Usher makes one for each training schedule of a group."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from moto.core import DEFAULT_ACCOUNT_ID
from moto.scheduler.models import EventBridgeSchedulerBackend, Schedule, ScheduleGroup, scheduler_backends

from usher_local.cloud.access.credentials import REGION
from usher_local.cloud.core.patching import replaced
from usher_local.cloud.state.changes import Arguments, Changes
from usher_local.store import Store

SCHEDULE = "schedule"
MEMBERS = (
    "description",
    "end_date",
    "flexible_time_window",
    "group_name",
    "kms_key_arn",
    "name",
    "schedule_expression",
    "schedule_expression_timezone",
    "start_date",
    "state",
    "target",
    "action_after_completion",
)
"""The members from which moto makes a schedule."""
TIMES = ("creation_date", "last_modified_date")


class Subject(NamedTuple):
    """A schedule."""

    group: str
    name: str


class Schedules:
    """The saved schedules of the account. While `restoring`, none is deleted from the store."""

    def __init__(self, store: Store) -> None:
        self.restoring = True
        self._store = store
        self._changes = Changes(self._keep)

    @property
    def _backend(self) -> Any:
        return scheduler_backends[DEFAULT_ACCOUNT_ID][REGION]

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Save every change before its request is answered."""
        with ExitStack() as stack:
            for owner, name, touched in (
                (EventBridgeSchedulerBackend, "create_schedule", named),
                (EventBridgeSchedulerBackend, "update_schedule", named),
                (ScheduleGroup, "delete_schedule", lambda call: Subject(call["self"].name, call["name"])),
            ):
                stack.enter_context(replaced(owner, name, self._changes.of(vars(owner)[name], touched)))
            yield

    def restore(self) -> dict[str, int]:
        """Make the schedules that no stack has made, in existing groups. Returns the number of restored schedules."""
        added = 0
        groups = self._backend.schedule_groups
        for _, row in self._store.rows(SCHEDULE):
            group = groups.get(row["group_name"])
            if group and row["name"] not in group.schedules:
                made = {name: row[name] for name in MEMBERS} | {"start_date": None}  # the start date may be past by now
                schedule = Schedule(account_id=DEFAULT_ACCOUNT_ID, region=REGION, **made)
                vars(schedule).update(row)
                group.add_schedule(schedule)
                added += 1
        self.restoring = False
        return {"schedules": added}

    def _keep(self, subject: Subject) -> None:
        group = self._backend.schedule_groups.get(subject.group)
        schedule = group and group.schedules.get(subject.name)
        key = f"{subject.group}/{subject.name}"
        if schedule:
            self._store.put(SCHEDULE, key, {name: getattr(schedule, name) for name in (*MEMBERS, *TIMES)})
        elif not self.restoring:
            self._store.delete(SCHEDULE, key)


def named(call: Arguments) -> Subject:
    """The schedule in a call."""
    return Subject(call["group_name"] or "default", call["name"])
