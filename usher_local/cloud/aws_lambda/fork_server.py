"""A process that forks: each fork runs a function, with the modules imported that all of them need.

A script for the functions' Python, without anything of the project. Its arguments: the descriptor of a socket of
requests, and modules to import. A request is a packet of JSON, `{folder, environment, arguments}`, with the descriptors
of what the fork prints into, and of a socket that receives its PID, and its exit status once it has ended. The PID
stays taken until the other end of that socket is shut.
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
    """In a fork, what was requested. None once nobody requests any more and all forks have ended."""
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
                    os.setpgid(pid, pid)  # before anybody can kill the group
                    client.send(str(pid).encode())
                    selector.register(io.FileIO(os.pidfd_open(pid)), selectors.EVENT_READ, (pid, client))
                elif isinstance(key.fileobj, socket.socket):  # nobody asks about the process any more
                    os.waitpid(key.data, 0)
                    key.fileobj.close()
                else:  # it has ended
                    pid, client = key.data
                    with suppress(BrokenPipeError):
                        client.send(str(status(pid)).encode())
                    selector.register(client, selectors.EVENT_READ, pid)
    return None


def begin(output: int) -> None:
    """Let this fork print into a descriptor, with a group of processes of its own, and end with the server."""
    os.setpgid(0, 0)
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for standard in (1, 2):
        os.dup2(output, standard)
    os.close(output)


def status(pid: int) -> int:
    """The exit status of a process that has ended, or below 0 the number of the signal that has ended it."""
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    if ended is None:
        raise ChildProcessError(pid)
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def run(folder: str, environment: dict[str, str], arguments: list[str]) -> None:
    """Do what `python -m` with the arguments does, in a folder and an environment."""
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
        with suppress(Exception):  # the function that imports it reports it
            import_module(name)
    gc.freeze()
    if request := serve(int(sys.argv[1])):
        run(**request)
