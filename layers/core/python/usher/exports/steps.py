"""The steps of an export's run, as the state machine calls them. Every step can be retried, and resumes."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from usher.costs.ledger import Spending
from usher.errors import InputError, UsherError
from usher.exports.assembly import assemble_output
from usher.exports.documents import ExportPlan
from usher.exports.export_job import ExportTarget, prepare_export, requested_exports
from usher.exports.publication import publish_export
from usher.routes import ROUTES
from usher.run_record import RunChanges, RunRecord
from usher.runs.decision_log import log_decision
from usher.runs.lock import Lock
from usher.runs.naming import EXPORT
from usher.runs.notifications import NOTIFICATION, Channels
from usher.runs.outcome import MAX_SUMMARY_LENGTH, RUN_PAGE, has_ended, problem_record
from usher.runs.pauses import pause_of
from usher.runs.record import Run, current_run
from usher.serving.export_store import ExportStore
from usher.serving.popular_lists import PopularLists
from usher.serving.serving_map import ServingMaps
from usher.storage.bucket import Bucket
from usher.texts import listing

SHARES = 10
"""The number of calls that assemble an export's files: the history of its execution does not grow with its files."""
WORK_SECONDS = 300
"""The seconds after which a call begins no further file: a file has most of a function's 15 minutes."""
INPUTS = '{} for all, {"group": "<a folder of the bucket>"} for one group, and with "solution": "<name>" for one of its'


@dataclass(frozen=True, slots=True)
class Exporter:
    """Makes the export of one group's solution at a time."""

    bucket: Bucket
    serving: ServingMaps
    table: ExportStore
    popular: PopularLists
    spending: Spending
    target: ExportTarget
    lock_of: Callable[[str], Lock]
    """The lock of a solution's exports."""
    channels: Channels
    clock: Callable[[], float] = time.monotonic

    def take_step(self, step: str, **arguments: Any) -> Any:
        """Do one of STEPS, named by the state machine."""
        return STEPS[step](self, **arguments)

    def find(self, request: Mapping[str, Any]) -> list[dict[str, str]]:
        """The group and solution of every export that an execution's input requests; paused groups have none."""
        if request.keys() - {"group", "solution"} or ("solution" in request and "group" not in request):
            raise UsherError(f"Start the export with {INPUTS}.")
        groups = [request["group"]] if "group" in request else self.serving.groups()
        at_work = [group for group in groups if not pause_of(self.serving.table, group)]
        return list(requested_exports(request, {group: self.serving.read(group) for group in at_work}))

    def prepare(self, group: str, solution: str, execution: str) -> dict[str, str]:
        """Take the lock of the export, and write its input and its plan."""
        lock = self.lock_of(solution)
        run = self._run(group, solution, execution)
        if not lock.take(group, execution, run.name):
            log_decision(group, run.name, {"action": "join", "reason": "another execution makes this export"})
            return {"run": run.name, "outcome": "JOINED"}
        run.begin(execution)
        if lock.has_died(execution):  # it was stopped before its record was closed
            run.conclude(execution, {"Error": "ABORTED", "Cause": "the execution was stopped"})
            return {"run": run.name, "outcome": "FAILED"}
        try:
            serving, past = self.serving.read(group), self.spending.of(group)
            export = prepare_export(self.bucket, group, solution, run.name, serving, self.target, past)
            self.target.ceilings.order(self.spending, group, run.name, export.estimate)
        except InputError as error:
            run.update({"problems": error.as_dicts()})
            return {"run": run.name, "outcome": "FAILED"}
        run.write_plan(export.plan)
        run.update({"notes": export.problems})
        return {"run": run.name, "outcome": "READY"}

    def collect(self, group: str, run: str) -> dict[str, Any]:
        """The shares in which to assemble the output, and the place to load it from if it goes into the table."""
        if not is_ready(Run(self.bucket, group, run).read()):
            return {"shares": [], "place": None}
        export = self._export(group, run)
        files = export.output_files(self.bucket)
        count = min(len(files), SHARES)
        shares = [{"file": first, "step": count} for first in range(count)]
        return {"shares": shares, "place": {"file": 0, "byte": 0} if files and export.spec["table"] else None}

    def assemble(self, group: str, run: str, share: Mapping[str, int]) -> dict[str, int] | None:
        """Assemble a share of the output files; return the rest of the share, or None at the end.

        `share`: the number of the `file` to begin with, and the `step` between files.
        """
        export, start = self._export(group, run), self.clock()
        files = export.output_files(self.bucket)
        for number in range(share["file"], len(files), share["step"]):
            assemble_output(self.bucket, group, export, files[number])
            if self.clock() - start > WORK_SECONDS:
                return {"file": number + share["step"], "step": share["step"]}
        return None

    def load(self, group: str, run: str, place: Mapping[str, int]) -> dict[str, int] | None:
        """Load output into the table, from a place on; return the place to continue from, or None at the end."""
        this, export = Run(self.bucket, group, run), self._export(group, run)
        begun, job = this.read()["startedAt"], this.plan().resources[0].params
        key = {"group": group, "solution": export.solution, "member": export.shape.key}
        key |= {"filter": job["filterArn"]} if "filterArn" in job else {}
        files = export.output_files(self.bucket)
        rest = self.table.load(self.bucket, files, datetime.fromisoformat(begun), place, key)
        if rest is None:
            self._store_popular(group, export, files)
        return rest

    def _store_popular(self, group: str, export: ExportPlan, files: Sequence[str]) -> None:
        """Store the export's list for all users as the popular list, unless the group has another source of it."""
        solution = self.serving.read(group).get("solutions", {}).get(export.solution)
        if solution and not solution.get("campaignArn") and ROUTES["popular"].is_answered_by(solution):
            items = self.table.first_answer(self.bucket, files, export.shape.key)
            self.popular.write(group, items, export.solution, export.solutionVersionArn.rpartition("/")[2])

    def publish(
        self, group: str, solution: str, execution: str, run: str | None, error: Mapping[str, str] | None
    ) -> dict[str, str]:
        """Point `latest.json` at a complete export, notify people of problems, and release the lock."""
        this = Run(self.bucket, group, run) if run else self._run(group, solution, execution)
        record = this.read_or_empty()
        if not has_ended(record):
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
                manifest, notes = publish_export(self.bucket, run.name, export, record["startedAt"])
                more = {"export": manifest, "notes": [*record["notes"], *map(problem_record, notes)]}
                if notes:
                    more["summary"] = listing(list(map(str, notes)), MAX_SUMMARY_LENGTH, RUN_PAGE)
            except InputError as wrong:
                run.update({"problems": wrong.as_dicts()})
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

    def _export(self, group: str, run: str) -> ExportPlan:
        """The export of the run's plan."""
        return ExportPlan.of(Run(self.bucket, group, run).plan(), group, run)


STEPS: Mapping[str, Callable[..., Any]] = {
    step.__name__: step
    for step in (
        Exporter.find,
        Exporter.prepare,
        Exporter.collect,
        Exporter.assemble,
        Exporter.load,
        Exporter.publish,
    )
}


def is_ready(record: RunRecord) -> bool:
    """Whether a run's batch jobs have all succeeded."""
    states = record.get("resources", [])
    return bool(states) and all(state["status"] == "READY" for state in states)
