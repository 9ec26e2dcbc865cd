"""What the service needs from the machine: a clock, a folder for models, and somewhere to work."""

import multiprocessing
import os
import signal
import tempfile
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from local.clock import Clock

JOBS = 16
"""Imports, trainings and batches that may be under way at once; a training's thread only waits for its process."""


@dataclass
class Runtime:
    """`trainer` runs the models' fitting; by default a process of its own, so that serving is not slowed down."""

    clock: Clock = field(default_factory=Clock)
    folder: Path | None = None
    executor: Executor | None = None

    @cached_property
    def workdir(self) -> Path:
        """Where models are stored; a temporary folder that goes with the process unless one was given."""
        if self.folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="personalize-", ignore_cleanup_errors=True)
            return Path(self._temporary.name)
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder

    @cached_property
    def trainer(self) -> Executor:
        """Fits models, one at a time, and leaves the processor to whoever is being served."""
        # Spawned, not forked: the server is threaded, and a fork would copy locks that other threads hold.
        context = multiprocessing.get_context("spawn")
        return self.executor or ProcessPoolExecutor(1, context, initializer=_stand_back)

    @cached_property
    def jobs(self) -> ThreadPoolExecutor:
        """Runs everything that has a status."""
        return ThreadPoolExecutor(JOBS, thread_name_prefix="personalize")

    def replace_trainer(self, broken: Executor) -> None:
        """Forget an executor whose process was killed; the next training gets a new one."""
        if self.__dict__.get("trainer") is broken:
            del self.trainer

    def close(self) -> None:
        """Stop working and leave no process or temporary folder behind."""
        if "jobs" in self.__dict__:
            self.jobs.shutdown(cancel_futures=True)
        if "trainer" in self.__dict__ and self.executor is None:
            self.trainer.shutdown(cancel_futures=True)
        if self.folder is None and "workdir" in self.__dict__:
            self._temporary.cleanup()


def _stand_back() -> None:
    """In the trainer's process: yield to others, and leave Ctrl-C to the parent, which ends this process in order."""
    os.nice(10)
    # Read when numpy is loaded, which is with the first training: more threads would only crowd out serving.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)


current = Runtime()


def use(runtime: Runtime) -> None:
    """Make `runtime` the one of every backend from now on."""
    global current
    current.close()
    current = runtime
