"""The log of a run: a line of JSON for each decision, in the words of the run's record. `usher logs` shows them.

A record has nothing of people's data, so the lines have none either.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypedDict, cast

Record = Mapping[str, Any]
"""A `usher.run_record.RunRecord`, perhaps an empty one."""


class Decision(TypedDict, total=False):
    """A decision, its subject and its reason."""

    action: str
    """The action of a resource's state; else begin, refuse, note, leave, delete, serve, not serve, join or end."""
    resource: str
    """`<kind>/<name>`."""
    status: str
    reason: str


def decisions(before: Record, after: Record) -> Iterator[Decision]:
    """The decisions in a record that are not in an earlier one (perhaps empty). Pure."""
    if not before and after.get("outcome") == "RUNNING":
        yield {"action": "begin"}
    logged = set(map(json.dumps, _decisions_in(before)))
    yield from (one for one in _decisions_in(after) if json.dumps(one) not in logged)


def log_decisions(before: Record, after: Record) -> None:
    """Log the decisions in a record that are not in an earlier one."""
    for one in decisions(before, after):
        log_decision(after["group"], after["run"], one)


def log_decision(group: str, run: str, decision: Decision) -> None:
    """Log one decision about a run."""
    words = " ".join(filter(None, (decision["action"], decision.get("resource"), decision.get("status"))))
    message = ": ".join(filter(None, (words, decision.get("reason"))))
    line = {"level": "INFO", "message": message, "group": group, "run": run, **decision}
    print(json.dumps(line, ensure_ascii=False, separators=(",", ":")))  # noqa: T201 - Lambda logs what is printed


def _decisions_in(record: Record) -> Iterator[Decision]:
    """All decisions of a record."""
    yield from map(_of_state, [*record.get("resources", ()), *record.get("deletions", ())])
    yield from _of_problems("refuse", record.get("problems", ()))
    yield from _of_problems("note", record.get("notes", ()))
    for one in record.get("unmanaged", ()):
        yield {"action": "delete" if one["deleted"] else "leave", "resource": one["id"], "reason": one["reason"]}
    for version in record.get("versions", ()):
        action = "serve" if version["live"] else "not serve"
        yield {"action": action, "resource": f"solution_version/{version['solution']}", "reason": version["arn"]}
    if "endedAt" in record:
        yield {"action": "end", "status": record["outcome"], "reason": record["summary"]}


def _of_state(state: Mapping[str, Any]) -> Decision:
    members = {
        "action": state["action"],
        "resource": state["id"],
        "status": state["status"],
        "reason": state.get("reason"),
    }
    return cast(Decision, {name: value for name, value in members.items() if value})


def _of_problems(action: str, problems: Iterable[Mapping[str, Any]]) -> Iterator[Decision]:
    for one in problems:
        remedy = f" {one['remedy']}" if one.get("remedy") else ""
        yield {"action": action, "reason": f"{one['place']}: {one['message']}{remedy}"}
