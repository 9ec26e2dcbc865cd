"""The lock: one run at a time works on a group. It is an item of the table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LOCK = "lock"


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

    def try_release(self, group: str, execution: str) -> bool:
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

    def release(self, group: str, execution: str, run: str) -> None:
        """Release the group whatever was asked for meanwhile: it has joined the run."""
        while not self.try_release(group, execution):
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
