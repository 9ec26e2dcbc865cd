"""The stack of template.yaml in this process: its state machines run to their ends on a simulated clock."""

import io
import json
import re
import runpy
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, cast

from moto.awslambda.models import lambda_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.events.models import events_backends
from moto.logs.models import logs_backends
from moto.s3.models import FakeDeleteMarker, s3_backends
from moto.scheduler.models import scheduler_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.models import stepfunctions_backends

from usher_local.clock import Clock
from usher_local.cloud.access.credentials import REGION
from usher_local.cloud.aws_lambda.functions import Answer, envelope
from usher_local.cloud.aws_lambda.triggers import Triggers
from usher_local.cloud.cloudformation.stack import Deployed
from usher_local.cloud.cloudformation.stacks import Stacks
from usher_local.cloud.server import STACK, environ
from usher_local.personalize.core import environment, faults
from usher_local.personalize.core.faults import Faults
from usher_local.personalize.modelling.training import model_folder
from usher_local.personalize.models import PersonalizeBackend, personalize_backends
from usher_local.simulation.machine import Machine, TaskError
from usher_local.simulation.snapshot import Container, Snapshot

LAUNCH = 1_700_000_000
"""The Unix time (seconds) at which a simulation begins."""
LOG_STREAM = "simulation"
RETRY_SECONDS = (60.0, 120.0)
"""The seconds before Lambda retries a failed asynchronous invocation (Lambda developer guide, "How Lambda handles
errors and retries with asynchronous invocation")."""


class DiedError(BaseException):
    """A function's process was killed. Handlers cannot catch it; Step Functions sees a failed task."""


class StoppedError(BaseException):
    """A person stopped the execution. Neither a handler nor the state machine can catch it."""


class _TimedOutError(BaseException):
    """A function exceeded its timeout: Lambda kills its process."""


class _OutlivedError(BaseException):
    """A function ended after its execution had been stopped."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """A place where a run may be disturbed: just before or after a function is invoked or a service is called."""

    number: int
    """The number of the invocation or call since the last reset."""
    kind: Literal["function", "call"]
    name: str
    when: Literal["before", "after"]


@dataclass
class Execution:
    """An execution of a state machine."""

    arn: str
    machine: str
    """The name in the template."""
    given: Mapping[str, Any]
    """The execution's input."""
    began: float
    """Unix seconds."""
    status: str = "RUNNING"
    seconds: float = 0
    transitions: int = 0
    invocations: int = 0
    output: Any = None


