"""An execution of a state machine from its start to its end: names, history, quotas, StopExecution.

Gaps upstream (moto 5.2.5):
  * an execution without a name is called "None", so that a second one collides; names are not checked, and refusals
    have no code
  * `$states.context.Execution.StartTime` is a datetime, which cannot be serialised
  * no quota of history, definition, state name, input or task; the quota of output is one byte too small
  * the executions of a distributed map share one history
  * States.ALL catches States.Runtime and States.DataLimitExceeded; within a map or a parallel state, any error of AWS's
    own, such as States.Timeout, becomes States.Runtime
  * StopExecution leaves the status to the running task, fails while the execution is starting, aborts an execution
    that ended long ago; within a map or a parallel state, the execution ends as FAILED with an AttributeError

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any
from uuid import uuid4

from moto.stepfunctions.exceptions import AWSError, InvalidExecutionInput, NameTooLongException, ValidationException
from moto.stepfunctions.parser.api import (
    ExecutionAbortedEventDetails,
    ExecutionFailedEventDetails,
    ExecutionStatus,
    HistoryEventType,
    TaskFailedEventDetails,
)
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import iteration_worker
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor import (
    distributed_item_processor_worker,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel import branches_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task import StateTask
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.parser.asl.eval.program_state import ProgramError, ProgramStopped, ProgramTimedOut
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import StepFunctionsParserBackend, stepfunctions_parser_backends

from usher_local.cloud.core import backends
from usher_local.cloud.core.patching import replaced

log = logging.getLogger(__name__)

Worker = distributed_item_processor_worker.DistributedItemProcessorWorker
ENDS = {
    HistoryEventType.ExecutionAborted,
    HistoryEventType.ExecutionFailed,
    HistoryEventType.ExecutionSucceeded,
    HistoryEventType.ExecutionTimedOut,
}
TERMINAL = {"States.DataLimitExceeded", "States.Runtime"}
OVER = (ProgramError, ProgramStopped, ProgramTimedOut)


@dataclass(frozen=True, slots=True)
class Limits:
    """Quotas of Step Functions that cannot be raised: a count of events, bytes of UTF-8, characters of a name."""

    events: int = 25_000
    data: int = 262_144
    definition: int = 1_048_576
    name: int = 80


class InvalidDefinitionError(AWSError):  # type: ignore[misc]
    """CreateStateMachine or UpdateStateMachine refuses a definition."""

    TYPE = "InvalidDefinition"


@contextmanager
def recorded(limits: Limits) -> Iterator[None]:
    """Start, record and end executions as on AWS, within `limits`."""
    backend = StepFunctionsParserBackend
    with ExitStack() as stack:
        for owner, name, value in (
            (backend, "start_execution", starting(backend.start_execution, limits)),
            (backend, "_validate_definition", validating(backend._validate_definition, limits)),
            (Execution, "get_start_execution_details", with_iso_start(Execution.get_start_execution_details)),
            (Execution, "stop", stop),
            (ExecutionWorker, "_get_evaluation_environment", with_owner(ExecutionWorker._get_evaluation_environment)),
            (Worker, "_eval_job", with_history_of_its_own(Worker._eval_job)),
            (EventManager, "add_event", counted(EventManager.add_event, limits)),
            (Environment, "set_error", failing_once(Environment.set_error)),
            (Environment, "next_state_name", advancing(Environment.next_state_name)),
            (CommonStateField, "_verify_size_quota", sized(limits)),
            (StateTaskService, "_verify_size_quota", sized(limits)),
            (CommonStateField, "_get_state_entered_event_details", checking_input(limits)),
            (StateTask, "_eval_parameters", checking_arguments(limits)),
            (ErrorEqualsDecl, "_eval_body", matching(ErrorEqualsDecl._eval_body)),
            (iteration_worker, "CustomErrorName", name_of),
            (branches_decl, "CustomErrorName", name_of),
            (BaseExecutionWorkerCommunication, "terminated", ended(BaseExecutionWorkerCommunication.terminated)),
        ):
            stack.enter_context(replaced(owner, name, value))
        yield


def stop_all() -> None:
    """Stop every running execution of every state machine."""
    for _, _, backend in backends.every(stepfunctions_parser_backends):
        for execution in backend._get_executions(ExecutionStatus.RUNNING):
            execution.stop(datetime.now(UTC), None, None)


def starting(start_execution: Any, limits: Limits) -> Any:
    """StartExecution that checks name and input, and generates a missing name.

    moto keeps every execution, so a name is taken for good; on AWS, for 90 days after the end.
    """

    @wraps(start_execution)
    def start(
        backend: Any, state_machine_arn: str, name: str | None = None, execution_input: str | None = None, **rest: Any
    ) -> Any:
        given = execution_input or "{}"
        if name:
            backend._validate_name(name)
            if len(name) > limits.name:
                raise NameTooLongException(name)
        if len(given.encode()) > limits.data:
            raise too_long("input", limits.data)
        try:
            json.loads(given)
        except ValueError as error:
            raise InvalidExecutionInput(f"Invalid State Machine Execution Input: '{error}'") from error
        return start_execution(backend, state_machine_arn, name or str(uuid4()), given, **rest)

    return start


def validating(validate: Callable[[str], None], limits: Limits) -> Any:
    """The check of a definition: its size, the names of its states, and moto's own checks."""

    def check(definition: str) -> None:
        if len(definition) > limits.definition:
            raise too_long("definition", limits.definition)
        try:
            validate(definition)
        except AWSError as error:
            raise InvalidDefinitionError(f"Invalid State Machine Definition: '{error.message}'") from error
        if long := next((name for name in state_names(json.loads(definition)) if len(name) > limits.name), None):
            raise InvalidDefinitionError(
                "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: "
                f"State name {long} is longer than {limits.name} characters'"
            )

    return staticmethod(check)


