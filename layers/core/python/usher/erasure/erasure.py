"""Carries out one request to erase users, a step at a time. Each step may be repeated, and may be interrupted anywhere.

Usher's own files, items and queues are searched until a whole search finds nothing. Nothing else of the group runs
meanwhile: the run holds the group's lock, and waits for its exports and evaluations.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypedDict
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from usher.aws import now
from usher.config.schedule_expressions import next_start
from usher.erasure.erased_users import ErasedUsers, read_list
from usher.erasure.files import erase_files, versions_with_content
from usher.erasure.items import erase_items, sessions_of
from usher.erasure.messages import WaitingEvents
from usher.erasure.personalize import ENDED, EXPECTED_SECONDS, DeletionJobs
from usher.errors import Problem
from usher.planning.tasks import ERASURE, Tasks
from usher.resources.polling import MIN_SECONDS, Pending, seconds_until_next_pass
from usher.routes import ROUTES
from usher.run_record import ErasureRecord, StillKnown, TrainingSchedule
from usher.runs.naming import EVALUATION, EXPORT
from usher.runs.outcome import has_ended, problem_record
from usher.runs.record import Run
from usher.serving.serving_map import ServingMaps
from usher.storage.bucket import MAX_BYTES, Bucket
from usher.storage.table import Table

STAGE = "erase"
WORK_SECONDS = 600.0
"""The seconds after which a step begins no further file: a file has most of a function's 15 minutes."""
PAUSE_SECONDS = 90
"""Seconds between two searches: messages that a function had received from a queue are in the bucket or the table by
then.
"""
BUSY_SECONDS = 60
MIN_SEARCHES = 2
LONGEST_RUN = timedelta(days=8)
"""An execution lasts a week at most (template.yaml): older runs have ended."""
BUSY = "Waits for {}, which may still write users' data."
QUEUED = "Waits for queued events: they must reach Personalize first, or it would store the users again."
JOB_WAITS = "Waits for Personalize, which accepts no further data deletion job now."
SEARCHING = "Erased so far: {files} rows and files, {items} items of the table, {messages} messages of queues."
JOB = "Personalize deletes the users' data, which takes up to a day. Usher has nothing of them any more."
NO_LIST = "There was nothing left to do: the list of users is gone."
DONE = (
    "{users} users are erased: {files} rows and files, {items} items of the table, {messages} messages of queues, "
    "{deleted} records of Personalize. The last search found nothing."
)
OF_RECOMMENDERS = "rate(7 days)"
"""Personalize's frequency of training recommenders: docs "Updating a recommender" of its guide."""
KNOWN = "was trained{trained} on the users' data, and contains it until its next training{when}."
RETRAIN = 'To train it now, start the pipeline with {{"group": "{}", "task": "retrain", "solution": "{}"}}.'


def list_key(group: str, reference: str) -> str:
    """The key of the list of a request's users, which is deleted once they are erased."""
    return f"{group}/erase/{reference}.csv"


class _NextTraining(TypedDict):
    schedule: str
    trainedNext: str


