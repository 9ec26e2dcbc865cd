"""Step Functions on moto's interpreter, repaired for JSONata machines whose tasks are Lambda functions.

Gaps upstream (moto 5.2.5), in the order of the list in `executing`:
  1. the real interpreter is off by default, and CloudFormation's state machines are in the other backend
  2. escapes in literal text, such as under `Assign`, are not decoded
  3. JSONata is never evaluated (getmoto/moto#10105), strings are bound unescaped, and a failing
     expression is States.Runtime
  4. every task makes a client of its own, with invented credentials
  5. a distributed map succeeds even if its executions fail or are stopped, and has no error of its own for a list
     that it can't read
  6. each execution parses its definition anew, which takes longer than the rest of a short execution

`executions.py` has the repairs of an execution's start and end. Wait and Retry follow our clock, since AWS's minutes
are too long for a developer. Timeouts stay real.
"""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import wraps
from types import SimpleNamespace
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError
from jsonata import Jsonata
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.config import default_user_config
from moto.stepfunctions import models, responses
from moto.stepfunctions.parser import models as parser_models
from moto.stepfunctions.parser.api import (
    EvaluationFailedEventDetails,
    HistoryEventType,
    MapRunFailedEventDetails,
    MapRunStatus,
)
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata
from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.eval import resource_eval_s3
from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.item_reader_decl import ItemReader
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.distributed_iteration_component import (
    DistributedIterationComponent,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval import states, variable_store
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped
from moto.stepfunctions.parser.asl.jsonata import jsonata
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor
from moto.stepfunctions.parser.utils import TMP_THREADS

from usher_local.clock import Clock
from usher_local.cloud.access import credentials, iam
from usher_local.cloud.access.credentials import PARTITION, REGION
from usher_local.cloud.core.patching import replaced
from usher_local.cloud.step_functions import executions

# Step Functions sends the state machine's arguments unchecked, without retries, and waits as long as a function may
# run.
TASK = Config(parameter_validation=False, retries={"total_max_attempts": 1}, read_timeout=1000, max_pool_connections=50)
STATES = "states.amazonaws.com"
MACHINE = f"arn:{PARTITION}:states:{REGION}:{DEFAULT_ACCOUNT_ID}:stateMachine:any"
"""The resource for which Step Functions assumes a role; its guide only says `stateMachine:*`."""
EXCEEDED = "The specified tolerated failure threshold was exceeded"
HEARTBEAT_SECONDS = 1.0
JOIN_SECONDS = 1.0


@contextmanager
def executing(endpoint: str, clock: Clock, limits: executions.Limits = executions.Limits()) -> Iterator[None]:  # noqa: B008 - immutable
    """Make moto execute state machines within `limits`; stop those that still run at the end of the block."""
    clients = Clients(endpoint)
    with ExitStack() as stack:
        for owner, name, value in (
            (models, "stepfunctions_backends", parser_models.stepfunctions_parser_backends),
            (responses, "stepfunctions_backends", parser_models.stepfunctions_parser_backends),
            (Preprocessor, "_inner_string_of", staticmethod(unescaped(Preprocessor._inner_string_of))),
            (AmazonStateLanguageParser, "parse", staticmethod(parsing_once(AmazonStateLanguageParser.parse))),
            (jsonata, "_eval_jsonata", evaluate),
            (StringJSONata, "_eval_body", explaining(StringJSONata._eval_body)),
            (states, "encode_jsonata_variable_declarations", declare),
            (variable_store, "encode_jsonata_variable_declarations", declare),
            (lambda_eval_utils, "boto_client_for", clients.client_for),
            (resource_eval_s3, "boto_client_for", clients.client_for),
            (DistributedIterationComponent, "_map_run", tolerating(DistributedIterationComponent._map_run)),
            (DistributedIterationComponent, "_eval_body", aborting(DistributedIterationComponent._eval_body)),
            (ItemReader, "_eval_body", reading(ItemReader._eval_body)),
            (WaitFunction, "_wait_interval", waiting(clock)),
            (retrier_decl, "time", SimpleNamespace(sleep=clock.sleep)),
        ):
            stack.enter_context(replaced(owner, name, value))
        stack.enter_context(executions.recorded(limits))
        settings = default_user_config["stepfunctions"]
        stack.callback(settings.update, dict(settings))
        settings["execute_state_machine"] = True
        try:
            yield
        finally:
            executions.stop_all()


def join() -> None:
    """Wait a little for the threads of stopped executions; one that sleeps before a retry ends with the process."""
    deadline = time.monotonic() + JOIN_SECONDS
    for thread in TMP_THREADS:
        thread.join(max(0.0, deadline - time.monotonic()))
    TMP_THREADS.clear()


def tolerating(map_run: Any) -> Any:
    """The executions of a distributed map, which its role must be allowed to start.

    The map fails if more of them fail than it tolerates.
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


def aborting(eval_body: Any) -> Any:
    """A distributed map, whose run is aborted together with its execution."""

    @wraps(eval_body)
    def run(component: Any, env: Any) -> None:
        record = env.stack[-1].map_run_record
        try:
            eval_body(component, env)
        finally:
            if isinstance(env.program_state(), ProgramStopped):
                record.set_stop(MapRunStatus.ABORTED)

    return run


def reading(eval_body: Any) -> Any:
    """The list of a distributed map's items, or AWS's error for it."""

    @wraps(eval_body)
    def read(reader: Any, env: Any) -> None:
        try:
            eval_body(reader, env)
        except ClientError as error:
            raise map_failure(env, StatesErrorNameType.StatesItemReaderFailed, str(error)) from error

    return read


def map_failure(env: Any, kind: StatesErrorNameType, cause: str) -> FailureEventException:
    """An error of a distributed map, in the interpreter's form."""
    name = StatesErrorName(kind)
    failure = MapRunFailedEventDetails(error=name.error_name, cause=cause)
    details = EventDetails(mapRunFailedEventDetails=failure)
    return FailureEventException(FailureEvent(env, name, HistoryEventType.MapRunFailed, details))


def unescaped(inner_string_of: Any) -> Any:
    """A text of a definition without its quotes, and with its escapes decoded."""

    @wraps(inner_string_of)
    def text(parser_rule_context: Any) -> str | None:
        inner: str | None = inner_string_of(parser_rule_context)
        quoted = inner is not None and parser_rule_context.getText().startswith('"')
        return str(json.loads(f'"{inner}"')) if quoted else inner

    return text


def parsing_once(parse: Any) -> Any:
    """The program of a definition, made anew each time from a cached tree."""
    trees: dict[str, Any] = {}

    @wraps(parse)
    def parsed(definition: str) -> tuple[Any, Any]:
        if definition in trees:
            return Preprocessor().visit(trees[definition]), trees[definition]
        program, trees[definition] = parse(definition)
        return program, trees[definition]

    return parsed


def evaluate(expression: str) -> Any:
    """The value of a JSONata expression. Raises the interpreter's own exception if there is none."""
    try:
        return Jsonata(expression).evaluate(None)
    except Exception as error:
        raise jsonata.JSONataException("UNKNOWN", str(error)) from error


def explaining(eval_body: Any) -> Any:
    """The value of an expression of a definition. Raises States.QueryEvaluationError if there is none."""

    @wraps(eval_body)
    def run(text: Any, env: Any) -> None:
        try:
            eval_body(text, env)
        except jsonata.JSONataException as error:
            name = StatesErrorName(StatesErrorNameType.StatesQueryEvaluationError)
            cause = f"The JSONata expression '{text.expression}' threw an error during evaluation. {error.details}"
            failure = EvaluationFailedEventDetails(error=name.error_name, cause=cause)
            details = EventDetails(evaluationFailedEventDetails=failure)
            raise FailureEventException(FailureEvent(env, name, HistoryEventType.EvaluationFailed, details)) from error

    return run


def declare(bindings: Mapping[str, Any]) -> str:
    """JSONata that binds variables (`$name` -> value). Every JSON text is a JSONata literal."""
    return "".join(f"{name}:={json.dumps(value, ensure_ascii=False)};" for name, value in bindings.items())


def waiting(clock: Clock) -> Any:
    """Wait states on `clock`."""

    def wait(_: Any, env: Any, wait_seconds: float) -> None:
        deadline = time.monotonic() + clock.real_seconds(wait_seconds)
        while env.is_running() and (left := deadline - time.monotonic()) > 0:
            # The interpreter sets and clears this event at once: a signal can be missed, so check now and then.
            env.program_state_event.wait(min(left, HEARTBEAT_SECONDS))

    return wait


class Clients:
    """One client per service and role; tasks call with the credentials of their state machine's role."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def client_for(self, region: str, service: str, state_credentials: Any) -> Any:  # noqa: ARG002
        """Replaces moto's function of the same signature."""
        role_arn = state_credentials.role_arn
        with self._lock:
            if (service, role_arn) not in self._clients:
                holder = credentials.assume(role_arn, "state-machine", STATES, MACHINE)
                self._clients[service, role_arn] = credentials.client(service, self._endpoint, holder, TASK)
            return self._clients[service, role_arn]
