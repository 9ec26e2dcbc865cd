"""Runs and their records.

A run's files are in `<group>/out/runs/<run>/`: its record run.json, its plan plan.json, and run.html, the record's
page, which is written with it.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, cast, overload
from urllib.parse import quote

from usher.aws import now
from usher.errors import BusyError, EndedError, UsherError
from usher.formats.typed_json import UnfitError, parse_json
from usher.reports.run_page import render_run_page
from usher.resources.plan import Plan
from usher.run_record import RunChanges, RunRecord
from usher.runs import documents
from usher.runs.decision_log import log_decisions
from usher.runs.lock import Lock
from usher.runs.naming import AGAIN, is_of_any, next_name, run_name
from usher.runs.outcome import has_ended, has_problem, with_outcome
from usher.storage.bucket import Bucket, TooLargeError, as_json

RecordFile = Literal["run.json"]
OtherFile = Literal["athena.json"]
File = RecordFile | OtherFile
RECORD: RecordFile = "run.json"
PLAN = "plan.json"
PAGE = "run.html"
CONSOLE = "console.aws.amazon.com"
CONSOLES = {"aws-cn": "console.amazonaws.cn"}
"""The host of the console in partitions with another one."""
REPORTING_TIME = timedelta(seconds=60)
"""The time for which only one function may report a run's end: as long as `publish` may take. Lambda repeats an
invocation of `watch` that fails after 60 seconds, and once more after 120.
"""


@dataclass(frozen=True, slots=True)
class Run:
    """A run's files in the bucket."""

    bucket: Bucket
    group: str
    name: str

    @property
    def is_first(self) -> bool:
        """Whether this is the execution's first run on the group."""
        return not self.name.endswith(AGAIN)

    def key(self, file: str = RECORD) -> str:
        """The key of a file of the run."""
        return f"{self.group}/out/runs/{self.name}/{file}"

    @overload
    def read(self, file: RecordFile = ...) -> RunRecord: ...

    @overload
    def read(self, file: OtherFile) -> dict[str, Any]: ...

    def read(self, file: File = RECORD) -> RunRecord | dict[str, Any]:
        """A file of the run; empty if it does not exist yet. Raises UnfitError if its content is not Usher's."""
        return self._read(file)[0]

    def _read(self, file: File) -> tuple[dict[str, Any], str]:
        """A file of the run, as `read` returns it, and its ETag, which is empty if it does not exist yet."""
        try:
            content, etag = self.bucket.read_with_etag(self.key(file), documents.MAX_BYTES)
            if content is None:
                return {}, ""
            value = parse_json(content)
            documents.CHECKS[file](value, self.group, self.name)
        except (UnfitError, TooLargeError) as error:
            raise self._unfit(file, error) from None
        return cast(dict[str, Any], value), etag

    def plan(self) -> Plan:
        """The run's plan. Raises UnfitError if it does not exist, or its content is not Usher's."""
        plan = self.find_plan()
        if plan is None:
            raise self._unfit(PLAN, UnfitError("it does not exist"))
        return plan

    def find_plan(self) -> Plan | None:
        """The run's plan; None if it does not exist. Raises UnfitError if its content is not Usher's."""
        try:
            content = self.bucket.read(self.key(PLAN), documents.MAX_BYTES)
            return None if content is None else documents.plan_of(parse_json(content), self.group, self.name)
        except (UnfitError, TooLargeError) as error:
            raise self._unfit(PLAN, error) from None

    def plan_or_none(self) -> Plan | None:
        """The run's plan; None if it does not exist, or its content is not Usher's."""
        try:
            return self.find_plan()
        except UnfitError:
            return None

    def _unfit(self, file: str, error: UsherError) -> UnfitError:
        message = f"{self.bucket.url(self.key(file))} is not as Usher wrote it: {error}."
        return UnfitError(f"{message} Start the run again; it writes the file anew.")

    @overload
    def read_or_empty(self, file: RecordFile = ...) -> RunRecord: ...

    @overload
    def read_or_empty(self, file: OtherFile) -> dict[str, Any]: ...

    def read_or_empty(self, file: File = RECORD) -> RunRecord | dict[str, Any]:
        """A file of the run; empty if it does not exist, or its content is not Usher's, which `conclude` reports."""
        try:
            return self.read(file)
        except UnfitError:
            return {}

    def write(self, content: Mapping[str, object], file: OtherFile) -> None:
        """Write a file of the run."""
        self.bucket.write_json(self.key(file), content)

    def write_plan(self, plan: Plan) -> None:
        """Write the run's plan. Raises InputError for a plan that is too large to be read again."""
        text = as_json(plan)
        documents.check_size(len(text), self.group)
        self.bucket.write(self.key(PLAN), text.encode())

    def update(self, changes: Mapping[str, object], *, even_if_ended: bool = False) -> None:
        """Change members of the record, unless the run has ended: a function outlives a stopped execution."""

        def updated(record: RunRecord) -> RunRecord | None:
            return cast(RunRecord, {**record, **changes}) if even_if_ended or not has_ended(record) else None

        self._change(updated)

    def claim_report(self) -> RunRecord:
        """Reserve the undelivered reports of the run's end for this function; return the record.

        Two functions may try at the same time: `publish`, and `watch` if the execution is stopped meanwhile. Raises
        BusyError while another function may be reporting.
        """

        def claimed(record: RunRecord) -> RunRecord | None:
            if not record.get("undelivered"):
                return None
            if now().isoformat() < record.get("reportedUntil", ""):
                raise BusyError(f"Another function reports the end of the run {self.name}.")
            return {**record, "reportedUntil": (now() + REPORTING_TIME).isoformat()}

        return self._change(claimed)

    def set_undelivered(self, channels: Collection[str]) -> None:
        """Record the channels by which the run's end is still to be reported."""

        def noted(record: RunRecord) -> RunRecord:
            rest = {name: value for name, value in record.items() if name not in ("undelivered", "reportedUntil")}
            return cast(RunRecord, {**rest, **({"undelivered": [*channels]} if channels else {})})

        self._change(noted)

    def require_open(self, record: RunRecord | None = None) -> None:
        """Raise EndedError if the run has ended: its execution was stopped, and another one may be running.

        `record`: as it has just been read; None to read it.
        """
        if has_ended(self.read_or_empty() if record is None else record):
            raise EndedError(f"The run {self.name} has ended.")

    def _change(self, change: Callable[[RunRecord], RunRecord | None]) -> RunRecord:
        """Change the present record, so that no other change is lost; return it.

        `change`: returns another record for the present one; None to leave it. It is called again if another function
        has written the record meanwhile. Raises UnfitError if the record is not Usher's.
        """
        while True:
            record, etag = self._read(RECORD)
            changed = change(cast(RunRecord, record))
            if changed is None:
                return cast(RunRecord, record)
            text = as_json(changed)
            if etag := self.bucket.replace(self.key(), text.encode(), etag):
                self._write_page(text, etag)
                log_decisions(record, json.loads(text))
                return changed

    def _write_page(self, text: str, etag: str) -> None:
        """Write the page of a record, given as JSON with its ETag, and of the records that others write meanwhile."""
        while True:
            html = render_run_page(json.loads(text)).encode()
            self.bucket.write(self.key(PAGE), html, ContentType="text/html; charset=utf-8")
            content, newest = self.bucket.read_with_etag(self.key(), documents.MAX_BYTES)
            if content is None or newest == etag:
                return
            text, etag = content.decode(), newest

    @property
    def link(self) -> str:
        """The address of the run's page, and below it the page's link in the S3 console."""
        region, key = self.bucket.s3.meta.region_name, quote(self.key(PAGE))
        host = CONSOLES.get(self.bucket.s3.meta.partition, CONSOLE)
        console = f"https://{region}.{host}/s3/object/{self.bucket.name}?region={region}&prefix={key}"
        return f"{self.bucket.url(self.key(PAGE))}\n{console}"

    def begin(self, execution: str) -> RunRecord:
        """Write the run's first record, and return it. A repeated call keeps the start.

        Raises EndedError if the run has ended.
        """

        def begun(record: RunRecord) -> RunRecord:
            if has_ended(record):
                raise EndedError(f"The run {self.name} has ended.")
            return self._first_record(execution, record.get("startedAt"))

        try:
            return self._change(begun)
        except UnfitError:
            record = self._first_record(execution)
            text = as_json(record)
            self._write_page(text, self.bucket.write(self.key(), text.encode()))
            return record

    def _first_record(self, execution: str, started_at: str | None = None) -> RunRecord:
        return {
            "group": self.group,
            "run": self.name,
            "execution": execution,
            "startedAt": started_at or now().isoformat(),
            "outcome": "RUNNING",
        }

    def conclude(
        self,
        execution: str,
        error: Mapping[str, str] | None,
        changes: RunChanges | None = None,
        channels_for: Callable[[RunRecord], Sequence[str]] = lambda _: (),
    ) -> RunRecord:
        """Write the run's last record, and return it. The record of an ended run is not changed.

        `error`: the execution's, if it has one; `changes`: further members of the record; `channels_for`: returns the
        channels (usher.runs.notifications) for a record that are to report the end.
        """

        def ended(record: RunRecord) -> RunRecord | None:
            if has_ended(record):
                return None
            record = with_outcome(record or self._first_record(execution), error)
            record = {**record, "endedAt": now().isoformat(), **(changes or {})}
            channels = channels_for(record)
            return {**record, "undelivered": list(channels)} if channels else record

        try:
            return self._change(ended)
        except UnfitError as unfit:
            self.begin(execution)
            error = error or {"Error": "UnfitError", "Cause": str(unfit)}
            return self._change(ended)