class Inline(Executor):
    """An executor that does the work during `submit`."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do the work."""
        done: Future[Any] = Future()
        try:
            done.set_result(work(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


def _leave_alone(_: Boundary) -> str | None:
    return None


def _as_usual(_: str) -> float:
    return 1.0


@dataclass
class Stack:
    """A deployed stack, with methods to use it. Made by deployment.deployed."""

    clock: Any
    """time_machine's traveller: `shift(seconds)`."""
    disturb: Callable[[Boundary], str | None] = _leave_alone
    """Called at each boundary. It may raise DiedError, StoppedError or TaskError; before a call it may return the error
    code with which the service refuses."""
    stretch: Callable[[str], float] = _as_usual
    """The factor by which a resource of a kind (`SolutionVersion`) takes longer than usual."""
    after: Callable[[float, Callable[[], object]], object] = field(init=False)
    """Does something some seconds from now. By default, it moves the clock forward and does it at once."""
    executions: dict[str, Execution] = field(default_factory=dict)
    started: list[tuple[Execution, Iterator[float]]] = field(default_factory=list)
    """The executions that StartExecution started, with their steps. The caller of `run_started` continues them."""
    bucket: str = ""
    table: str = ""
    machines: Mapping[str, str] = field(default_factory=dict)
    """The ARN of each state machine, by its name in the template."""
    definitions: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """The definition of each state machine, by the same names."""
    stacks: Stacks = field(init=False)
    """The deployed stacks of CloudFormation."""
    triggers: Triggers = field(init=False)
    """Invokes functions with the messages of queues."""
    _handlers: dict[str, Callable[[Any, Any], Any]] = field(default_factory=dict)
    _variables: dict[str, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)
    _threads: list[threading.Thread] = field(default_factory=list)
    _snapshots: dict[Callable[["Stack"], object], tuple[float, int, Snapshot]] = field(default_factory=dict)
    """For each function of `begin`: the time, the number of Personalize's resources, and the snapshot after it."""
    _call: int = 0
    _deadlines: list[float] = field(default_factory=list)
    """The deadlines of the running functions, the innermost last."""

    def __post_init__(self) -> None:
        self.after = self._move_clock
        self.triggers = Triggers(self._run, Clock(1), Inline())

    def reset(self) -> None:
        """Delete everything but the deployment, also the functions' memory."""
        self.restart_functions()
        self.personalize.reset()
        for container in self._containers():
            container.clear()
        for queue in sqs_backends[ACCOUNT][REGION].queues.values():
            vars(queue).pop("taken", None)
        self.started.clear()
        self.disturb, self.stretch, self._numbers = _leave_alone, _as_usual, count()
        self.after = self._move_clock
        environment.current.quotas.clear()
        faults.use(Faults())
        self.set_variables()
        self.clock.move_to(LAUNCH)

    def _containers(self) -> Iterator[Container]:
        """The containers that a reset empties, without those of Personalize."""
        yield s3_backends[ACCOUNT]["aws"].buckets[self.bucket].keys
        yield dynamodb_backends[ACCOUNT][REGION].get_table(self.table).items
        yield self.executions
        yield from (one.executions for one in stepfunctions_backends[ACCOUNT][REGION].state_machines)
        yield from (one.streams for one in logs_backends[ACCOUNT][REGION].groups.values())
        for queue in sqs_backends[ACCOUNT][REGION].queues.values():
            yield from (queue._messages, queue._pending_messages)
        yield from (one.sent_notifications for one in sns_backends[ACCOUNT][REGION].topics.values())
        yield from (one.schedules for one in scheduler_backends[ACCOUNT][REGION].schedule_groups.values())
        yield cloudwatch_backends[ACCOUNT][REGION].metric_data

    def begin(self, make: Callable[["Stack"], object]) -> None:
        """Start anew with the state that `make` makes; from the second time on, from its snapshot."""
        self.reset()
        if make in self._snapshots:
            seconds, self.personalize.count, snapshot = self._snapshots[make]
            snapshot.bring_back([*self._containers(), *self._personalize_containers()])
            self.clock.move_to(seconds)
            return
        make(self)
        self.restart_functions()
        trained = [model_folder(arn) for arn, one in self.personalize.resources.items() if one.kind.trained]
        snapshot = Snapshot([*self._containers(), *self._personalize_containers()], trained)
        self._snapshots[make] = time.time(), self.personalize.count, snapshot

    def _personalize_containers(self) -> Iterator[Container]:
        there = self.personalize  # models are loaded again on demand
        yield from (there.resources, there.groups, there.models._fitted)

    def restart_functions(self) -> None:
        """Forget the functions' memory, as new processes do."""
        self._handlers.clear()

    def _move_clock(self, seconds: float, do: Callable[[], object]) -> None:
        self.clock.shift(seconds)
        do()

    def set_variables(self, **variables: str) -> None:
        """Give the functions these environment variables instead of the template's, as a deployment does."""
        if variables != self._variables:
            self._variables = variables
            self.restart_functions()

    @property
    def personalize(self) -> PersonalizeBackend:
        """The backend of Personalize."""
        return cast(PersonalizeBackend, personalize_backends[ACCOUNT][REGION])

    def put(self, key: str, content: str | bytes) -> None:
        """Put a file into the bucket, without an event."""
        s3_backends[ACCOUNT]["aws"].put_object(
            self.bucket, key, content.encode() if isinstance(content, str) else content
        )

    def read(self, pattern: str) -> dict[str, Any]:
        """The JSON files of the bucket whose keys match a pattern, by key."""
        return {key: self._read_json(self.bucket, key) for key in self.keys(pattern)}

    def keys(self, pattern: str) -> list[str]:
        """The keys of the bucket that match a pattern, sorted."""
        kept = s3_backends[ACCOUNT]["aws"].buckets[self.bucket].keys.items()
        return sorted(key for key, one in kept if re.fullmatch(pattern, key) and not isinstance(one, FakeDeleteMarker))

    def notifications(self) -> list[str]:
        """The messages that were sent to people since the last reset, of all topics."""
        topics = sns_backends[ACCOUNT][REGION].topics.values()
        return [message for topic in topics for _, message, *_ in topic.sent_notifications]

    def items(self, group: str) -> dict[str, Any]:
        """The table's items of a group, by name."""
        return {name.value: item.to_json()["Attributes"] for name, item in self._partition(group).items()}

    def item(self, group: str, name: str) -> dict[str, Any]:
        """An item of a group in the table; empty if it does not exist."""
        found = self._partition(group).get(DynamoType({"S": name}))
        return dict(found.to_json()["Attributes"]) if found else {}

    def _partition(self, group: str) -> Mapping[Any, Any]:
        table = dynamodb_backends[ACCOUNT][REGION].get_table(self.table)
        return cast(Mapping[Any, Any], table.items.get(DynamoType({"S": group}), {}))

    def drop(self, key: str) -> Execution:
        """Run the pipeline to its end, started by the event of a put object."""
        detail = {"bucket": {"name": self.bucket}, "object": {"key": key}}
        return self.run({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})

    def run(self, given: Mapping[str, Any], machine: str = "Pipeline") -> Execution:
        """Run an execution of a state machine to its end."""
        return self._finish(*self.start(given, machine))

    def run_started(self) -> Execution:
        """Run the first execution of `started` to its end."""
        return self._finish(*self.started.pop(0))

    def _finish(self, execution: Execution, waits: Iterator[float]) -> Execution:
        for seconds in waits:
            self.clock.shift(seconds)
        return execution

    def start(self, given: Mapping[str, Any], machine: str = "Pipeline") -> tuple[Execution, Iterator[float]]:
        """An execution of a state machine, and its steps, each of which is the seconds to wait."""
        name = f"{self.machines[machine].replace(':stateMachine:', ':execution:')}:{len(self.executions):04}"
        return self._start(Execution(name, machine, given, time.time()))

    def _start(self, execution: Execution) -> tuple[Execution, Iterator[float]]:
        self.executions[execution.arn] = execution
        return execution, self._steps(execution, execution.given)

    def deliver(self) -> int:
        """Invoke functions with the visible messages of their queues. Returns the number of batches. A batch whose
        window is open waits."""
        return sum(iter(self.triggers.tick, 0))

    @property
    def logs(self) -> str:
        """The name of the functions' log group."""
        return self._resources()["FunctionLogs"].physical_id

    def _resources(self) -> Mapping[str, Deployed]:
        """The stack's resources, by their names in the template."""
        return next(one.resources for one in self.stacks.all.values() if one.name == STACK)

    @property
    def folders(self) -> dict[str, Path]:
        """The source folder of each function, by the function's name."""
        functions = (one for one in self._resources().values() if one.kind == "AWS::Lambda::Function")
        return {one.physical_id: self.stacks.place.root / one.properties["Code"]["S3Key"] for one in functions}

    def submit(self, function: Any, event: str, arn: str) -> None:
        """Run a function in a thread, so that the sender can wait for its answer."""
        thread = threading.Thread(target=self._run, args=(function, event, arn), daemon=True)
        self._threads.append(thread)
        thread.start()

    def join(self) -> None:
        """Wait for the threads of `submit`: a function that has sent its answer still runs, with its environment."""
        while self._threads:
            self._threads.pop().join()

    def _run(self, function: Any, event: str, _: str) -> Answer:
        try:
            return Answer(json.dumps(self.invoke(function.function_name, json.loads(event))))
        except TaskError as error:
            return Answer(envelope(error.output["Error"], error.output["Cause"]), errored=True)

    def stop(self, execution: Execution) -> None:
        """Stop an execution, as a person does. A function that runs for it continues to its end."""
        execution.status = "ABORTED"
        self._report_end(execution)

    def _steps(self, execution: Execution, given: Mapping[str, Any]) -> Iterator[float]:
        def invoke(function: str, payload: Any) -> Any:
            execution.invocations += 1
            try:
                return self.invoke(function.rpartition(":")[2], payload)
            finally:
                if execution.status == "ABORTED":
                    raise _OutlivedError

        started = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        context = {"Execution": {"Id": execution.arn, "Input": given, "StartTime": started}}
        machine, start = Machine(self.definitions[execution.machine], invoke, context, self._read_json), time.time()
        try:
            execution.status, execution.output = yield from machine.run()
        except _OutlivedError:
            return
        except StoppedError:
            execution.status = "ABORTED"
        execution.seconds, execution.transitions = time.time() - start, machine.transitions
        self._report_end(execution)

    def _read_json(self, bucket: str, key: str) -> Any:
        return json.loads(s3_backends[ACCOUNT]["aws"].buckets[bucket].keys[key].value)

    def _report_end(self, execution: Execution) -> None:
        """Invoke the functions that EventBridge notifies of an execution's end."""
        arns = {"executionArn": execution.arn, "stateMachineArn": self.machines[execution.machine]}
        why = execution.output if execution.status == "FAILED" else {}
        named = {"error": why.get("Error"), "cause": why.get("Cause")}
        times = {"startDate": int(execution.began * 1000), "stopDate": int(time.time() * 1000)}
        detail = {**arns, **times, "status": execution.status, "input": json.dumps(execution.given), **named}
        event = {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}
        for rule in events_backends[ACCOUNT][REGION].event_buses["default"].rules.values():
            if rule.event_pattern.matches_event(event):
                for target in rule.targets:
                    self._invoke_later(target["Arn"].rpartition(":")[2], event)

    def _invoke_later(self, name: str, event: Any, pauses: Sequence[float] = RETRY_SECONDS) -> None:
        """Invoke a function as EventBridge does: without waiting for the answer, and with retries."""
        try:
            self.invoke(name, event)
        except TaskError:
            if pauses:
                self.after(pauses[0], lambda: self._invoke_later(name, event, pauses[1:]))

    def invoke(self, name: str, payload: Any) -> Any:
        """The answer of a function, by its name. Raises TaskError if it fails."""
        number = next(self._numbers)
        try:
            self.disturb(Boundary(number, "function", name, "before"))
            function = lambda_backends[ACCOUNT][REGION].get_function(name)
            with (
                environ({**function.environment_vars, **self._variables}),
                self._logging(),
                self._time_limit(function.timeout),
            ):
                answer = self._handler(name)(json.loads(json.dumps(payload)), SimpleNamespace())
            self.disturb(Boundary(number, "function", name, "after"))
        except (DiedError, StoppedError, _TimedOutError) as error:
            self._handlers.pop(name, None)
            if isinstance(error, StoppedError):
                raise
            if isinstance(error, _TimedOutError):
                raise TaskError("Sandbox.Timedout", f"Task timed out after {function.timeout}.00 seconds") from error
            raise TaskError("Runtime.ExitError", "Runtime exited with error: signal: killed") from error
        except TaskError:
            raise
        except Exception as error:
            cause = {"errorType": type(error).__name__, "errorMessage": str(error)}
            raise TaskError(type(error).__name__, json.dumps(cause)) from error
        return json.loads(json.dumps(answer))

    @contextmanager
    def _time_limit(self, seconds: float) -> Iterator[None]:
        """Kill a function at its first call after its timeout (seconds)."""
        self._deadlines.append(time.time() + seconds)
        try:
            yield
        finally:
            self._deadlines.pop()

    def _disturb_call(self, boundary: Boundary) -> str | None:
        code = self.disturb(boundary)
        if self._deadlines and time.time() >= self._deadlines[-1]:
            raise _TimedOutError
        return code

    @contextmanager
    def _logging(self) -> Iterator[None]:
        """Write the block's output to the functions' log group."""
        with redirect_stdout(io.StringIO()) as printed:
            try:
                yield
            finally:
                logs, now, lines = (
                    logs_backends[ACCOUNT][REGION],
                    int(time.time() * 1000),
                    printed.getvalue().splitlines(),
                )
                if LOG_STREAM not in logs.groups[self.logs].streams:
                    logs.create_log_stream(self.logs, LOG_STREAM)
                logs.put_log_events(self.logs, LOG_STREAM, [{"timestamp": now, "message": line} for line in lines])

    def _handler(self, name: str) -> Callable[[Any, Any], Any]:
        """A function's handler; its module is loaded anew after its process died."""
        if name not in self._handlers:
            self._handlers[name] = runpy.run_path(str(self.folders[name] / "app.py"))["lambda_handler"]
        return self._handlers[name]

    def before_call(self, model: Any, params: Mapping[str, Any], **_: Any) -> Any:
        """Handle botocore's event before a call: a returned answer replaces the service's."""
        number, service = next(self._numbers), model.service_model.service_name
        code = self._disturb_call(Boundary(number, "call", f"{service}:{model.name}", "before"))
        self._call = number
        if code:
            return _answer(400, Error={"Code": code, "Message": "Rate exceeded"})
        if (service, model.name) == ("stepfunctions", "DescribeExecution"):
            arn = json.loads(params["body"])["executionArn"]
            return _answer(200, executionArn=arn, status=self.executions[arn].status)
        return None

    def after_call(self, model: Any, parsed: Mapping[str, Any], **_: Any) -> None:
        """Handle botocore's event after an answer of the service."""
        if model.service_model.service_name == "personalize" and model.name.startswith(("Create", "Update")):
            for arn in (value for name, value in parsed.items() if name.endswith("Arn")):
                self._stretch(arn, updating=model.name.startswith("Update"))
        if model.name == "StartExecution" and "executionArn" in parsed:
            self._note_start(parsed["executionArn"])
        self._disturb_call(Boundary(self._call, "call", f"{model.service_model.service_name}:{model.name}", "after"))

    def _note_start(self, arn: str) -> None:
        """Keep an execution that a call started, if its state machine is simulated."""
        made = stepfunctions_backends[ACCOUNT][REGION].describe_execution(arn)
        for name, machine in self.machines.items():
            if machine == made.state_machine_arn:
                self.started.append(self._start(Execution(arn, name, json.loads(made.execution_input), time.time())))

    def _stretch(self, arn: str, *, updating: bool) -> None:
        resource = self.personalize.resources[arn]
        life = resource.update.life if updating and resource.update else resource.life
        life.minutes *= self.stretch(resource.kind.name)


def _answer(http_status: int, /, **members: Any) -> tuple[Any, dict[str, Any]]:
    metadata = {"HTTPStatusCode": http_status, "HTTPHeaders": {}, "RetryAttempts": 0}
    return SimpleNamespace(status_code=http_status), {"ResponseMetadata": metadata, **members}
