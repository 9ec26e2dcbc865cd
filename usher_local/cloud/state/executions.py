"""Saved executions: an interrupted one continues from its last state.

It enters that state again, as after a task that failed and is retried: its task runs again, a map begins with its first
item, a wait with its first second. The counts of retries, the history and the timeout begin anew.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import wraps
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.component.common.flow.start_at import StartAt
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from usher_local.cloud.access.credentials import REGION
from usher_local.cloud.core.patching import replaced
from usher_local.store import Store

EXECUTION = "execution"
PLACE = "place"
"""The kind of the documents with an execution's place: the last entered state, its input and the variables."""


class Executions:
    """The executions of the account's state machines."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._places: dict[str, Any] = {}
        """The places of the executions to continue, by ARN."""

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Save the changes of executions until the block ends; later stops are not saved."""
        with ExitStack() as stack:
            for owner, name, wrapped in (
                (Execution, "start", self._starting),
                (Execution, "stop", self._ending),
                (BaseExecutionWorkerCommunication, "terminated", self._ending),
                (CommonStateField, "_get_state_entered_event_details", self._entering),
                (ExecutionWorker, "_get_evaluation_environment", self._resuming),
                (ExecutionWorker, "_get_evaluation_entrypoint", self._beginning),
            ):
                stack.enter_context(replaced(owner, name, wrapped(vars(owner)[name])))
            yield

    def restore(self) -> dict[str, int]:
        """Restore all executions, and continue the unfinished ones. Returns their numbers.

        An execution whose state machine was deleted is deleted, too.
        """
        backend = stepfunctions_parser_backends[DEFAULT_ACCOUNT_ID][REGION]
        machines = {machine.arn: machine for machine in backend.state_machines}
        self._places = dict(self._store.rows(PLACE))
        going_on = []
        rows = self._store.rows(EXECUTION)
        for arn, row in rows:
            if (machine := machines.get(row["machine"])) is None:
                self._store.delete(EXECUTION, arn)
                self._store.delete(PLACE, arn)
                continue
            execution = restored(arn, row, machine)
            machine.executions.append(execution)
            if row["status"] == ExecutionStatus.RUNNING.value:
                going_on.append(execution)
            else:
                execution.exec_worker = execution._get_start_execution_worker()
                execution.exec_worker.env = execution.exec_worker._get_evaluation_environment()
        for execution in going_on:
            execution.start()
        return {"executions": len(rows), "continued executions": len(going_on)}

    def _keep(self, execution: Execution) -> None:
        row = {
            "machine": execution.state_machine.arn,
            "name": execution.name,
            "input": execution.execution_input,
            "status": execution.exec_status.value,
            "started": execution.start_date.isoformat(),
            "stopped": execution.stop_date and execution.stop_date.isoformat(),
            "output": execution.output,
            "error": execution.error,
            "cause": execution.cause,
        }
        self._store.put(EXECUTION, execution.exec_arn, row)
        if execution.exec_status != ExecutionStatus.RUNNING:
            self._store.delete(PLACE, execution.exec_arn)

    def _starting(self, start: Any) -> Any:
        @wraps(start)
        def begin(execution: Execution) -> None:
            execution.exec_status = ExecutionStatus.RUNNING
            self._keep(execution)
            start(execution)

        return begin

    def _ending(self, method: Any) -> Any:
        """A method that may end an execution (its own, or its owner's)."""

        @wraps(method)
        def end(owner: Any, *arguments: Any, **named: Any) -> None:
            method(owner, *arguments, **named)
            self._keep(getattr(owner, "execution", owner))

        return end

    def _entering(self, details: Any) -> Any:
        @wraps(details)
        def enter(state: Any, env: Any) -> Any:
            found = details(state, env)
            if execution := getattr(env, "execution", None):  # not within a map or a parallel state
                place = {
                    "state": state.name,
                    "input": env.states.get_input(),
                    "variables": env.variable_store._inner_scope,
                }
                self._store.put(PLACE, execution.exec_arn, place)
            return found

        return enter

    def _resuming(self, environment: Any) -> Any:
        """The environment of an execution, with the saved input and variables of a restored one."""

        @wraps(environment)
        def build(worker: Any) -> Any:
            env = environment(worker)
            env.execution = worker._execution_communication.execution
            if place := self._places.get(env.execution.exec_arn):
                env.states.reset(place["input"])
                for name, value in place["variables"].items():
                    env.variable_store.set(name, value)
            return env

        return build

    def _beginning(self, entrypoint: Any) -> Any:
        """The program of an execution, which begins at the saved state of a restored one."""

        @wraps(entrypoint)
        def parse(worker: Any) -> Any:
            program = entrypoint(worker)
            if place := self._places.get(worker._execution_communication.execution.exec_arn):
                program.start_at = StartAt(place["state"])
            return program

        return parse


def restored(arn: str, row: Mapping[str, Any], machine: Any) -> Execution:
    """The execution of a row, not yet started in this process."""
    execution = Execution(
        name=row["name"],
        sm_type=machine.sm_type,
        role_arn=machine.roleArn,
        exec_arn=arn,
        account_id=DEFAULT_ACCOUNT_ID,
        region_name=REGION,
        state_machine=machine,
        start_date=datetime.fromisoformat(row["started"]),
        cloud_watch_logging_session=None,
        activity_store={},
        input_data=row["input"],
    )
    execution.exec_status = ExecutionStatus(row["status"])
    execution.stop_date = row["stopped"] and datetime.fromisoformat(row["stopped"])
    execution.output, execution.error, execution.cause = row["output"], row["error"], row["cause"]
    return execution
