"""Lambda functions as real processes: AWS's runtime interface emulator and AWS's Python runtime client.

The gap upstream: moto runs functions in Docker only, synchronously, and calls every function error "Handled"
(`LambdaFunction.invoke`). The emulator is the binary that ships in the aws-sam-cli wheel (Linux, x86_64 and arm64).

A worker runs from the function's CodeUri folder with its layers' folders on PYTHONPATH. Third-party packages come
from the environment of the interpreter that runs the local cloud, not from what `sam build` would package.
"""

import ctypes
import http.client
import json
import logging
import os
import platform
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import samcli.local.rapid
from moto.awslambda.models import LambdaFunction
from moto.logs.models import logs_backends

from local.cloud.credentials import assume
from local.cloud.patching import replaced

log = logging.getLogger(__name__)

# A laptop has few cores: further calls of a function wait for one of its workers.
WORKERS_PER_FUNCTION = 8
START_SECONDS = 10.0
INVOCATIONS = "/2015-03-31/functions/function/invocations"
ERROR_KEYS = {"errorType", "errorMessage", "requestId", "stackTrace"}
MACHINES = {"x86_64": "x86_64", "aarch64": "arm64"}
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Code:
    """Where a function's source lives, and how it logs (`Text` or `JSON`)."""

    folder: Path
    python_path: tuple[Path, ...] = ()
    log_format: str = "Text"


class WorkerLostError(Exception):
    """The worker's process ended while it was asked."""


class Worker:
    """One execution environment of a function; answers one request at a time (the emulator's own limit)."""

    def __init__(self, process: "subprocess.Popen[str]", port: int, logs: threading.Thread) -> None:
        self._process = process
        self._port = port
        self._logs = logs

    def ask(self, event: str, seconds: float) -> tuple[int, str]:
        """Status and body of one invocation; WorkerLostError when the process is gone or silent for `seconds`."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=seconds)
        try:
            connection.request("POST", INVOCATIONS, event.encode())
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise WorkerLostError(str(error)) from error
        finally:
            connection.close()

    def wait_until_listening(self) -> None:
        """Return once the emulator accepts connections; WorkerLostError when it ends or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._port)):
                return
            time.sleep(0.005)
        raise WorkerLostError(f"the runtime emulator did not start (exit code {self._process.poll()})")

    def is_alive(self) -> bool:
        """Whether the runtime of a worker that has answered before still runs; AWS asks no dead sandbox either."""
        try:
            return any(path.read_text() for path in Path(f"/proc/{self._process.pid}/task").glob("*/children"))
        except OSError:  # a thread of the emulator ended between the listing and the reading
            return self.is_alive()

    def kill(self) -> None:
        """End the emulator, then the runtime: it has a process group of its own, but still the emulator's session."""
        self._process.kill()
        self._process.wait()
        for pid in (int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()):
            with suppress(ProcessLookupError):
                if os.getsid(pid) == self._process.pid:
                    os.kill(pid, signal.SIGKILL)
        self._logs.join()