def state_names(machine: Any) -> Iterator[str]:
    """The names of all states of a definition, including those in maps and branches."""
    for name, state in machine["States"].items():
        yield name
        inner = [state.get("ItemProcessor"), state.get("Iterator"), *state.get("Branches", ())]
        for one in filter(None, inner):
            yield from state_names(one)


def too_long(member: str, most: int) -> Any:
    """The error of a request with a member that is too long."""
    return ValidationException(
        f"1 validation error detected: Value at '{member}' failed to satisfy constraint: "
        f"Member must have length less than or equal to {most}"
    )


def with_iso_start(details: Any) -> Any:
    """The execution's details with its start as ISO 8601 text, as in AWS's context object."""

    @wraps(details)
    def iso(execution: Any) -> Any:
        start = execution.start_date.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        found = details(execution)
        found.start_time = start
        return found

    return iso


def with_owner(environment: Any) -> Any:
    """The environment of an execution, which becomes the owner of its history."""

    @wraps(environment)
    def build(worker: Any) -> Any:
        env = environment(worker)
        env.event_manager.owner = env
        return env

    return build


def with_history_of_its_own(eval_job: Any) -> Any:
    """An execution of a distributed map, with a history of its own."""

    @wraps(eval_job)
    def run(worker: Any, env: Any, job: Any) -> None:
        env.event_manager = EventManager()
        env.event_manager.owner = env
        eval_job(worker, env, job)

    return run


def counted(add_event: Any, limits: Limits) -> Any:
    """The record of an event. The last one within the quota is the failure.

    After an execution's end, that end is recorded once, and nothing else, even if a task still runs.
    """

    @wraps(add_event)
    def add(manager: Any, context: Any, event_type: Any, event_details: Any = None, **rest: Any) -> int:
        env = manager.owner
        with env._state_mutex:
            history: list[Any] = manager._history_event_list
            ended = bool(history) and history[-1]["type"] in ENDS
            if ended or (isinstance(env._program_state, OVER) and event_type not in ENDS):
                return len(history)
            if len(history) >= limits.events - 1 and event_type not in ENDS:
                cause = f"The execution reached the maximum number of history events ({limits.events})."
                name = StatesErrorNameType.StatesRuntime.to_name()
                env.set_error(error=ExecutionFailedEventDetails(error=name, cause=cause))
                return len(history)
            return int(add_event(manager, context, event_type, event_details, **rest))

    return add


