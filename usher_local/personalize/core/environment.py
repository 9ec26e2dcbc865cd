"""What the service needs from the machine: a clock, a folder for models, and somewhere to work."""

import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from usher_local.clock import Clock
from usher_local.personalize.core.pacing import Pacing
from usher_local.personalize.modelling.training_process import Fitter, KilledError, Process, Within

TRAINING = "personalize-training"
LEAVE_SECONDS = 1.0
JOBS = 16
"""Imports, exports and batches that may be under way at once."""


@dataclass
class Runtime:
    """`executor` fits the models; by default a process for each training, so that serving is not slowed down."""

    clock: Clock = field(default_factory=Clock)
    folder: Path | None = None
    executor: Executor | None = None
    pacing: Pacing = field(default_factory=Pacing)
    _fitter: Fitter | None = None
    _closed: bool = False
    _halted: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def workdir(self) -> Path:
        """Where models are stored; a temporary folder that goes with the process unless one was given."""
        if self.folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="personalize-", ignore_cleanup_errors=True)
            return Path(self._temporary.name)
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder

    @cached_property
    def jobs(self) -> ThreadPoolExecutor:
        """Runs everything that has a status, but for trainings."""
        return ThreadPoolExecutor(JOBS, thread_name_prefix="personalize")

    @cached_property
    def trainings(self) -> ThreadPoolExecutor:
        """Runs trainings, one at a time: two would need twice the memory and end no sooner."""
        return ThreadPoolExecutor(1, thread_name_prefix=TRAINING)

    @contextmanager
    def fitting(self) -> Iterator[Fitter]:
        """Something that fits the models of one training, and is gone afterwards. KilledError when we are closing."""
        with self._lock:
            if self._closed:
                raise KilledError
            self._fitter = fitter = Within(self.executor) if self.executor else Process()
        try:
            yield fitter
        finally:
            fitter.close()

    def halt(self) -> None:
        """Let imports end, undecided, as soon as they look."""
        self._halted = True

    def check(self) -> None:
        """Called by imports now and then; KilledError when they are to end."""
        if self._halted or self._closed:
            raise KilledError

    def close(self) -> None:
        """Stop working, at once, and leave no process or temporary folder behind.

        What a thread of an import does now, it does to its end, but nobody waits for it.
        """
        with self._lock:
            self._closed = True
            if self._fitter:
                self._fitter.kill()
        for name in ("trainings", "jobs"):
            if name in self.__dict__:
                getattr(self, name).shutdown(wait=False, cancel_futures=True)
        for thread in threading.enumerate():
            if thread.name.startswith(TRAINING):  # it writes into the folder of models
                thread.join(LEAVE_SECONDS)
        if self.folder is None and "workdir" in self.__dict__:
            self._temporary.cleanup()


current = Runtime()


def use(runtime: Runtime) -> None:
    """Make `runtime` the one of every backend from now on."""
    global current
    current.close()
    current = runtime
