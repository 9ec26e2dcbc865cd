"""Forks of processes that have imported the SDK, whose import takes half of a worker's start.

On AWS, each execution environment has a processor for that; here, a stack starts fifty workers on two.
"""

import ctypes
import json
import os
import select
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from usher_local.cloud.aws_lambda.python import Interpreter

SERVER = Path(__file__).with_name("fork_server.py")
SDK = ("boto3.session", "botocore.client", "botocore.httpsession", "botocore.signers")
BROUGHT = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
"""The packages that the SDK imports. A function with its own copy is a fork of a process that has imported nothing."""
MAX_SERVERS = 4
"""The number of servers to keep, the last used ones; each deployment of a layer adds one."""
PACKET_BYTES = 64
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class Fork:
    """A child of a fork server, with the methods of a `subprocess.Popen`."""

    def __init__(self, ours: socket.socket, output: int) -> None:
        """`ours` receives the PID, then the exit status; `output` is the descriptor of the process's output."""
        self._ours = ours
        self._status: int | None = None
        self.output = output
        self.pid = int(ours.recv(PACKET_BYTES))

    def poll(self) -> int | None:
        """The exit status, or the negative number of a signal; None while the process runs."""
        return self.wait() if is_readable(self._ours.fileno(), milliseconds=0) else self._status

    def wait(self) -> int:
        """The exit status, after the process ends. Forks are killed together with their server."""
        if self._status is None:
            self._status = int(self._ours.recv(PACKET_BYTES) or -signal.SIGKILL)
        return self._status

    def close(self) -> None:
        """Wait until the process has ended and its PID is free."""
        self.wait()
        with self._ours, suppress(OSError):  # the server may have ended
            self._ours.shutdown(socket.SHUT_WR)
            self._ours.recv(PACKET_BYTES)
        os.close(self.output)


class Server:
    """A process that forks; after `close`, it ends with its last fork."""

    def __init__(self, python: Interpreter, search_path: Sequence[Path], modules: Sequence[str]) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter
                # Without site-packages: the developer's packages are not on AWS.
                [python.executable, "-S", "-s", "-P", str(SERVER), str(theirs.fileno()), *modules],
                env={"PYTHONPATH": joined(search_path), "LANG": "C.UTF-8", "TZ": ":UTC"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def fork(self, folder: Path, environment: Mapping[str, str], arguments: Sequence[str]) -> Fork:
        """A process that does what `python -m` does with the arguments, in a folder and an environment."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        output, written = os.pipe()
        request = {"folder": str(folder), "environment": environment, "arguments": arguments}
        with theirs:
            socket.send_fds(self._requests, [json.dumps(request).encode()], [written, theirs.fileno()])
        os.close(written)
        return Fork(ours, output)

    def close(self) -> None:
        """Stop forking."""
        self._requests.close()


class Forks:
    """Starts processes on the functions' Python. The thread that starts them must outlive them."""

    def __init__(self, python: Interpreter) -> None:
        self._python = python
        self._servers: dict[object, Server] = {}
        self._closed: list[Server] = []

    def start(self, search_path: Sequence[Path], environment: Mapping[str, str], arguments: Sequence[str]) -> Fork:
        """A process in the first folder of its search path; `environment` lacks PYTHONPATH."""
        own, *shared = search_path
        modules = () if any(list(own.glob(f"{name}*")) for name in BROUGHT) else SDK
        key = (*shared, *modules)
        if key in self._servers and self._servers[key].process.poll() is not None:  # it was killed
            self._end(key)
        server = self._servers.pop(key, None) or Server(self._python, shared, modules)
        self._servers[key] = server  # the most recent one is last
        if len(self._servers) > MAX_SERVERS:
            self._end(next(iter(self._servers)))
        return server.fork(own, {"PYTHONPATH": joined(search_path), **environment}, arguments)

    def _end(self, key: object) -> None:
        server = self._servers.pop(key)
        server.close()
        self._closed.append(server)

    def close(self) -> None:
        """Wait until all processes have ended."""
        for key in list(self._servers):
            self._end(key)
        for server in self._closed:
            server.process.wait()


def joined(search_path: Sequence[Path]) -> str:
    """The value of PYTHONPATH."""
    return os.pathsep.join(map(str, search_path))


def is_readable(descriptor: int, milliseconds: int | None = None) -> bool:
    """Whether a descriptor has something to read within the time; None waits without a limit."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLHUP)
    return bool(poll.poll(milliseconds))


def die_with_parent() -> None:
    """Ask Linux to end this process when its parent ends, in whatever way."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
