"""Runs: one at a time per group, each with a record that people can read.

The lock is one item of the table: which execution works on the group, and whether something arrived since it last
looked. Records are files in the bucket, `<group>/out/runs/<run>/run.json` beside the `plan.json` they carry out.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from usher.aws import now
from usher.bucket import Bucket, is_input
from usher.errors import UsherError

LOCK = "lock"
RESUME = "Drop a file again, or start the export again: all goes on where it stopped. If it recurs, see the logs."


def concerned_group(given: Mapping[str, Any]) -> str:
    """The group that an execution's input is about: an S3 event's, or the one named. Empty: none of our business."""
    if "group" in given:
        return str(given["group"])
    if "detail" not in given:
        raise UsherError('Start the pipeline with {"group": "<a folder of the bucket>"}.')
    key = str(given["detail"]["object"]["key"])
    return key.split("/")[0] if is_input(key) else ""


def run_name(execution: str, suffix: str = "") -> str:
    """A new name for a run: runs of a group sort by time."""
    return f"{f'{now():%Y%m%dT%H%M%S%f}'[:-3]}Z-{execution[-4:]}{suffix}"


def is_running(stepfunctions: Any) -> Callable[[str], bool]:
    """Whether an execution is still at work, by its ARN."""

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

    def take(self, group: str, execution: str, run: str) -> bool:
        """Take the group for a run of an execution, which may take it again for another round.

        False: another execution is at work, and will look again because of this call. A dead one's lock is taken over.
        """
        while True:
            holder = self._get(group).get("execution", "")
            if holder and holder != execution and self.is_running(holder):
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
                Key=_key(group),
                ConditionExpression="execution = :me AND again = :no",
                ExpressionAttributeValues={":me": {"S": execution}, ":no": {"BOOL": False}},
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return self._get(group).get("execution", "") != execution
        return True

    def _get(self, group: str) -> dict[str, str]:
        item = self.dynamodb.get_item(TableName=self.table, Key=_key(group), ConsistentRead=True).get("Item", {})
        return {name: value["S"] for name, value in item.items() if "S" in value}

    def _write(self, group: str, holder: str, change: str, values: dict[str, Any]) -> bool:
        """Change the lock if `holder` (empty: nobody) still has it."""
        try:
            self.dynamodb.update_item(
                TableName=self.table,
                Key=_key(group),
                UpdateExpression=f"SET {change}",
                ConditionExpression="execution = :holder" if holder else "attribute_not_exists(execution)",
                ExpressionAttributeValues=values | ({":holder": {"S": holder}} if holder else {}),
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _key(group: str) -> dict[str, dict[str, str]]:
    return {"group": {"S": group}, "item": {"S": LOCK}}


@dataclass(frozen=True, slots=True)
class Run:
    """A run's files in the bucket."""

    bucket: Bucket
    group: str
    name: str

    def key(self, file: str = "run.json") -> str:
        """Where a file of the run is."""
        return f"{self.group}/out/runs/{self.name}/{file}"

    def read(self, file: str = "run.json") -> dict[str, Any]:
        """A file of the run; empty where there is none yet."""
        return self.bucket.read_json(self.key(file)) or {}

    def write(self, content: Mapping[str, Any], file: str = "run.json") -> None:
        """Write a file of the run."""
        self.bucket.write_json(self.key(file), content)

    def begin(self, execution: str) -> dict[str, Any]:
        """Write the run's first record, and return it."""
        record = {
            "group": self.group,
            "run": self.name,
            "execution": execution,
            "startedAt": now().isoformat(),
            "outcome": "RUNNING",
        }
        self.write(record)
        return record

    def conclude(self, execution: str, error: Mapping[str, str] | None) -> dict[str, Any]:
        """Write the run's last record, and return it. `error`: what broke the execution, if anything."""
        record = self.read() or self.begin(execution)
        record |= {"endedAt": now().isoformat(), **outcome(record, error)}
        self.write(record)
        return record


def outcome(record: Mapping[str, Any], error: Mapping[str, str] | None) -> dict[str, Any]:
    """How a run went, from its record until then: outcome, problems with remedies, and a summary to send. Pure."""
    problems = list(record.get("problems", []))
    resources = record.get("resources", [])
    if error:
        said = f"broke off: {error.get('Error')}: {_cause(error.get('Cause', ''))}"
        problems.append({"place": record["execution"], "message": said, "remedy": RESUME})
    failures = [
        {"place": state["id"], "message": f"failed: {state['reason'].rstrip('.')}.", "remedy": state["remedy"]}
        for state in resources
        if state["status"] == "FAILED"
    ]
    problems += [one for one in failures if one not in problems]
    lines = [f"{one['place']}: {one['message']} {one['remedy']}" for one in problems]
    skipped = [state["id"] for state in resources if state["status"] == "SKIPPED"]
    if skipped:
        lines.append(f"Left out because of that: {', '.join(skipped)}.")
    done = f"{sum(state['status'] == 'READY' for state in resources)} resources are as wanted."
    return {
        "outcome": "FAILED" if problems else "SUCCEEDED",
        "problems": problems,
        "summary": "\n".join(lines) or record.get("note") or done,
    }


def tell(sns: Any, topic: str, record: Mapping[str, Any], link: str) -> None:
    """Notify people of a run that has ended. `link`: where its record is."""
    # SNS takes ASCII only, and this may be about a folder whose name is no group's.
    subject = f"Usher: {ascii(record['group'])[1:-1]} {record['outcome'].lower()}"
    sns.publish(TopicArn=topic, Subject=subject[:99], Message=f"{record['summary']}\n\nThe whole record: {link}")


def _cause(text: str) -> str:
    """A Lambda error's message, without its stack trace."""
    try:
        return str(json.loads(text)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return text
