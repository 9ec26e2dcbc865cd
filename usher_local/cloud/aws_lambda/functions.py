"""Execution of Lambda functions: pools of workers, concurrency, payload limits.

moto stores a function's archive, settings and layers; workers start from them. A published version is moto's copy, so
it does not change.
"""

import io
import json
import logging
import threading
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import LambdaFunction, lambda_backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.logs.models import logs_backends

from usher_local.clock import Clock
from usher_local.cloud.access.credentials import assume
from usher_local.cloud.aws_lambda import layers
from usher_local.cloud.aws_lambda.asynchronous import Asynchronous
from usher_local.cloud.aws_lambda.forks import Forks
from usher_local.cloud.aws_lambda.limits import MAX_RESPONSE_BYTES, NEW, Concurrency, Limits, check_request
from usher_local.cloud.aws_lambda.python import chosen, runtime
from usher_local.cloud.aws_lambda.workers import Configuration, Worker, WorkerEndedError
from usher_local.cloud.core.pending import Pending

log = logging.getLogger(__name__)

# A laptop has few cores: more calls of a function wait for one of its workers.
WORKERS_PER_FUNCTION = 4
PATIENCE = 5.0
"""The real seconds before an execution above the limit is refused, if the clock is faster than functions."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of an invocation: JSON, whether it is a function error, and the last 4 KB of output."""

    body: str
    errored: bool = False
    tail: str = ""


class Lambdas:
    """The workers of all functions. Thread-safe."""

    def __init__(
        self,
        endpoint: str,
        clock: Clock = Clock(),  # noqa: B008 - immutable
        limits: Limits = NEW,
        pending: Pending = Pending("invocation"),  # noqa: B008 - without a store, it has no state
    ) -> None:
        self._endpoint = endpoint
        self.limits = limits
        self.asynchronous = Asynchronous(self.invoke, endpoint, clock, pending)
        self._python = chosen()
        self._folder = TemporaryDirectory(prefix="lambda-")
        self._layers: dict[str, layers.Layer] = {}
        self._unpacking = threading.Lock()
        self._concurrency = Concurrency(PATIENCE if clock.speed > 1 else 0.0)
        self._idle: defaultdict[tuple[str, str], list[Worker]] = defaultdict(list)
        self._workers: set[Worker] = set()
        self._slots: defaultdict[str, threading.Semaphore] = defaultdict(
            lambda: threading.Semaphore(WORKERS_PER_FUNCTION)
        )
        self._lock = threading.Lock()
        self._closed = False
        # PR_SET_PDEATHSIG fires at the end of the *thread* that started the child: one thread starts them all.
        self._starter = ThreadPoolExecutor(1, "lambda-starter")
        self._forks = Forks(self._python)

    def layer(self, arn: str, archive: bytes) -> layers.Layer:
        """A layer version, unpacked for functions. PackagesError if its packages can't be installed."""
        with self._unpacking:  # two functions or stacks may need the same layer at once
            if arn not in self._layers:
                self._layers[arn] = layers.unpacked(archive, Path(self._folder.name) / "layers", self._python)
            return self._layers[arn]

    def invoke(self, function: LambdaFunction, event: str, arn: str = "") -> Answer:
        """The function's answer to `event` (JSON); `arn` is the ARN that the caller used, by default the function's
        own.

        Raises TooLargeError and ThrottledError.
        """
        check_request(event, asynchronous=False)
        name = function.function_name
        with self._concurrency.execution(*pool(function, self.limits)):
            with self._lock:
                slots = self._slots[name]
            with slots:
                answer = self._invoke(function, event, arn or function.function_arn)
        if answer.errored and not self._closed:
            log.warning("%s failed: %.500s", name, answer.body)
        return answer

    def _invoke(self, function: LambdaFunction, event: str, arn: str) -> Answer:
        request, configuration = str(uuid4()), configuration_of(function)
        worker = None
        try:
            worker, failure = self._take(function, configuration)
            if failure:
                self._discard(worker)
                return Answer(failure, errored=True)
            deadline = int((time.time() + configuration.timeout) * 1000)
            headers = {
                "Lambda-Runtime-Aws-Request-Id": request,
                "Lambda-Runtime-Deadline-Ms": str(deadline),
                "Lambda-Runtime-Invoked-Function-Arn": arn,
            }
            report, tail = worker.invoke(headers, event.encode())
        except WorkerEndedError as ended:
            self._discard(worker)
            return Answer(envelope(ended.kind, f"RequestId: {request} Error: {ended}"), errored=True)
        with self._lock:
            self._idle[configuration.name, configuration.version].append(worker)
        if not is_current(configuration):
            self.prune()
        if len(report.body.encode()) > MAX_RESPONSE_BYTES:
            most = MAX_RESPONSE_BYTES
            message = f"Response payload size exceeded maximum allowed payload size ({most} bytes)."
            return Answer(envelope("Function.ResponseSizeTooLarge", message), errored=True, tail=tail)
        return Answer(report.body, report.kind == "error", tail)

    def _take(self, function: LambdaFunction, configuration: Configuration) -> tuple[Worker, str]:
        """A worker that is ready and "", or a worker whose start failed and its error (JSON)."""
        while worker := self._pop_idle(configuration):
            if worker.configuration == configuration and worker.is_ready():
                return worker, ""
            self._discard(worker)
        with self._lock:
            if self._closed:
                raise WorkerEndedError("Runtime.ExitError", "the local cloud is stopping")
            starting = self._starter.submit(self._start, function, configuration)
        worker = starting.result()
        try:
            return worker, worker.init()
        except WorkerEndedError:
            self._discard(worker)
            raise

    def _pop_idle(self, configuration: Configuration) -> Worker | None:
        idle = self._idle[configuration.name, configuration.version]
        with self._lock:
            return idle.pop() if idle else None

    def prune(self) -> None:
        """End the idle workers of functions and versions that were changed or deleted."""
        with self._lock:
            idle = [worker for workers in self._idle.values() for worker in workers]
            gone = [worker for worker in idle if not is_current(worker.configuration)]
            for worker in gone:
                self._idle[worker.configuration.name, worker.configuration.version].remove(worker)
        for worker in gone:
            self._discard(worker)

    def _start(self, function: LambdaFunction, configuration: Configuration) -> Worker:
        with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as archive:
            task_root = layers.unzipped(archive, archive.namelist(), Path(self._folder.name) / "code")
        holder = assume(configuration.role, configuration.name, "lambda.amazonaws.com")
        stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{configuration.version}]{uuid4().hex}"
        environment = {
            "AWS_ACCESS_KEY_ID": holder.access_key,
            "AWS_SECRET_ACCESS_KEY": holder.secret_key or "",
            "AWS_SESSION_TOKEN": holder.token or "",
            "AWS_ENDPOINT_URL": self._endpoint,
        }
        write = self._log_writer(function, stream)
        worker = Worker(configuration, task_root, runtime(self._python), self._forks, environment, stream, write)
        with self._lock:
            self._workers.add(worker)
        return worker

    def _log_writer(self, function: LambdaFunction, stream: str) -> Callable[[str], None]:
        backend, group = logs_backends[function.account_id][function.region], function.logs_group_name
        backend.ensure_log_group(group)
        backend.create_log_stream(group, stream)

        def write(line: str) -> None:
            backend.put_log_events(group, stream, [{"timestamp": int(time.time() * 1000), "message": line}])

        return write

    def _discard(self, worker: Worker | None) -> None:
        with self._lock:
            known = worker in self._workers
            self._workers -= {worker}
        if worker and known:
            worker.kill()

    def close(self) -> None:
        """End all workers, and drop the waiting events."""
        with self._lock:
            self._closed = True
        self.asynchronous.close()
        self._starter.shutdown()
        for worker in list(self._workers):
            self._discard(worker)
        self._forks.close()
        self._folder.cleanup()