def failing_once(set_error: Any) -> Any:
    """The failure of an execution that has not failed, been stopped or timed out before."""

    @wraps(set_error)
    def fail(env: Any, error: Any) -> None:
        with env._state_mutex:
            if not isinstance(env._program_state, OVER):
                set_error(env, error)

    return fail


def advancing(next_state_name: property) -> property:
    """The name of the next state, which is ignored after the execution's end."""

    def advance(env: Any, name: str) -> None:
        with env._state_mutex:
            if not isinstance(env._program_state, OVER):
                next_state_name.__set__(env, name)

    return property(next_state_name.__get__, advance)


def stop(execution: Any, stop_date: datetime, error: str | None, cause: str | None) -> None:
    """StopExecution: ABORTED at once, with all its parts; an execution that has ended does not change.

    A running task ends by itself, and its result is dropped.
    """
    while not (execution.exec_worker and execution.exec_worker.env and execution.exec_worker.env._program_state):
        time.sleep(0.001)  # its thread is not ready yet
    env = execution.exec_worker.env
    with env._state_mutex:
        if not env.is_running():
            return
        env.set_stop(stop_date=stop_date, error=error, cause=cause)
        given = {name: value for name, value in (("error", error), ("cause", cause)) if value}
        details = EventDetails(executionAbortedEventDetails=ExecutionAbortedEventDetails(**given))
        env.event_manager.add_event(env.event_history_context, HistoryEventType.ExecutionAborted, details)
        execution.exec_status, execution.stop_date = ExecutionStatus.ABORTED, stop_date


def sized(limits: Limits) -> Any:
    """The check of a task's result and of a state's output: States.DataLimitExceeded above the quota."""

    def verify(state: Any, env: Any, value: Any) -> None:
        text = value if isinstance(value, str) else to_json_str(value, separators=(",", ":"))
        if len(text.encode()) <= limits.data:
            return
        kind = StatesErrorNameType.StatesStatesDataLimitExceeded
        cause = (
            f"The state/task '{state.name}' returned a result with a size exceeding the maximum number of bytes "
            "service limit."
        )
        details = EventDetails(taskFailedEventDetails=TaskFailedEventDetails(error=kind.to_name(), cause=cause))
        raise FailureEventException(FailureEvent(env, StatesErrorName(kind), HistoryEventType.TaskFailed, details))

    return verify


def checking_input(limits: Limits) -> Any:
    """The event of an entered state, after the check of its input."""
    verify, details = sized(limits), CommonStateField._get_state_entered_event_details

    @wraps(details)
    def enter(state: Any, env: Any) -> Any:
        verify(state, env, env.states.get_input())
        return details(state, env)

    return enter


def checking_arguments(limits: Limits) -> Any:
    """A task's arguments, after the check of their size."""
    verify, eval_parameters = sized(limits), StateTask._eval_parameters

    @wraps(eval_parameters)
    def evaluate(state: Any, env: Any) -> Any:
        arguments = eval_parameters(state, env)
        verify(state, env, arguments)
        return arguments

    return evaluate


def matching(eval_body: Any) -> Any:
    """Whether a retrier or catcher matches an error; States.ALL does not match these two.

    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """

    @wraps(eval_body)
    def matches(errors: Any, env: Any) -> None:
        if getattr(env.stack[-1], "error_name", None) in TERMINAL:
            env.stack.append(env.stack.pop() in errors.error_names)
        else:
            eval_body(errors, env)

    return matches


def name_of(error_name: str) -> Any:
    """The name of an error in a part of a map or a parallel state: AWS's own, or the author's."""
    if error_name.startswith("States."):
        return StatesErrorName(StatesErrorNameType.from_name(error_name))
    return CustomErrorName(error_name)


def ended(terminated: Any) -> Any:
    """The end of an execution's thread, with a line in the log; a stopped execution has ended before."""

    @wraps(terminated)
    def end(communication: Any) -> None:
        execution = communication.execution
        if execution.exec_status == ExecutionStatus.RUNNING:
            terminated(communication)
        reason = f": {execution.error}: {execution.cause}" if execution.error else ""
        log.info("execution %s of %s %s%s", execution.name, execution.state_machine.name, execution.status, reason)

    return end
