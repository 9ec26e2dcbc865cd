"""Runs: one at a time per group, each with a record that people can read.

The lock is one item of the table: which execution works on the group, and whether something arrived since it last
looked. Records are files in the bucket, `<group>/out/runs/<run>/run.json` beside the `plan.json` they carry out; each
has a page for people, `run.html`, which is written with it.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from usher.aws import now
from usher.errors import SENTENCE, Problem, UsherError, lambda_error_message
from usher.formats import typed_json
from usher.formats.typed_json import UnfitError
from usher.reports.run_page import render_run_page
from usher.runs import documents
from usher.storage.bucket import Bucket, TooLargeError, as_json
from usher.storage.layout import group_of, is_input
from usher.texts import clean, listing

LOCK = "lock"
AGAIN = "-again"
"""How the names of an execution's further runs end."""
EVALUATION = "-evaluation"
"""How the names of evaluations end."""
EXPORT = "-export"
"""How the names of exports end."""
LONGEST_GROUP = 200
"""Characters of a folder's name below which a run's files fit into S3's 1,024 bytes of a key."""
SUMMARY = 20_000
"""Characters of a summary. As JSON in ASCII, 12 bytes each at worst, it fits into the 262,144 bytes of a notification,
of an event and of a function's answer to Step Functions, whose causes take 32,768 characters."""
REST_IN = "the run's page"
RECORD = "run.json"
PAGE = "run.html"
CONSOLES = {"aws-cn": "console.amazonaws.cn"}
"""Where the console of a partition is, if not with all others."""
STILL_THERE = "Of the group, this is still there: {}. Its files stay."
RESUME = {
    EXPORT: "Start it again: it makes new jobs.",
    EVALUATION: "Start it again; what it made is deleted.",
    "": "Drop a file again, or start it by hand: all goes on where it stopped.",
}
"""What to do about a run that broke off, by how its name ends."""


def concerned_group(given: object) -> str:
    """The group that an execution's input is about: an S3 event's, or the one named. Empty: none of our business.

    Records lie in a folder of that name. What is too long for that, or has hidden characters, is cleaned: it can be no
    group's name, before and after. Raises UsherError for an input that names no group.
    """
    match given:
        case {"group": str(group)} if group and "/" not in group:
            return clean(group, LONGEST_GROUP)
        case {"group": _}:
            pass
        case {"detail": {"object": {"key": str(key)}}}:
            return clean(group_of(key), LONGEST_GROUP) if is_input(key) else ""
    raise UsherError('Start it with {"group": "<a folder of the bucket>"}.')


def run_name(execution: str, suffix: str = "", begun: datetime | None = None) -> str:
    """A name for a run, by the time at which it has begun, else a new one: runs of a group sort by time."""
    return f"{f'{begun or now():%Y%m%dT%H%M%S%f}'[:-3]}Z-{execution[-4:]}{suffix}"


def next_run(lock: "Lock", bucket: Bucket, group: str, execution: str) -> str:
    """The name of an execution's run on a group: of the one it has begun, or, where that is concluded, of another."""
    begun = lock.run(group, execution)
    if not begun:
        return run_name(execution)
    return run_name(execution, AGAIN) if has_ended(Run(bucket, group, begun).known()) else begun


def is_running(stepfunctions: Any) -> Callable[[str], bool]:
    """Whether an execution is still at work, by its ARN. Raises where that can't be told now."""

    def ask(execution: str) -> bool:
        try:
            return bool(stepfunctions.describe_execution(executionArn=execution)["status"] == "RUNNING")
        except stepfunctions.exceptions.ExecutionDoesNotExist:
            return False

    return ask


