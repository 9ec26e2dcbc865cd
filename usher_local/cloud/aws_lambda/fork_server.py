"""A process that forks: each fork runs a function, and shares the modules that all functions import.

A script for the functions' Python, without anything of the project. Its arguments: the descriptor of a socket of
requests, and modules to import. A request is a packet of JSON, `{folder, environment, arguments}`, with two
descriptors: one for the fork's output, and a socket that receives the fork's PID, and its exit status after its end.
The PID stays reserved until the other end of that socket is shut.
"""

import ctypes
import gc
import io
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import time
from contextlib import suppress
from importlib import import_module
from typing import Any

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)
MAX_BYTES = 1 << 20


def serve(descriptor: int) -> dict[str, Any] | None:
    """Fork for each request. Returns the request in a fork, and None in the server after all forks have ended."""
    with socket.socket(fileno=descriptor) as requests, selectors.DefaultSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                selector.unregister(key.fileobj)
                if key.fileobj is requests:
                    packet, descriptors, _, _ = socket.recv_fds(requests, MAX_BYTES, 2)
                    if not packet:
                        continue
                    selector.register(requests, selectors.EVENT_READ)
                    output, client = descriptors[0], socket.socket(fileno=descriptors[1])
                    if not (pid := os.fork()):
                        begin(output)
                        request: dict[str, Any] = json.loads(packet)
                        return request
                    os.close(output)
                    os.setpgid(pid, pid)  # before another process can kill the group
                    client.send(str(pid).encode())
                    selector.register(io.FileIO(os.pidfd_open(pid)), selectors.EVENT_READ, (pid, client))
                elif isinstance(key.fileobj, socket.socket):  # the other end was shut: the PID is free
                    os.waitpid(key.data, 0)
                    key.fileobj.close()
                else:  # the process ended
                    pid, client = key.data
                    with suppress(BrokenPipeError):
                        client.send(str(status(pid)).encode())
                    selector.register(client, selectors.EVENT_READ, pid)
    return None


def begin(output: int) -> None:
    """Prepare a fork: it prints into a descriptor, has a process group of its own, and ends with the server."""
    os.setpgid(0, 0)
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for standard in (1, 2):
        os.dup2(output, standard)
    os.close(output)


def status(pid: int) -> int:
    """The exit status of a process that ended, or the negative number of the signal that ended it."""
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    if ended is None:
        raise ChildProcessError(pid)
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def run(folder: str, environment: dict[str, str], arguments: list[str]) -> None:
    """Do what `python -m` does with the arguments, in a folder and an environment."""
    inherited = len(os.environ["PYTHONPATH"].split(os.pathsep))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.path[:inherited] = environment["PYTHONPATH"].split(os.pathsep)
    sys.argv = arguments
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    for name in sys.argv[2:]:
        with suppress(Exception):  # the function that imports it reports the error
            import_module(name)
    gc.freeze()
    if request := serve(int(sys.argv[1])):
        run(**request)
