"""Tasks: requests of people and schedules beyond a group's files, such as a training, an import, or its removal.

The pipeline takes them as its input, `{group, task, ...}`. They are one item of the table, so that a running execution
sees them in its next run. A task is identified by its time. Resources made for it carry that time, so that each is made
once.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from usher.errors import UsherError
from usher.storage.table import Table
from usher.texts import clean

ITEM = "tasks"
PREFIX = "@"
"""The prefix of a task's name, which may be that of a key attribute."""
BEGUN = "begun@"
"""The prefix of the name of a task whose runs are counted."""
TASKS = {
    "import": set[str](),
    "retrain": {"solution", "trainingMode"},
    "batch": {"job"},
    "segments": {"job"},
    "idle": {"solution"},
    "wake": {"solution"},
    "remove": set[str](),
    "erase": {"list"},
}
"""The further members of each task."""
REMOVAL = "remove"
IDLE_PREFIX = "idle#"
"""The prefix of a solution with an idle campaign. The task stays in the table, as the state of that campaign."""
ERASURE = "erase"
MAX_ERASURES = 5
"""The most runs that try the same erasure: one that can't end must not block the group's other runs."""
CLOSED = "closed"
"""The attribute with the time of a group's removal or its request. A later drop deletes it."""
REFUSED = "refused"
"""The attribute of a removal that can't be planned at present."""
MAX_LENGTH = 63
"""The most characters of a member: Personalize's longest names."""
RequestedTasks = Mapping[str, Mapping[str, str]]
"""A task's time (`at`) and its members, by task and, if there are several, name (`retrain#for-you`)."""
USAGE = (
    'To request a task, start the pipeline with {"group": "...", "task": "..."}. Tasks: import, '
    "retrain (optional: solution, trainingMode), batch and segments (required: job), "
    "idle and wake (required: solution), remove. For erase: usher erase."
)


@dataclass(frozen=True, slots=True)
class Tasks:
    """The tasks in the table."""

    table: Table

    def request(self, group: str, request: Mapping[str, Any], started_at: str) -> None:
        """Record the task that an execution's input requests, if any. Raises UsherError for a malformed one.

        `started_at`: ISO time of the execution, which counts if the input names none. An older task changes nothing.
        """
        if "task" not in request:
            return
        if not all(isinstance(one, str) for one in request.values()) or request["task"] not in TASKS:
            raise UsherError(USAGE)
        members = {
            name: clean(value, MAX_LENGTH) for name, value in request.items() if name not in {"group", "task", "at"}
        }
        if members.keys() - TASKS[request["task"]]:
            raise UsherError(USAGE)
        of = next((members.pop(name) for name in ("solution", "job", "list") if name in members), "")
        if request["task"] == ERASURE and not of:
            raise UsherError(USAGE)
        task = json.dumps({"at": clean(request.get("at", started_at), MAX_LENGTH), **members})
        names = {"#name": f"{PREFIX}{request['task']}#{of}".rstrip("#")}
        # `at` comes first in the text, so that texts sort by time
        condition = "attribute_not_exists(#name) OR #name < :task"
        closing = f", {CLOSED} = :task" if request["task"] == REMOVAL else ""
        self.table.update(group, ITEM, f"SET #name = :task{closing}", {":task": task}, names, condition)

    def of(self, group: str) -> dict[str, dict[str, str]]:
        """A group's tasks, by task and, if there are several, name: `retrain#for-you`. Erasures are not among them."""
        return {name: task for name, task in self._all(group).items() if not name.startswith(ERASURE)}

    def next_erasure(self, group: str) -> str:
        """The name of the list of the oldest request to erase users; empty if there is none.

        A request is abandoned after MAX_ERASURES runs that did not end it.
        """
        waiting = {name: task for name, task in self._all(group).items() if name.startswith(ERASURE)}
        for name in sorted(waiting, key=lambda name: waiting[name]["at"]):
            known = self.table.update(group, ITEM, "ADD #begun :one", {":one": 1}, {"#begun": BEGUN + name})
            if known and known[BEGUN + name] <= MAX_ERASURES:
                return name.partition("#")[2]
            self.forget(group, name)
        return ""

    def _all(self, group: str) -> dict[str, dict[str, str]]:
        item = self.table.get(group, ITEM)
        return {name.removeprefix(PREFIX): json.loads(text) for name, text in item.items() if name.startswith(PREFIX)}

    def reopen(self, group: str, started_at: str) -> None:
        """Record that a group is wanted again, after a request for its removal; a refused removal stays requested.

        `started_at`: ISO time of the execution. A request for removal that came after it stays, as a function may be
        slow.
        """
        values = {":now": json.dumps({"at": started_at})}
        condition = f"{CLOSED} <= :now AND attribute_not_exists({REFUSED})"
        self.table.update(group, ITEM, f"REMOVE {CLOSED}, expires", values, condition=condition)

    def refuse_removal(self, group: str) -> None:
        """Record that a removal can't be planned: the next drop corrects that."""
        self.table.update(group, ITEM, f"SET {REFUSED} = :yes", {":yes": True})

    def begin_removal(self, group: str) -> bool:
        """Record that a removal is planned; return whether the group is wanted again after it."""
        return CLOSED not in (self.table.update(group, ITEM, f"REMOVE {REFUSED}") or {})

    def is_closed(self, group: str) -> bool:
        """Whether the last request for a group is its removal."""
        return CLOSED in self.table.get(group, ITEM)

    def forget(self, group: str, name: str) -> None:
        """Delete a finished task."""
        self.table.update(group, ITEM, "REMOVE #name, #begun", names={"#name": PREFIX + name, "#begun": BEGUN + name})

    def clear(self, group: str, expires: int) -> None:
        """Delete all tasks of a removed group, except erasures: files of events stay.

        `expires`: the time until which the table marks the group as closed, in Unix seconds.
        """
        names = {f"#task{number}": PREFIX + name for number, name in enumerate(self.of(group))}
        removal = f" REMOVE {', '.join(names)}" if names else ""
        is_closed = f"attribute_exists({CLOSED})"
        if not self.table.update(group, ITEM, f"SET expires = :then{removal}", {":then": expires}, names, is_closed):
            self.table.delete(group, ITEM, f"attribute_not_exists({CLOSED})")
