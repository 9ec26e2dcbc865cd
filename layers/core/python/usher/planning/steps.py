"""The steps that plan a run, as the state machine takes them. Each may be repeated."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Literal, TypedDict

from usher.catalogue.load_plan import LoadPlan, write_load_plan
from usher.catalogue.loading import QUICK_SECONDS, Loader
from usher.clients import Clients
from usher.costs.ceilings import AboveCeilingError, Ceilings
from usher.costs.ledger import Spending
from usher.costs.monthly import existing_costs
from usher.datasets.profile_cache import ProfileCache
from usher.errors import InputError
from usher.planning.config_file import load_readings
from usher.planning.draft import Draft
from usher.planning.input_copies import copy_inputs
from usher.planning.pins import Pins, live_versions
from usher.planning.planner import Planner
from usher.planning.tasks import IDLE_PREFIX, REMOVAL, RequestedTasks, Tasks
from usher.planning.training_schedules import training_schedules
from usher.resources.billed import find_billed
from usher.resources.inventory import Inventory
from usher.resources.kinds import KINDS, LIVE_VERSION
from usher.resources.target import Target
from usher.run_record import ErasureRecord, MonthlyCost
from usher.runs.decision_log import log_decision
from usher.runs.lock import Lock
from usher.runs.pauses import pause_note, pause_of
from usher.runs.record import Run, next_run
from usher.serving.serving_map import ServingMap, served_arns
from usher.storage.bucket import Bucket
from usher.storage.layout import GROUP_NAME, is_input

MAX_WAITS = 10
"""The most times that a run waits for a folder to which files keep coming."""
SETTLING = "Waits for further files: the run begins when none has arrived for the settling time."
SERVING_FIRST = "The version that a person has chosen goes live."
CLOSED_NOTE = "The group was removed. Drop a file, or start the pipeline with the group alone, and it is made again."
ERASING = "Users are being erased."
OutcomeName = Literal["NOTHING", "JOINED", "PROMOTE", "WAIT", "CHECK", "LOAD", "GO", "ERASE", "DONE"]


class Outcome(TypedDict):
    """The result of a step.

    NOTHING  the input is not about a group
    JOINED   another execution holds the group, and makes a further run
    PROMOTE  a version is to serve first, without waiting for a running execution or this run's plan
    WAIT     more files may follow those that have arrived: come back after the settling time
    CHECK    parts.json lists parts of the data to be profiled first
    LOAD     load.json lists items and users that are still to be loaded into the table
    GO       go on
    ERASE    the run erases users, and does nothing else
    DONE     nothing is to be done, or the run's record has problems
    """

    outcome: OutcomeName
    group: str | None
    run: str | None


@dataclass(frozen=True, slots=True)
class PlanSteps:
    """Takes a group, and plans a run of it."""

    bucket: Bucket
    lock: Lock
    tasks: Tasks
    pins: Pins
    spending: Spending
    profiles: ProfileCache
    loader: Loader
    ceilings: Ceilings
    clients: Clients
    target_of: Callable[[str, str], Target]
    """Returns the target of a group's run, by the names of both."""
    serving_map_of: Callable[[str], ServingMap]
    """Returns a group's serving map."""

    def take(self, group: str, execution_input: Mapping[str, Any], execution: str, started_at: str) -> Outcome:
        """Record the input's request, so that a running run also sees it; then take the group."""
        is_promotion = self._record_request(group, execution_input, execution, started_at)
        is_drop = "detail" in execution_input
        run = self._taken_run(group, execution, is_drop=is_drop)
        if run is None:
            return _outcome("PROMOTE" if is_promotion else "JOINED", group)
        if is_promotion:
            return self._begin(run, execution, "PROMOTE", SERVING_FIRST)
        return self._begin(run, execution, "WAIT", SETTLING) if is_drop else _outcome("GO", group, run)

    def plan(self, group: str, execution_input: Mapping[str, Any], execution: str, waits: int = 0) -> Outcome:
        """Plan a run: write its plan and its record, and order its resources.

        An execution's first run rebuilds failed resources, unless it was started by a file that Usher does not read.
        `waits`: the number of times that the execution has waited for further files.
        """
        run = self._taken_run(group, execution)
        if run is None:
            return _outcome("JOINED", group)
        if waits < MAX_WAITS and self.lock.take_drops(group, execution, f"{run.name}/{waits}"):
            return self._begin(run, execution, "WAIT", SETTLING)
        retry_failed = run.is_first and not is_unread_drop(execution_input)
        return _outcome(self._plan(run, execution, retry_failed=retry_failed), group, run)

    def load(self, group: str, name: str) -> Outcome:
        """Continue a run's load into the table."""
        run = Run(self.bucket, group, name)
        return _outcome("LOAD" if self.loader.load(run)["more"] else "GO", group, run)

    def _plan(self, run: Run, execution: str, *, retry_failed: bool) -> OutcomeName:
        """Plan a run, unless something else comes first."""
        group = run.group
        run.begin(execution)
        if chosen := self.pins.of_execution(group, execution):
            run.update({"pins": chosen})
        if self._is_stopped(run, execution):
            return "DONE"
        if reference := self.tasks.next_erasure(group):
            self._begin_erasure(run, execution, reference)
            return "ERASE"
        tasks = self.tasks.of(group)
        if REMOVAL not in tasks and (note := self._why_not(group)):
            run.update({"note": note})
            return "DONE"
        try:
            readings = load_readings(self.bucket, group)
            if REMOVAL not in tasks and (parts := self.profiles.missing_parts(group, run.name, readings)):
                self.bucket.write_json(run.key("parts.json"), list(map(asdict, parts)))
                run.update({"note": f"{len(parts)} parts of the data are being checked."})
                return "CHECK"
            drafted = self._draft(run, tasks, retry_failed=retry_failed)
            self._order(run, execution, drafted)
        except InputError as error:
            self._forget_refused(group, tasks, error)
            run.update({"data": error.report, "problems": error.as_dicts(), "costsNow": self._costs_now(run)})
            return "DONE"
        run.update(drafted.findings)
        if drafted.load and not self._has_loaded(run, drafted.load):
            return "LOAD"
        return "GO" if drafted.is_work else "DONE"

    def _why_not(self, group: str) -> str:
        """The reason why nothing is planned for a removed or a paused group; empty for others."""
        if self.tasks.is_closed(group):
            return CLOSED_NOTE
        pause = pause_of(self.tasks.table, group)
        return pause_note(group, pause) if pause else ""

    def _draft(self, run: Run, tasks: RequestedTasks, *, retry_failed: bool) -> Draft:
        """The draft of a run, and what it says about the group's settings and tasks."""
        target = self.target_of(run.group, run.name)
        drafted = Planner(
            self.bucket,
            target,
            Inventory(self.clients, target.stack_arn),
            self.serving_map_of(run.group),
            tasks,
            partial(self.pins.resolve, self.clients["personalize"], run.group),
            retry_failed,
            self.ceilings,
            self.spending.of(run.group),
            self.profiles.limits,
        ).draft()
        if config := drafted.config:
            idle = [one.name for one in config.solutions if one.idle == "table"]
            self.spending.note_settings(run.group, config.budget, config.prices, idle)
        if "import" in tasks and not drafted.imports_data:
            self.tasks.forget(run.group, "import")
        return drafted

    def _order(self, run: Run, execution: str, drafted: Draft) -> None:
        """Copy the files that the run imports, reserve its costs, and write its plan."""
        if not drafted.plan:
            return
        plan = replace(drafted.plan, resources=copy_inputs(run, drafted, self.profiles))
        if estimate := drafted.estimate:
            size = drafted.size
            facts = {"standing": estimate.standing, "users": size.users, "interactions": size.interactions}
            self.ceilings.order(self.spending, run.group, run.name, estimate, **facts)
        run.write_plan(plan)
        if drafted.load:
            write_load_plan(run, drafted.load)
        if plan.removal and self.tasks.begin_removal(run.group):
            self.lock.repeat(run.group, execution)

    def _has_loaded(self, run: Run, plan: LoadPlan) -> bool:
        """Load the table in this call, if the files are small; return whether nothing is left to load."""
        is_small = plan.size <= self.profiles.limits.parallel_bytes
        return is_small and not self.loader.load(run, QUICK_SECONDS)["more"]

    def _forget_refused(self, group: str, tasks: RequestedTasks, error: InputError) -> None:
        """Mark a removal that can't be planned; delete tasks that cost too much: all later runs would, too."""
        if REMOVAL in tasks:
            self.tasks.refuse_removal(group)
        if isinstance(error, AboveCeilingError):
            for name in (one for one in tasks if not one.startswith(IDLE_PREFIX)):
                self.tasks.forget(group, name)

    def _record_request(self, group: str, execution_input: Mapping[str, Any], execution: str, started_at: str) -> bool:
        """Record the input's request; return whether it chooses a version that can serve now."""
        if "task" in execution_input:
            self.tasks.request(group, execution_input, started_at)
        elif "detail" in execution_input or execution_input.keys() == {"group"}:
            self.tasks.reopen(group, started_at)  # for a file or a person; a schedule's input has a time, too
        else:
            live, personalize = live_versions(self.serving_map_of(group)), self.clients["personalize"]
            return self.pins.record_request(personalize, group, execution_input, live, execution)
        return False

    def _taken_run(self, group: str, execution: str, *, is_drop: bool = False) -> Run | None:
        """The execution's run; None if another execution holds the group."""
        run = Run(self.bucket, group, next_run(self.lock, self.bucket, group, execution))
        if self.lock.take(group, execution, run.name, is_drop=is_drop):
            return run
        log_decision(group, run.name, {"action": "join", "reason": "another execution is running for the group"})
        return None

    def _begin(self, run: Run, execution: str, outcome: OutcomeName, note: str) -> Outcome:
        """Write a note on the work before its planning into the run's record."""
        run.begin(execution)
        run.update({"note": note})
        self._is_stopped(run, execution)
        return _outcome(outcome, run.group, run)

    def _is_stopped(self, run: Run, execution: str) -> bool:
        """Whether the run's execution was stopped before closing its record, which is then closed."""
        is_stopped = self.lock.has_died(execution)
        if is_stopped:
            run.conclude(execution, {"Error": "ABORTED", "Cause": "the execution was stopped"})
        return is_stopped

    def _begin_erasure(self, run: Run, execution: str, reference: str) -> None:
        """Record the facts that an erasure needs. A further run carries out the other requests."""
        self.lock.repeat(run.group, execution)
        erasure: ErasureRecord = {
            "reference": reference,
            "datasetGroup": self._dataset_group(run),
            "schedules": training_schedules(self.bucket, self.target_of(run.group, run.name), self.clients),
            "users": 0,
            "files": 0,
            "items": 0,
            "messages": 0,
            "searches": 0,
            "after": "",
            "found": 0,
        }
        run.update({"erasure": erasure, "note": ERASING})

    def _costs_now(self, run: Run) -> list[MonthlyCost]:
        """The monthly costs of a group whose files can't be used; empty if it is not ours."""
        arn = self._dataset_group(run)
        if not arn:
            return []
        inventory = Inventory(self.clients, self.target_of(run.group, run.name).stack_arn)
        size, serving = self.spending.of(run.group).size, self.serving_map_of(run.group)
        return existing_costs(find_billed(inventory, arn), run.group, size, served_arns(serving))

    def _dataset_group(self, run: Run) -> str:
        """The ARN of the group's dataset group, even if its files can't be read; empty if there is none, or it is not
        ours.
        """
        target, serving = self.target_of(run.group, run.name), self.serving_map_of(run.group)
        inventory = Inventory(self.clients, target.stack_arn)
        versions = [one.get("solutionVersionArn") for one in serving.get("solutions", {}).values()]
        home = inventory.dataset_group_of({LIVE_VERSION: next(iter(versions), "")})  # it may have been adopted
        arn, kind = home or f"{target.arn_prefix}:dataset-group/{run.group}", KINDS["dataset_group"]
        is_ours = GROUP_NAME.match(run.group) and inventory.describe(kind, arn) and inventory.owns(kind, arn)
        return arn if is_ours else ""


def _outcome(name: OutcomeName, group: str, run: Run | None = None) -> Outcome:
    return {"outcome": name, "group": group, "run": run.name if run else None}


def is_unread_drop(execution_input: Mapping[str, Any]) -> bool:
    """Whether an execution was started by an object that Usher only reports as misplaced. Pure."""
    match execution_input:
        case {"detail": {"object": {"key": str(key)}}}:
            return not is_input(key)
    return False