@dataclass(frozen=True, slots=True)
class Lock:
    """One run per group. `dynamodb` is a boto3 client; `is_running` tells whether an execution still is."""

    dynamodb: Any
    table: str
    is_running: Callable[[str], bool]
    item: str = LOCK
    """What of a group is locked: its pipeline, or one of its exports."""

    def take(self, group: str, execution: str, run: str) -> bool:
        """Take the group for a run of an execution, which may take it again for another round.

        False: another execution is at work, and will look again because of this call. A dead one's lock is taken over,
        and that of another state machine's: it is from before this one was made, or nobody's.
        """
        while True:
            holder = self._get(group).get("execution", "")
            if holder and holder != execution and self._is_alive(holder, execution):
                if self._write(group, holder, "again = :yes", {":yes": {"BOOL": True}}):
                    return False
            elif self._write(
                group,
                holder,
                "execution = :me, run = :run, again = :no",
                {":me": {"S": execution}, ":run": {"S": run}, ":no": {"BOOL": False}},
            ):
                return True

    def run(self, group: str, execution: str) -> str:
        """The run for which an execution has the group; empty where it does not have it."""
        item = self._get(group)
        return item.get("run", "") if item.get("execution") == execution else ""

    def release(self, group: str, execution: str) -> bool:
        """Give the group back. False: something arrived meanwhile; the execution keeps the lock for another round."""
        try:
            self.dynamodb.delete_item(
                TableName=self.table,
                Key=self._key(group),
                ConditionExpression="execution = :me AND again = :no",
                ExpressionAttributeValues={":me": {"S": execution}, ":no": {"BOOL": False}},
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return self._get(group).get("execution", "") != execution
        return True

    def _is_alive(self, holder: str, execution: str) -> bool:
        return holder.rpartition(":")[0] == execution.rpartition(":")[0] and self.is_running(holder)

    def give_back(self, group: str, execution: str, run: str) -> None:
        """Release the group whatever was asked for meanwhile: it has joined the run."""
        while not self.release(group, execution):
            self.take(group, execution, run)

    def _key(self, group: str) -> dict[str, dict[str, str]]:
        return {"group": {"S": group}, "item": {"S": self.item}}

    def _get(self, group: str) -> dict[str, str]:
        item = self.dynamodb.get_item(TableName=self.table, Key=self._key(group), ConsistentRead=True).get("Item", {})
        return {name: value["S"] for name, value in item.items() if "S" in value}

    def _write(self, group: str, holder: str, change: str, values: dict[str, Any]) -> bool:
        """Change the lock if `holder` (empty: nobody) still has it."""
        try:
            self.dynamodb.update_item(
                TableName=self.table,
                Key=self._key(group),
                UpdateExpression=f"SET {change}",
                ConditionExpression="execution = :holder" if holder else "attribute_not_exists(execution)",
                ExpressionAttributeValues=values | ({":holder": {"S": holder}} if holder else {}),
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True


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
        """Where a file of the run is."""
        return f"{self.group}/out/runs/{self.name}/{file}"

    def read(self, file: str = RECORD) -> dict[str, Any]:
        """A file of the run; empty where there is none yet. Raises UnfitError for what Usher has not written."""
        try:
            content = self.bucket.read(self.key(file), documents.MOST_BYTES)
            if content is None:
                return {}
            value: dict[str, Any] = typed_json.parse(content)
            documents.CHECKS[file](value, self.group, self.name)
        except (UnfitError, TooLargeError) as error:
            said = f"{self.bucket.url(self.key(file))} is not what Usher has written there: {error}."
            raise UnfitError(f"{said} Start the run again; it writes the file anew.") from None
        return value

    def known(self, file: str = RECORD) -> dict[str, Any]:
        """A file of the run; empty also where something else is in its place. Of the record, `conclude` tells that."""
        try:
            return self.read(file)
        except UnfitError:
            return {}

    def write(self, content: Mapping[str, Any], file: str = RECORD) -> None:
        """Write a file of the run; the record's page with it. Raises InputError for a plan that is too large."""
        text = as_json(content)
        if file == "plan.json":
            documents.check_size(len(text), self.group)
        self.bucket.write(self.key(file), text.encode())
        if file == RECORD:
            html = render_run_page(json.loads(text)).encode()
            self.bucket.write(self.key(PAGE), html, ContentType="text/html; charset=utf-8")

    def update(self, change: Mapping[str, Any], *, closed: bool = False) -> None:
        """Add to the record, unless it was closed meanwhile: a function outlives its execution when that is stopped.

        `closed`: even then, for what is done after the end.
        """
        record = self.read()
        if closed or not has_ended(record):
            self.write({**record, **change})

    @property
    def link(self) -> str:
        """Where a person finds the run's page: its address, and the console's view of it."""
        region, key = self.bucket.s3.meta.region_name, quote(self.key(PAGE))
        home = CONSOLES.get(self.bucket.s3.meta.partition, "console.aws.amazon.com")
        console = f"https://{region}.{home}/s3/object/{self.bucket.name}?region={region}&prefix={key}"
        return f"{self.bucket.url(self.key(PAGE))}\n{console}"

    def begin(self, execution: str) -> dict[str, Any]:
        """Write the run's first record, and return it; it may be begun again."""
        record = {
            "group": self.group,
            "run": self.name,
            "execution": execution,
            "startedAt": self.known().get("startedAt") or now().isoformat(),
            "outcome": "RUNNING",
        }
        self.write(record)
        return record

    def conclude(
        self,
        execution: str,
        error: Mapping[str, str] | None,
        more: Mapping[str, Any] | None = None,
        undelivered: Callable[[Mapping[str, Any]], Sequence[str]] = lambda _: (),
    ) -> dict[str, Any]:
        """Write the run's last record, and return it.

        `error`: what broke the execution, if any; `more`: to add; `undelivered`: by its record, the channels of
        telling.py that are to report this end; the record holds them until that is done.
        """
        try:
            record = self.read() or self.begin(execution)
        except UnfitError as unfit:
            record, error = self.begin(execution), error or {"Error": "UnfitError", "Cause": str(unfit)}
        record |= {"endedAt": now().isoformat(), **outcome(record, error), **(more or {})}
        if channels := list(undelivered(record)):
            record["undelivered"] = channels
        self.write(record)
        return record


def rounds(bucket: Bucket, group: str, execution: str) -> Iterator[dict[str, Any]]:
    """The records of an execution's runs."""
    for key in bucket.keys(f"{group}/out/runs/"):
        *_, name, file = key.split("/")
        if file == RECORD and f"Z-{execution[-4:]}" in name:
            record = Run(bucket, group, name).known()
            if record.get("execution") == execution:
                yield record


def begun_run(lock: "Lock", bucket: Bucket, group: str, execution: str, suffix: str = "") -> str:
    """The name of the run that an execution has begun on a group, though it may have given it back; else a new one.

    `suffix`: the whole of what follows in the name, as an execution exports several solutions; empty: any.
    """
    names = (one["run"] for one in rounds(bucket, group, execution))
    begun = (name for name in names if not suffix or name.partition(f"Z-{execution[-4:]}")[2] == suffix)
    return lock.run(group, execution) or max(begun, default="") or run_name(execution, suffix)


def has_ended(record: Mapping[str, Any], error: Mapping[str, str] | None = None) -> bool:
    """Whether a record tells of its run's end already, and of the error that broke it, if there is one."""
    ended = record.get("outcome", "RUNNING") != "RUNNING"
    return ended and (not error or _broke_off(record, error) in record["problems"])


def is_news(run: "Run", record: Mapping[str, Any]) -> bool:
    """Whether people are to be told: of what was done; of what is wrong once, whatever an execution's rounds."""
    if "stage" in record or record["outcome"] != "FAILED":
        return "stage" in record
    former = (one for one in rounds(run.bucket, run.group, record["execution"]) if one["run"] < run.name)
    return run.is_first or all(one.get("problems") != record["problems"] for one in former)


def outcome(record: Mapping[str, Any], error: Mapping[str, str] | None) -> dict[str, Any]:
    """How a run went, from its record until then: outcome, problems with remedies, and a summary to send. Pure.

    FAILED: something is wrong; HELD: all is well but a gate keeps a new version from going live; SUCCEEDED.
    """
    resources = record.get("resources", [])
    left = record.get("retired", []) if record.get("removal") else []
    found = [
        *([_broke_off(record, error)] if error else []),
        *_in_status(resources, "FAILED", "failed"),
        *_in_status(left, "SKIPPED", "is still there"),
    ]
    problems = list(record.get("problems", []))
    problems += [one for one in found if one not in problems]
    held = list(_in_status(resources, "HELD", "held back"))
    still = ", ".join(state["id"] for state in left if state["status"] == "SKIPPED")
    lines = [f"{one['place']}: {one['message']} {one['remedy']}" for one in [*problems, *held]]
    skipped = [state["id"] for state in resources if state["status"] == "SKIPPED"]
    if skipped:
        lines.append(clean(f"Left out because of that: {', '.join(skipped)}.", SENTENCE))
    done = f"{sum(state['status'] == 'READY' for state in resources)} resources are as wanted."
    return {
        "outcome": "FAILED" if problems else "HELD" if held else "SUCCEEDED",
        "problems": problems,
        "summary": listing(lines, SUMMARY, REST_IN) or clean(record.get("note") or done, SUMMARY),
        **({"note": STILL_THERE.format(still)} if still else {}),
    }


def _broke_off(record: Mapping[str, Any], error: Mapping[str, str]) -> dict[str, str]:
    """What broke an execution as a problem."""
    said = f"broke off: {error.get('Error')}: {lambda_error_message(error.get('Cause') or '')}"
    remedy = next(text for end, text in RESUME.items() if record["run"].endswith(end))
    return asdict(Problem(record["execution"], said, f"{remedy} If it recurs, see the logs."))


def _in_status(states: list[Mapping[str, Any]], status: str, word: str) -> Iterator[dict[str, str]]:
    """The states of a status as problems: where, what, what to do."""
    for state in states:
        if state["status"] == status:
            said = f"{word}: {state['reason'].rstrip('.')}."
            yield asdict(Problem(state["id"], said, state["remedy"]))
