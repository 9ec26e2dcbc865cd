"""The lock of a group: one run at a time works on it; requests made meanwhile are left to the next run.

The lock is an item of the table, with these attributes:

    execution  the execution that holds the group; missing if none does
    run        the run for which it holds the group
    taken      the Unix time at which it took the group
    again      whether there were requests since then, so that it has to run once more
    dropped    whether files are among them, so that the next run waits for further ones first
    settling   the last such wait, so that a repeated step gets the same answer

    free    -- take --------------> held         again: no
    held    -- take, by another --> held         again: yes, and for a file, dropped: yes
    dropped -- take_drops --------> held         dropped: no, settling: the wait
    again   -- try_release -------> held         refused: the execution takes the group for its next run
    held    -- try_release -------> free
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from usher.aws import now
from usher.clients import SFNClient
from usher.storage.table import Table

PIPELINE = "lock"
"""The item that locks a group for its pipeline."""

UNKNOWN_SECONDS = 300
"""The age in seconds up to which a lock is kept although Step Functions does not know its execution: it may not know it
yet.
"""


def export_lock(solution: str) -> str:
    """The item that locks a group for the exports of a solution."""
    return f"export#{solution}"


def is_running(stepfunctions: SFNClient) -> Callable[[str], bool | None]:
    """A function that returns whether an execution, given by its ARN, is running. It raises an error if that can't be
    found out now.

    None: Step Functions does not know it: it began just now (DescribeExecution is eventually consistent), or long ago.
    """

    def ask(execution: str) -> bool | None:
        try:
            return bool(stepfunctions.describe_execution(executionArn=execution)["status"] == "RUNNING")
        except stepfunctions.exceptions.ExecutionDoesNotExist:
            return None

    return ask


@dataclass(frozen=True, slots=True)
class Lock:
    """One run per group. `is_running` returns whether an execution is running."""

    table: Table
    is_running: Callable[[str], bool | None]
    item: str = PIPELINE

    def take(self, group: str, execution: str, run: str, *, is_drop: bool = False) -> bool:
        """Take the group for a run of an execution, which may take it again for its next run.

        False: another execution holds the group. It then runs once more; with `is_drop`, it first waits for further
        files. The lock of an execution that has died is replaced, and so is that of another state machine: it is from a
        former stack.
        """
        while True:
            item = self.table.get(group, self.item)
            holder = item.get("execution", "")
            if holder and holder != execution and self._is_alive(item, execution):
                change = "again = :yes, dropped = :yes" if is_drop else "again = :yes"
                if self._change(group, holder, change, {":yes": True}):
                    return False
            else:
                values = {":me": execution, ":run": run, ":no": False, ":now": int(now().timestamp())}
                if self._change(group, holder, "execution = :me, run = :run, again = :no, taken = :now", values):
                    return True

    def take_drops(self, group: str, execution: str, wait: str) -> bool:
        """Whether files have arrived since the execution's last wait, so that it waits once more.

        `wait`: a name for that next wait. A repeated step gives the same name and gets the same answer.
        """
        item = self.table.get(group, self.item)
        if not item.get("dropped"):
            return bool(item.get("settling") == wait)
        return self._change(group, execution, "dropped = :no, settling = :wait", {":no": False, ":wait": wait})

    def run_of(self, group: str, execution: str) -> str:
        """The run for which an execution holds the group; empty if it does not."""
        item = self.table.get(group, self.item)
        return str(item.get("run", "")) if item.get("execution") == execution else ""

    def repeat(self, group: str, execution: str) -> None:
        """Have an execution that holds the group run once more."""
        self._change(group, execution, "again = :yes", {":yes": True})

    def try_release(self, group: str, execution: str) -> bool:
        """Release the group. False: requests have arrived meanwhile; the execution keeps the group for another run."""
        condition, values = "execution = :me AND again = :no", {":me": execution, ":no": False}
        if self.table.delete(group, self.item, condition, values):
            return True
        return bool(self.table.get(group, self.item).get("execution", "") != execution)

    def release(self, group: str, execution: str, run: str) -> None:
        """Release the group despite requests made meanwhile: they are part of the run."""
        while not self.try_release(group, execution):
            self.take(group, execution, run)

    def _is_alive(self, item: Mapping[str, Any], execution: str) -> bool:
        """Whether the execution that holds the group is running. `item`: the lock; `execution`: another one."""
        holder = item["execution"]
        if holder.rpartition(":")[0] != execution.rpartition(":")[0]:
            return False
        running = self.is_running(holder)
        is_new = now().timestamp() - float(item.get("taken", 0)) < UNKNOWN_SECONDS
        return is_new if running is None else running

    def has_died(self, execution: str) -> bool:
        """Whether an execution has ended although a function of it is still running."""
        return self.is_running(execution) is False

    def _change(self, group: str, holder: str, change: str, values: Mapping[str, Any]) -> bool:
        """Change the lock if `holder` (empty: none) still has it; return whether it did."""
        condition = "execution = :holder" if holder else "attribute_not_exists(execution)"
        values = {**values, ":holder": holder} if holder else values
        return self.table.update(group, self.item, f"SET {change}", values, condition=condition) is not None