def configuration_of(function: LambdaFunction) -> Configuration:
    """The configuration of a function or version in moto, for its workers."""
    return Configuration(
        name=function.function_name,
        version=str(function.version),
        handler=function.handler,
        runtime=function.run_time,
        role=function.role,
        region=function.region,
        memory=int(function.memory_size),
        timeout=int(function.timeout),
        environment=tuple(sorted(function.environment_vars.items())),
        code=function.code_sha_256,
        layers=tuple(path for layer in reversed(function.unpacked_layers) for path in layer.search_path),
        log_group=function.logs_group_name,
        log_format=function.log_format,
    )


def is_current(configuration: Configuration) -> bool:
    """Whether the function or version of a worker still has the worker's configuration."""
    functions = lambda_backends[DEFAULT_ACCOUNT_ID][configuration.region]
    try:
        return configuration_of(functions.get_function(configuration.name, configuration.version)) == configuration
    except UnknownFunctionException:
        return False


def pool(function: LambdaFunction, limits: Limits) -> tuple[str, int]:
    """The concurrency pool of an execution and its size: the function's reserved one, or the account's rest ("")."""
    functions = lambda_backends[function.account_id][function.region].list_functions()
    given = {one.function_name: one.reserved_concurrency for one in functions}
    reserved = {name: int(concurrency) for name, concurrency in given.items() if concurrency is not None}
    name = function.function_name
    return (name, reserved[name]) if name in reserved else ("", limits.concurrency - sum(reserved.values()))


def envelope(kind: str, message: str) -> str:
    """Lambda's JSON of a function error."""
    return json.dumps({"errorType": kind, "errorMessage": message})
