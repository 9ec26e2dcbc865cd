"""A worker: a process that runs one function's code in AWS's Python runtime interface client.

It gets what an execution environment of Lambda has: the function's folder, its layers, the runtime's packages, and a
clean environment. https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

import os
import queue
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from usher_local.cloud.aws_lambda.forks import Forks, is_readable
from usher_local.cloud.aws_lambda.runtime_api import Report, RuntimeApi

# AWS gives the code outside the handler ten seconds, then starts it again within the function's own timeout.
INIT_SECONDS = 10.0
POLL_SECONDS = 0.05
TAIL_BYTES = 4096
READ_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Configuration:
    """The configuration of a version of a function. A worker serves one configuration."""

    name: str
    version: str
    handler: str
    runtime: str
    role: str
    region: str
    memory: int
    """MB."""
    timeout: int
    """Seconds."""
    environment: tuple[tuple[str, str], ...]
    code: str
    """SHA-256 of the archive."""
    layers: tuple[Path, ...]
    """Folders for `sys.path`, in order."""
    log_group: str
    log_format: str


class WorkerEndedError(Exception):
    """A worker did not answer; carries Lambda's type and message of the error."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Worker:
    """One execution environment: answers one request at a time."""

    def __init__(
        self,
        configuration: Configuration,
        task_root: Path,
        runtime: Path,
        forks: Forks,
        credentials: Mapping[str, str],
        stream: str,
        write: Callable[[str], None],
    ) -> None:
        """Start the process; `write` gets each line of its output. The calling thread must outlive the process."""
        self.configuration = configuration
        self._api = RuntimeApi()
        self._tmp = tempfile.mkdtemp(prefix="lambda-tmp-")
        environment = {
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "LAMBDA_TASK_ROOT": str(task_root),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            # Of its own, so that the function sees neither a developer's ~/.aws nor files of other workers.
            "HOME": self._tmp,
            "TMPDIR": self._tmp,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{configuration.runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": configuration.name,
            "AWS_LAMBDA_FUNCTION_VERSION": configuration.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration.memory),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(configuration.timeout),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_FORMAT": configuration.log_format.upper(),
            "AWS_LAMBDA_LOG_GROUP_NAME": configuration.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": stream,
            "AWS_REGION": configuration.region,
            "AWS_DEFAULT_REGION": configuration.region,
            **credentials,
            **dict(configuration.environment),
        }
        search_path = [task_root, *configuration.layers, runtime]
        self._process = forks.start(search_path, environment, ["awslambdaric", configuration.handler])
        self._api.serve(self._process.pid)
        self._log = Log(self._process.output, write)

    def init(self) -> str:
        """Wait until the code outside the handler has run; return the error (JSON) that it raised, or "".

        WorkerEndedError if it ends or takes too long.
        """
        return self._expect({"next", "init"}, INIT_SECONDS + self.configuration.timeout).body

    def invoke(self, headers: Mapping[str, str], event: bytes) -> tuple[Report, str]:
        """The answer of the handler (a `response` or an `error`), and the last 4 KB of its output.

        WorkerEndedError if there is none.
        """
        self._log.tail = ""
        self._api.send(headers, event)
        report = self._expect({"response", "error"}, self.configuration.timeout)
        self._check_memory()
        self._log.pump()
        return report, self._log.tail

    def is_ready(self) -> bool:
        """Whether the runtime asks for work after an answer; AWS gives no work to a dead one either."""
        try:
            self._expect({"next"}, self.configuration.timeout)
        except WorkerEndedError:
            return False
        return self._process.poll() is None

    def _expect(self, kinds: Collection[str], seconds: float) -> Report:
        deadline = time.monotonic() + seconds
        while True:
            ended = self._process.poll()
            try:
                # The reports of a process that ended are in the queue by now.
                report = self._api.reports.get(timeout=POLL_SECONDS)
            except queue.Empty:
                self._check_memory()
                if ended is not None:
                    how = f"exit status {ended}" if ended >= 0 else f"signal: {signal.strsignal(-ended)}".lower()
                    raise WorkerEndedError("Runtime.ExitError", f"Runtime exited with error: {how}") from None
                if time.monotonic() > deadline:
                    message = f"Task timed out after {self.configuration.timeout:.2f} seconds"
                    raise WorkerEndedError("Sandbox.Timedout", message) from None
                continue
            if report.kind in kinds:
                return report

    def _check_memory(self) -> None:
        if peak_memory(self._process.pid) > self.configuration.memory * 2**20:
            raise WorkerEndedError("Runtime.OutOfMemory", "Runtime exited with error: signal: killed")

    def kill(self) -> None:
        """End the process and its children."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._api.close()
        self._log.join()
        self._process.close()
        shutil.rmtree(self._tmp, ignore_errors=True)


class Log:
    """Reads the output of a process, line by line."""

    def __init__(self, descriptor: int, write: Callable[[str], None]) -> None:
        self.tail = ""
        self._descriptor = descriptor
        self._write = write
        self._begun = b""
        self._ended = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def pump(self) -> None:
        """Write the lines that have arrived."""
        with self._lock:
            while not self._ended and is_readable(self._descriptor, milliseconds=0):
                chunk = os.read(self._descriptor, READ_BYTES)
                self._ended = not chunk
                *lines, self._begun = (self._begun + chunk).split(b"\n")
                if self._ended and self._begun:
                    lines.append(self._begun)
                for line in lines:
                    text = line.decode(errors="replace")
                    self.tail = f"{self.tail}{text}\n".encode()[-TAIL_BYTES:].decode(errors="ignore")
                    self._write(text)

    def _follow(self) -> None:
        while not self._ended:
            is_readable(self._descriptor)
            self.pump()

    def join(self) -> None:
        """Return after all is written; the process must have ended."""
        self._thread.join()


def peak_memory(pid: int) -> int:
    """The largest resident memory (bytes) that a process has had; 0 after its end."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
