"""A process that fits models, reports its progress and can be killed at any time.

The parent sends a task per line, as JSON; the process answers with lines of progress, and then with the outcome.
"""

import json
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from usher_local.personalize.core.errors import KilledError

OnProgress = Callable[[float], None]
"""Takes the share of a fit that is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Task:
    """One model to fit."""

    recipe: str
    data: str
    """The folder of the training data (see `training_files`)."""
    parameters: Mapping[str, str]
    target: str
    """The folder for the model."""

    def carry_out(self, on_progress: OnProgress) -> dict[str, float]:
        """Fit and save the model. Returns its metrics. ValueError for a hyperparameter that cannot be used."""
        # The import of the models is slow; the process of the fit pays for it, not every installation of the service.
        from usher_local.personalize.modelling.training_files import read_interactions
        from usher_local.recommenders.progress import listening
        from usher_local.recommenders.registry import train

        with listening(on_progress):
            return train(self.recipe, read_interactions(Path(self.data)), self.parameters, Path(self.target), 0)


class Fitter(Protocol):
    """Fits the models of one training, one after the other."""

    def fit(self, task: Task, on_progress: OnProgress) -> dict[str, float]:
        """Fit and save a model. Returns its metrics. KilledError if it was killed, ValueError for a bad parameter."""

    def kill(self) -> None:
        """End the current fit, and refuse later ones. May be called from any thread and more than once."""

    def close(self) -> None:
        """End the fitter while no fit runs, and free its resources."""


class ProcessFitter:
    """A fitter with a process of low priority."""

    def __init__(self) -> None:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(sys.path),
            "OPENBLAS_NUM_THREADS": "1",  # more threads would only slow down serving
        }
        # In a session of its own: Ctrl-C is for the parent, which ends this process in order.
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        )

    def fit(self, task: Task, on_progress: OnProgress) -> dict[str, float]:  # noqa: D102 - as in Fitter
        give, take = self._process.stdin, self._process.stdout
        if give is None or take is None:  # never, since both are pipes
            raise KilledError
        try:
            give.write(json.dumps(asdict(task)) + "\n")
            give.flush()
        except BrokenPipeError:
            raise KilledError from None
        for line in take:
            message = json.loads(line)
            if "share" in message:
                on_progress(message["share"])
            elif "metrics" in message:
                metrics: dict[str, float] = message["metrics"]
                return metrics
            else:
                raise (ValueError if message["invalid"] else RuntimeError)(message["problem"])
        raise KilledError

    def kill(self) -> None:  # noqa: D102 - as in Fitter
        self._process.kill()
        self._process.wait()

    def close(self) -> None:  # noqa: D102 - as in Fitter
        self.kill()
        # The input that a killed process did not read cannot be flushed.
        with suppress(BrokenPipeError), self._process:
            pass


class InProcessFitter:
    """A fitter in this process, on an executor's thread. `kill` takes effect when the fit next reports its progress."""

    def __init__(self, executor: Executor) -> None:
        self._executor, self._killed = executor, threading.Event()

    def fit(self, task: Task, on_progress: OnProgress) -> dict[str, float]:  # noqa: D102 - as in Fitter
        def listen(share: float) -> None:
            if self._killed.is_set():
                raise KilledError
            on_progress(share)

        return self._executor.submit(task.carry_out, listen).result()

    def kill(self) -> None:  # noqa: D102 - as in Fitter
        self._killed.set()

    close = kill


def _serve() -> None:
    """The process's loop: carry out one task per line of the input, until it ends."""
    os.nice(10)

    def send(message: Mapping[str, Any]) -> None:
        print(json.dumps(message), flush=True)  # noqa: T201 - the other end of the pipe reads it

    for line in sys.stdin:
        try:
            send({"metrics": Task(**json.loads(line)).carry_out(lambda share: send({"share": share}))})
        except Exception as error:
            invalid = isinstance(error, ValueError)
            if not invalid and not isinstance(error, OSError):  # a full disk, whose message is sufficient
                traceback.print_exc()
            send({"problem": str(error) if invalid else f"{type(error).__name__}: {error}", "invalid": invalid})


if __name__ == "__main__":
    _serve()