@dataclass(frozen=True, slots=True)
class Erasure:
    """Carries out requests to erase users."""

    bucket: Bucket
    table: Table
    waiting: WaitingEvents
    jobs: DeletionJobs

    def step(self, run: Run) -> int | None:
        """Do the work that can be done now; return the seconds until the next step, or None at the end."""
        run.require_open()
        state: ErasureRecord = {**run.read()["erasure"]}
        content = self.bucket.read(list_key(run.group, state["reference"]), MAX_BYTES)
        if content is None:
            self._end(run, state, NO_LIST)
            return None
        erased = ErasedUsers(run.group, frozenset(read_list(content.decode())))
        state["users"] = len(erased.users)
        wait, note = self._next(run, state, erased)
        if wait is None:
            self._end(run, state, "")
        else:
            run.update({"erasure": state, "stage": STAGE, "waitSeconds": wait, "note": note})
        return wait

    def _next(self, run: Run, state: ErasureRecord, erased: ErasedUsers) -> tuple[int | None, str]:
        """Take the next step; return the seconds until the one after it, and the reason for waiting."""
        if "job" not in state:
            if busy := next(self._others_at_work(run), ""):
                return BUSY_SECONDS, BUSY.format(busy)
            state["messages"] += self.waiting.erase(self._with_sessions(erased))
            if self.waiting.wait_for_personalize():
                return BUSY_SECONDS, QUEUED
            if not self._begin_job(run, state):
                return BUSY_SECONDS, JOB_WAITS
        if not state.get("isClean"):
            self._search(state, erased)
            return (MIN_SECONDS if state["after"] else PAUSE_SECONDS), SEARCHING.format(**state)
        job = state["job"]
        if job["arn"] and job["status"] not in ENDED:
            state["job"] = job = self.jobs.look_up(job["arn"])
        if job["status"] in ENDED:
            return None, ""
        waited = (now() - datetime.fromisoformat(job["createdAt"])).total_seconds()
        return seconds_until_next_pass([[Pending(waited, EXPECTED_SECONDS)]]), JOB

    def _begin_job(self, run: Run, state: ErasureRecord) -> bool:
        """Start a data deletion job if Personalize has the group; return whether it was accepted."""
        if not state["datasetGroup"]:
            state["job"] = {"arn": "", "status": "COMPLETED", "createdAt": now().isoformat(), "deleted": 0}
            return True
        location = self.bucket.url(list_key(run.group, state["reference"]))
        job = self.jobs.create(state["datasetGroup"], f"{run.group}-erase-{state['reference']}", location)
        if job:
            state["job"] = job
        return job is not None

    def _search(self, state: ErasureRecord, erased: ErasedUsers) -> None:
        """Search everything once, or as far as time allows; a whole search without a finding is the last one."""
        start, erased = time.monotonic(), self._with_sessions(erased)
        messages = self.waiting.erase(erased)
        files, after = erase_files(self.bucket, erased, state["after"], lambda: time.monotonic() - start > WORK_SECONDS)
        # Sessions last: the table maps them to users.
        items = 0 if after else erase_items(self.table, erased, self._item_solutions(erased.group))
        state["messages"] += messages
        state["files"] += files
        state["items"] += items
        state["found"] = (state["found"] if state["after"] else 0) + messages + files + items
        state["after"] = after or ""
        if not after:
            state["searches"] += 1
            state["isClean"] = not state["found"] and state["searches"] >= MIN_SEARCHES

    def _with_sessions(self, erased: ErasedUsers) -> ErasedUsers:
        return replace(erased, sessions=sessions_of(self.table, erased.group, erased.users))

    def _item_solutions(self, group: str) -> list[str]:
        solutions = ServingMaps(self.table).read(group).get("solutions", {})
        return [name for name, one in solutions.items() if ROUTES["similar-items"].is_answered_by(one)]

    def _others_at_work(self, run: Run) -> Iterator[str]:
        """The group's exports and evaluations that have not ended."""
        since = f"{now() - LONGEST_RUN:%Y%m%dT}"
        for key in self.bucket.keys(f"{run.group}/out/runs/"):
            *_, name, file = key.split("/")
            if file == "run.json" and name >= since and name.endswith((EXPORT, EVALUATION)):
                record = Run(self.bucket, run.group, name).read_or_empty()
                if record and not has_ended(record):
                    yield f"the run {name}"

    def _end(self, run: Run, state: ErasureRecord, note: str) -> None:
        """Write the proof, then delete the list and the task."""
        state["stillKnown"] = list(self._still_known(run.group, state)) if state["datasetGroup"] else []
        job = state.get("job")
        counts = {**state, "deleted": job.get("deleted", 0) if job else 0}
        notes = [problem_record(_as_note(run.group, one)) for one in state["stillKnown"]]
        changes = {"erasure": state, "waitSeconds": None, "note": note or DONE.format(**counts), "notes": notes}
        if job and job["status"] == "FAILED":
            message = f"failed: {job.get('reason') or 'Personalize gives no reason'}"
            problem = Problem(job["arn"], message, "Correct that, and erase the users again: usher erase.")
            changes["problems"] = [problem_record(problem)]
        run.update(changes)
        self.bucket.delete_versions(list(versions_with_content(self.bucket, list_key(run.group, state["reference"]))))
        Tasks(self.table).forget(run.group, f"{ERASURE}#{state['reference']}")

    def _still_known(self, group: str, state: ErasureRecord) -> Iterator[StillKnown]:
        """The live models. All were trained before: nothing else of the group was running."""
        serving = ServingMaps(self.table)
        content, trained = serving.read(group), serving.trained_at(group)
        for name, one in content.get("solutions", {}).items():
            began = trained.get(one.get("solutionVersionArn", ""))
            time = datetime.fromtimestamp(began, UTC).isoformat() if began else ""
            yield {"name": f"solution/{name}", "trainedAt": time, **_next_training(state["schedules"].get(name))}
        for name in content.get("recommenders", {}):
            yield {"name": f"recommender/{name}", "trainedAt": "", "schedule": OF_RECOMMENDERS, "trainedNext": ""}


def _next_training(schedule: TrainingSchedule | None) -> _NextTraining:
    """The schedule of a solution's next training, and its time."""
    if schedule is None:
        return {"schedule": "", "trainedNext": ""}
    expression, since = schedule["expression"], schedule["since"]
    try:
        zone = ZoneInfo(schedule["zone"])
    except ZoneInfoNotFoundError:  # this machine does not know the zone
        return {"schedule": expression, "trainedNext": ""}
    found = next_start(expression, now(), zone, datetime.fromisoformat(since) if since else None)
    return {"schedule": expression, "trainedNext": found.astimezone(UTC).isoformat() if found else ""}


def _as_note(group: str, one: StillKnown) -> Problem:
    """A note on a model that knows the users until its next training. Pure."""
    when = f", by its schedule {one['schedule']}" if one["schedule"] else ""
    if moment := one["trainedNext"]:
        when += f" on {moment[:16].replace('T', ' ')} UTC"
    message = KNOWN.format(trained=f" on {one['trainedAt']}" if one["trainedAt"] else "", when=when)
    kind, _, name = one["name"].partition("/")
    remedy = RETRAIN.format(group, name) if kind == "solution" else "Personalize trains it by itself."
    return Problem(one["name"], message, remedy)
