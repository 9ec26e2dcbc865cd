"""Step Functions on moto's interpreter, repaired for JSONata machines whose tasks are Lambda functions.

Gaps upstream (moto 5.2.5), in the order of the list in `executing`:
  1. the real interpreter is off by default, and state machines of CloudFormation land in the backend without it
  2. an execution without a name is called "None", so that a second one collides
  3. `$states.context.Execution.StartTime` is a datetime, which nothing can serialise
  4. StopExecution leaves the status to the running task, and fails while the execution is starting
  5. JSONata is never evaluated (getmoto/moto#10105), and strings are bound unescaped
  6. every task builds a client of its own, with made-up credentials
  7. a distributed map succeeds even if executions of its fail, and has no error of its own for a list it can't read
and AWS's minutes are too long for a desk: Wait and Retry follow our clock. Timeouts stay real.
"""

import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import wraps
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from botocore.config import Config
from botocore.exceptions import ClientError
from jsonata import Jsonata
from moto.core.config import default_user_config
from moto.stepfunctions import models
from moto.stepfunctions.parser import models as parser_models
from moto.stepfunctions.parser.api import ExecutionStatus, HistoryEventType, MapRunFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.eval import resource_eval_s3
from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.item_reader_decl import ItemReader
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.distributed_iteration_component import (
    DistributedIterationComponent,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval import states, variable_store
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.jsonata import jsonata
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend, stepfunctions_parser_backends
from moto.stepfunctions.parser.utils import TMP_THREADS

from local.clock import Clock
from local.cloud import credentials, iam
from local.cloud.patching import replaced

log = logging.getLogger(__name__)

# As Step Functions calls: what the state machine wrote, once, for as long as a function may run.
TASK = Config(parameter_validation=False, retries={"total_max_attempts": 1}, read_timeout=1000, max_pool_connections=50)
STATES = "states.amazonaws.com"
EXCEEDED = "The specified tolerated failure threshold was exceeded"
HEARTBEAT_SECONDS = 1.0
JOIN_SECONDS = 1.0


@contextmanager
def executing(endpoint: str, clock: Clock) -> Iterator[None]:
    """Let moto execute state machines; whatever still runs at the end of the block is stopped."""
    clients = Clients(endpoint)
    with ExitStack() as stack:
        for owner, name, value in (
            (models, "stepfunctions_backends", parser_models.stepfunctions_parser_backends),
            (StepFunctionsParserBackend, "start_execution", named(StepFunctionsParserBackend.start_execution)),
            (Execution, "get_start_execution_details", dated(Execution.get_start_execution_details)),
            (Execution, "stop", stopping(Execution.stop)),
            (BaseExecutionWorkerCommunication, "terminated", told(BaseExecutionWorkerCommunication.terminated)),
            (jsonata, "_eval_jsonata", evaluate),
            (states, "encode_jsonata_variable_declarations", declare),
            (variable_store, "encode_jsonata_variable_declarations", declare),
            (lambda_eval_utils, "boto_client_for", clients.client_for),
            (resource_eval_s3, "boto_client_for", clients.client_for),
            (DistributedIterationComponent, "_map_run", tolerating(DistributedIterationComponent._map_run)),
            (ItemReader, "_eval_body", reading(ItemReader._eval_body)),
            (WaitFunction, "_wait_interval", waiting(clock)),
            (retrier_decl, "time", SimpleNamespace(sleep=clock.sleep)),
        ):
            stack.enter_context(replaced(owner, name, value))
        settings = default_user_config["stepfunctions"]
        stack.callback(settings.update, dict(settings))
        settings["execute_state_machine"] = True
        try:
            yield
        finally:
            stop_all()


def stop_all() -> None:
    """Stop every running execution of every state machine."""
    for account in stepfunctions_parser_backends.values():
        for backend in account.values():
            for execution in backend._get_executions(ExecutionStatus.RUNNING):
                execution.stop(datetime.now(UTC), "", "")


def join() -> None:
    """Wait for the threads of stopped executions; one that sleeps before a retry is left to the end of the process."""
    for thread in TMP_THREADS:
        thread.join(JOIN_SECONDS)
    TMP_THREADS.clear()


def named(start_execution: Any) -> Any:
    """StartExecution that names what its caller did not name."""

    @wraps(start_execution)
    def start(
        backend: Any, state_machine_arn: str, name: str | None = None, execution_input: str | None = None, **rest: Any
    ) -> Any:
        return start_execution(backend, state_machine_arn, name or str(uuid4()), execution_input or "{}", **rest)

    return start


def dated(details: Any) -> Any:
    """The execution's details with its start as ISO 8601 text, as AWS puts it into the context object."""

    @wraps(details)
    def iso(execution: Any) -> Any:
        start = execution.start_date.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        found = details(execution)
        found.start_time = start
        return found

    return iso


def stopping(stop: Any) -> Any:
    """StopExecution that tells ABORTED at once; a task under way ends by itself and its result is dropped."""

    @wraps(stop)
    def stopped(execution: Any, stop_date: datetime, error: str | None, cause: str | None) -> None:
        while execution.exec_worker.env is None:  # its thread has not come that far
            time.sleep(0.001)
        stop(execution, stop_date, error, cause)
        execution.exec_status, execution.stop_date = ExecutionStatus.ABORTED, stop_date

    return stopped


def told(terminated: Any) -> Any:
    """The end of an execution, with a line in the log."""

    @wraps(terminated)
    def tell(communication: Any) -> None:
        terminated(communication)
        execution = communication.execution
        reason = f": {execution.error}: {execution.cause}" if execution.error else ""
        log.info("execution %s of %s %s%s", execution.name, execution.state_machine.name, execution.status, reason)

    return tell


def tolerating(map_run: Any) -> Any:
    """The executions of a distributed map, which its role must be allowed to start as if a person did.

    It fails if more of them do than it tolerates.
    """

    @wraps(map_run)
    def run(component: Any, env: Any, eval_input: Any) -> None:
        machine = env.states.context_object.context_object_data["StateMachine"]["Id"]
        try:
            iam.check_role(env.aws_execution_details.role_arn, STATES, machine, "states:StartExecution", machine)
        except PermissionError as error:
            raise map_failure(env, StatesErrorNameType.StatesPermissions, str(error)) from error
        map_run(component, env, eval_input)
        if eval_input.map_run_record.item_counter.failed.get() > eval_input.tolerated_failure_count:
            raise map_failure(env, StatesErrorNameType.StatesExceedToleratedFailureThreshold, EXCEEDED)

    return run


def reading(eval_body: Any) -> Any:
    """The list of a distributed map's items, or the error that AWS has for it."""

    @wraps(eval_body)
    def read(reader: Any, env: Any) -> None:
        try:
            eval_body(reader, env)
        except ClientError as error:
            raise map_failure(env, StatesErrorNameType.StatesItemReaderFailed, str(error)) from error

    return read


def map_failure(env: Any, kind: StatesErrorNameType, cause: str) -> FailureEventException:
    """An error of a distributed map, as the interpreter knows it."""
    name = StatesErrorName(kind)
    told = MapRunFailedEventDetails(error=name.error_name, cause=cause)
    details = EventDetails(mapRunFailedEventDetails=told)
    return FailureEventException(FailureEvent(env, name, HistoryEventType.MapRunFailed, details))


def evaluate(expression: str) -> Any:
    """The value of a JSONata expression; the interpreter's own exception where it has none."""
    try:
        return Jsonata(expression).evaluate(None)
    except Exception as error:
        raise jsonata.JSONataException("UNKNOWN", str(error)) from error


def declare(bindings: Mapping[str, Any]) -> str:
    """JSONata that binds variables (`$name` -> value). Every JSON text is a JSONata literal."""
    return "".join(f"{name}:={json.dumps(value, ensure_ascii=False)};" for name, value in bindings.items())


def waiting(clock: Clock) -> Any:
    """Wait states on `clock`."""

    def wait(_: Any, env: Any, wait_seconds: float) -> None:
        deadline = time.monotonic() + clock.real_seconds(wait_seconds)
        while env.is_running() and (left := deadline - time.monotonic()) > 0:
            # The interpreter sets and clears this event at once: a signal can be missed, so look now and then.
            env.program_state_event.wait(min(left, HEARTBEAT_SECONDS))

    return wait


class Clients:
    """One client per service and role; tasks call with the credentials of their state machine's role."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def client_for(self, region: str, service: str, state_credentials: Any) -> Any:  # noqa: ARG002
        """Stands in for moto's function of the same signature."""
        role_arn = state_credentials.role_arn
        with self._lock:
            if (service, role_arn) not in self._clients:
                holder = credentials.assume(role_arn, "state-machine", STATES)
                self._clients[service, role_arn] = credentials.client(service, self._endpoint, holder, TASK)
            return self._clients[service, role_arn]