class Lambdas:
    """The workers of all functions. Thread-safe."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._emulator = emulator()
        self._code: dict[str, Code] = {}
        self._idle: defaultdict[str, list[Worker]] = defaultdict(list)
        self._workers: set[Worker] = set()
        self._slots: defaultdict[str, threading.Semaphore] = defaultdict(
            lambda: threading.Semaphore(WORKERS_PER_FUNCTION)
        )
        self._lock = threading.Lock()
        self._closed = False
        # PR_SET_PDEATHSIG fires at the end of the *thread* that started the child: one thread starts them all.
        self._starter = ThreadPoolExecutor(1, "lambda-starter")

    def add(self, name: str, code: Code) -> None:
        """Tell where the source of function `name` is; needed before it can be invoked."""
        self._code[name] = code

    def invoke(self, function: LambdaFunction, event: str) -> tuple[str, bool]:
        """The function's answer (JSON) to `event` (JSON), and whether it is a function error."""
        with self._lock:
            slots = self._slots[function.function_name]
        with slots:
            answer, errored = self._invoke(function, event)
        if errored and not self._closed:
            log.warning("%s failed: %.500s", function.function_name, answer)
        return answer, errored

    def _invoke(self, function: LambdaFunction, event: str) -> tuple[str, bool]:
        name, request = function.function_name, uuid4()
        worker = None
        try:
            worker = self._take(function)
            # The emulator enforces the function's own timeout and counts the start of a cold runtime into it.
            status, body = worker.ask(event, float(function.timeout) + START_SECONDS)
        except WorkerLostError:
            self._discard(worker)
            return error("Runtime.ExitError", f"RequestId: {request} Error: Runtime exited with error: signal: killed")
        if body.startswith("Task timed out after"):
            self._discard(worker)
            return error("Sandbox.Timedout", f"RequestId: {request} Error: {body}")
        if status != http.client.OK:
            self._discard(worker)
            return body, True
        with self._lock:
            self._idle[name].append(worker)
        return body, is_error(body)

    def _take(self, function: LambdaFunction) -> Worker:
        while worker := self._pop_idle(function.function_name):
            if worker.is_alive():
                return worker
            self._discard(worker)
        with self._lock:
            if self._closed:
                raise WorkerLostError("the local cloud is stopping")
            starting = self._starter.submit(self._start, function)
        worker = starting.result()
        worker.wait_until_listening()
        return worker

    def _pop_idle(self, name: str) -> Worker | None:
        with self._lock:
            return self._idle[name].pop() if self._idle[name] else None

    def _start(self, function: LambdaFunction) -> Worker:
        code = self._code[function.function_name]
        ports = free_ports(2)
        stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{function.version}]{uuid4().hex}"
        process = subprocess.Popen(  # noqa: S603 - our own binary and interpreter
            [
                str(self._emulator),
                *("--runtime-interface-emulator-address", f"127.0.0.1:{ports[0]}"),
                *("--runtime-api-address", f"127.0.0.1:{ports[1]}"),
                *(sys.executable, "-m", "awslambdaric", function.handler),
            ],
            cwd=code.folder,
            env=self._environment(function, code, stream),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # the emulator's own chatter; both streams of the function go to stdout
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        logs = threading.Thread(target=keep_logs, args=(function, stream, process), daemon=True)
        logs.start()
        worker = Worker(process, ports[0], logs)
        with self._lock:
            self._workers.add(worker)
        return worker

    def _environment(self, function: LambdaFunction, code: Code, stream: str) -> dict[str, str]:
        """https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html, and the way back to moto."""
        credentials = assume(function.role, function.function_name, "lambda.amazonaws.com")
        return {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            "PYTHONPATH": os.pathsep.join(str(path) for path in code.python_path),
            "LAMBDA_TASK_ROOT": str(code.folder),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_FORMAT": code.log_format.upper(),
            "AWS_LAMBDA_LOG_GROUP_NAME": function.logs_group_name,
            "AWS_LAMBDA_LOG_STREAM_NAME": stream,
            "AWS_REGION": function.region,
            "AWS_DEFAULT_REGION": function.region,
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
            "AWS_SESSION_TOKEN": credentials.token,
            "AWS_ENDPOINT_URL": self._endpoint,
            **function.environment_vars,
        }

    def _discard(self, worker: Worker | None) -> None:
        if worker is None:
            return
        worker.kill()
        with self._lock:
            self._workers.discard(worker)

    def close(self) -> None:
        """End every worker, idle or busy."""
        with self._lock:
            self._closed = True
        self._starter.shutdown()
        for worker in list(self._workers):
            self._discard(worker)


def error(kind: str, message: str) -> tuple[str, bool]:
    """Lambda's envelope of a function error."""
    return json.dumps({"errorType": kind, "errorMessage": message}), True


def is_error(body: str) -> bool:
    """Whether an answer is a function error; the emulator does not say so in a header, its envelope must tell."""
    if not body.startswith('{"error'):
        return False
    answer: Mapping[str, Any] = json.loads(body)
    return {"errorType", "errorMessage"} <= answer.keys() <= ERROR_KEYS


def emulator() -> Path:
    """The runtime interface emulator of this machine; OSError where AWS builds none."""
    machine = MACHINES.get(platform.machine())
    if sys.platform != "linux" or machine is None:
        raise OSError(f"AWS's Lambda runtime emulator runs on Linux (x86_64, arm64), not on {platform.platform()}")
    return Path(samcli.local.rapid.__path__[0]) / f"aws-lambda-rie-{machine}"


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nothing listens on now."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


LIBC = ctypes.CDLL(None)


def die_with_parent() -> None:
    """Ask Linux to end this process together with the one that started it, however that one ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def keep_logs(function: LambdaFunction, stream: str, process: "subprocess.Popen[str]") -> None:
    """Write a worker's lines to the function's log group until it ends."""
    backend = logs_backends[function.account_id][function.region]
    backend.ensure_log_group(function.logs_group_name)
    backend.create_log_stream(function.logs_group_name, stream)
    with process:
        for line in process.stdout or ():
            event = {"timestamp": int(time.time() * 1000), "message": line.rstrip("\n")}
            backend.put_log_events(function.logs_group_name, stream, [event])


@contextmanager
def running(lambdas: Lambdas) -> Iterator[None]:
    """Let moto run functions on `lambdas`, asynchronously where the caller asks for `Event`."""

    def invoke(function: LambdaFunction, body: str, request_headers: Any, response_headers: Any) -> bytes:
        kind = request_headers.get("x-amz-invocation-type", "RequestResponse")
        if kind == "Event":
            threading.Thread(target=lambdas.invoke, args=(function, body or "{}"), daemon=True).start()
        if kind != "RequestResponse":
            return b""
        answer, errored = lambdas.invoke(function, body or "{}")
        if errored:
            response_headers["x-amz-function-error"] = "Unhandled"
        return answer.encode()

    with replaced(LambdaFunction, "invoke", invoke):
        try:
            yield
        finally:
            lambdas.close()
