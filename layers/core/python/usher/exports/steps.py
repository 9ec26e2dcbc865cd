"""The steps of an export's run, as the state machine takes them: each may be tried again, and goes on where it was."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from usher.costs.ledger import Spending
from usher.errors import InputError, UsherError
from usher.exports import export_job
from usher.run_record import RunChanges, RunRecord
from usher.runs.lock import Lock
from usher.runs.naming import EXPORT
from usher.runs.notifications import NOTIFICATION, Channels
from usher.runs.outcome import MAX_SUMMARY_LENGTH, RUN_PAGE, has_ended, problem_record
from usher.runs.record import Run, current_run
from usher.serving.export_store import ExportStore
from usher.serving.serving_map import ServingMaps
from usher.storage.bucket import Bucket
from usher.texts import listing

SHARES = 10
"""How many calls assemble the parts of an export between them, so that its history does not grow with the parts."""
WORK_SECONDS = 300
"""A call begins no further part after that: each has most of a function's 15 minutes."""
INPUTS = '{} for all, {"group": "<a folder of the bucket>"} for one group, and with "solution": "<name>" for one of its'


@dataclass(frozen=True, slots=True)
class Exporter:
    """One group's export of one solution at a time."""

    bucket: Bucket
    serving: ServingMaps
    table: ExportStore
    spending: Spending
    at: export_job.Setting
    lock_of: Callable[[str], Lock]
    """The lock of a solution's exports."""
    channels: Channels
    clock: Callable[[], float] = time.monotonic

    def find(self, given: Mapping[str, Any]) -> list[dict[str, str]]:
        """The exports that an execution's input asks for: group and solution."""
        if given.keys() - {"group", "solution"} or ("solution" in given and "group" not in given):
            raise UsherError(f"Start the export with {INPUTS}.")
        groups = [given["group"]] if "group" in given else self.serving.groups()
        return list(export_job.asked_for(given, {group: self.serving.read(group) for group in groups}))

    def prepare(self, group: str, solution: str, execution: str) -> dict[str, str]:
        """Take the export, and write its input and its plan."""
        lock = self.lock_of(solution)
        run = self._run(group, solution, execution)
        if not lock.take(group, execution, run.name):
            return {"run": run.name, "outcome": "JOINED"}
        record = run.begin(execution)
        try:
            serving, past = self.serving.read(group), self.spending.of(group)
            plan, notes, estimate = export_job.prepare(self.bucket, group, solution, run.name, serving, self.at, past)
            self.at.ceilings.order(self.spending, group, run.name, estimate)
        except InputError as error:
            run.write(record | {"problems": error.as_dicts()})
            return {"run": run.name, "outcome": "FAILED"}
        run.write(plan, "plan.json")
        run.write(record | {"notes": notes})
        return {"run": run.name, "outcome": "READY"}

    def collect(self, group: str, run: str) -> dict[str, Any]:
        """The shares in which to assemble its files, and where to begin to load them into the table: None for not."""
        if not is_ready(Run(self.bucket, group, run).read()):
            return {"shares": [], "place": None}
        export = self._export(group, run)
        files = export_job.answers(self.bucket, export)
        count = min(len(files), SHARES)
        shares = [{"file": first, "step": count} for first in range(count)]
        return {"shares": shares, "place": {"file": 0, "byte": 0} if files and export["wish"]["table"] else None}

    def assemble(self, group: str, run: str, share: Mapping[str, int]) -> dict[str, int] | None:
        """Make the files of a share of the answers; what is left of the share, or None at the end.

        `share`: the number of the `file` to begin with, and by how many to `step`.
        """
        export, start = self._export(group, run), self.clock()
        files = export_job.answers(self.bucket, export)
        for number in range(share["file"], len(files), share["step"]):
            export_job.assemble(self.bucket, group, export, files[number])
            if self.clock() - start > WORK_SECONDS:
                return {"file": number + share["step"], "step": share["step"]}
        return None

    def load(self, group: str, run: str, place: Mapping[str, int]) -> dict[str, int] | None:
        """Load answers into the table, from a place on; where to go on, or None at the end."""
        export, begun = self._export(group, run), Run(self.bucket, group, run).read()["startedAt"]
        key = {"group": group, "solution": export["solution"], "member": export["shape"]["key"]}
        files = export_job.answers(self.bucket, export)
        return self.table.load(self.bucket, files, datetime.fromisoformat(begun), place, key)

    def publish(
        self, group: str, solution: str, execution: str, run: str | None, error: Mapping[str, str] | None
    ) -> dict[str, str]:
        """Point `latest.json` at a complete export, tell about what went wrong, and give the export back."""
        this = Run(self.bucket, group, run) if run else self._run(group, solution, execution)
        record = this.read_or_empty()
        if not has_ended(record, error):
            record = self._conclude(this, record, execution, error)
        try:
            self.channels.deliver(this, record)
        finally:
            self.lock_of(solution).release(group, execution, this.name)
        return {"group": group, "outcome": record["outcome"], "cause": record["summary"]}

    def _conclude(self, run: Run, record: RunRecord, execution: str, error: Mapping[str, str] | None) -> RunRecord:
        """Point `latest.json` at a complete export, and write the run's last record."""
        more: RunChanges = {}
        if is_ready(record) and not error:
            try:
                export = self._export(run.group, run.name)
                manifest, notes = export_job.publish(self.bucket, run.name, export, record["startedAt"])
                more = {"export": manifest, "notes": [*record["notes"], *map(problem_record, notes)]}
                if notes:
                    more["summary"] = listing(list(map(str, notes)), MAX_SUMMARY_LENGTH, RUN_PAGE)
            except InputError as wrong:
                run.write(record | {"problems": wrong.as_dicts()})
        return run.conclude(
            execution,
            error,
            more,
            lambda ended: [NOTIFICATION] if ended["outcome"] == "FAILED" or "summary" in more else [],
        )

    def _run(self, group: str, solution: str, execution: str) -> Run:
        """The run for which the execution has the export, or a new one."""
        lock, suffix = self.lock_of(solution), f"-{solution or 'no'}{EXPORT}"
        return Run(self.bucket, group, current_run(lock, self.bucket, group, execution, suffix))

    def _export(self, group: str, run: str) -> dict[str, Any]:
        """What the run's plan tells of the export."""
        return export_job.facts_of(Run(self.bucket, group, run).read("plan.json"), group, run)


def is_ready(record: RunRecord) -> bool:
    """Whether a run's batch jobs have all succeeded."""
    states = record.get("resources", [])
    return bool(states) and all(state["status"] == "READY" for state in states)
