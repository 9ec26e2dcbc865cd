"""The page of Usher's stack: `usher ui` in a process of its own, which ends with the local cloud."""

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
    """Serve the page at a port (0: any) during the block; `say` gets its address, or the reason of a failure.

    Enter the block in the main thread, since the process ends with the entering thread. Without the extra `ui` there is
    no page.
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
    """Print the output of the process, whose first line has the address."""
    for line in lines:
        address, _, rest = line.strip().partition(" ")
        say(f"the page: {address}" if address.startswith("http://") and rest.startswith("(Ctrl-C") else line.strip())