def runs_of(bucket: Bucket, group: str, execution: str) -> Iterator[RunRecord]:
    """The records of an execution's runs on a group, in the order of time."""
    for key in bucket.keys(f"{group}/out/runs/"):
        *_, name, file = key.split("/")
        if file == RECORD and is_of_any(name, [execution]):
            record = Run(bucket, group, name).read_or_empty()
            if record.get("execution") == execution:
                yield record


def next_run(lock: Lock, bucket: Bucket, group: str, execution: str) -> str:
    """The name of an execution's run on a group: the one that it has begun, or a new one if that has ended."""
    begun = lock.run_of(group, execution)
    if not begun:
        return run_name(execution)
    return next_name(execution, begun) if has_ended(Run(bucket, group, begun).read_or_empty()) else begun


def run_that_broke(lock: Lock, bucket: Bucket, group: str, execution: str, error: Mapping[str, str] | None) -> str:
    """The name of the run during which an error broke an execution, before the run could return its name.

    It is the run that the execution has begun last; another one if that has ended, unless because of this error.
    """
    begun = {record["run"]: record for record in runs_of(bucket, group, execution)}
    name = max([*begun, lock.run_of(group, execution)])
    if error and name in begun and has_ended(begun[name]) and not has_problem(begun[name], error):
        return next_name(execution, name)
    return name or run_name(execution)


def current_run(lock: Lock, bucket: Bucket, group: str, execution: str, suffix: str = "") -> str:
    """The name of the run that an execution has begun on a group, even if it has released the group.

    A new name if it has begun none. `suffix`: of the name, as an execution exports several solutions; empty for any.
    """
    names = (record["run"] for record in runs_of(bucket, group, execution))
    begun = (name for name in names if not suffix or name.partition(f"Z-{execution[-4:]}")[2] == suffix)
    return lock.run_of(group, execution) or max(begun, default="") or run_name(execution, suffix)
