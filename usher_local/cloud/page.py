"""The page of Usher's stack beside the local cloud: `usher ui` in a process of its own, which ends with the cloud."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import IO, cast

from usher_local.cloud.aws_lambda.forks import die_with_parent

END_SECONDS = 5


@contextmanager
def serving(port: int, environment: Mapping[str, str], say: Callable[[str], None]) -> Iterator[None]:
    """Serve the page at a port (0: any) while the block is at work; `say` gets its address, or why there is none.

    It must be entered in the main thread, with whose end the process ends. Without the extra `ui` there is no page.
    """
    if not find_spec("nicegui"):
        yield
        return
    command = [sys.executable, "-m", "usher_cli", "--stack", "usher", "ui", "--port", str(port)]
    process = subprocess.Popen(  # noqa: S603
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=die_with_parent,
    )
    printing = threading.Thread(target=_print, args=(cast(IO[str], process.stdout), say), daemon=True)
    printing.start()
    with process:
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            printing.join()


def _print(lines: IO[str], say: Callable[[str], None]) -> None:
    """Pass on what the process says, of which its address comes first."""
    for line in lines:
        address, _, rest = line.strip().partition(" ")
        say(f"the page: {address}" if address.startswith("http://") and rest.startswith("(Ctrl-C") else line.strip())
