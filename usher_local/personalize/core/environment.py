"""The service's environment: its clock, the folder of its models, and the threads that do its work."""

import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol, TypeVar

from usher_local.clock import Clock
from usher_local.personalize.core.errors import KilledError
from usher_local.personalize.core.pacing import Pacing
from usher_local.store import Store

TRAINING = "personalize-training"
LEAVE_SECONDS = 1.0
JOBS = 16
"""The maximum number of concurrent imports, exports and batch jobs."""


class Killable(Protocol):
    """Work outside the service's own threads."""

    def kill(self) -> None:
        """End the work now. May be called from any thread and more than once."""

    def close(self) -> None:
        """Free the work's resources after its end."""


K = TypeVar("K", bound=Killable)


@dataclass
class Runtime:
    """The settings and threads of the service. `executor` fits the models; by default, each training has a process, so
    that serving keeps its speed."""

    clock: Clock = field(default_factory=Clock)
    folder: Path | None = None
    executor: Executor | None = None
    pacing: Pacing = field(default_factory=Pacing)
    quotas: dict[str, int] = field(default_factory=dict)
    """The quotas that were raised for the account, by the kind's name."""
    _stores: dict[Path, Store] = field(default_factory=dict)
    _killable: Killable | None = None
    _closed: bool = False
    _halted: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def workdir(self) -> Path:
        """The folder of the models: the given one, or a temporary one that is deleted with the process."""
        if self.folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="personalize-", ignore_cleanup_errors=True)
            return Path(self._temporary.name)
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder

    def store(self, path: Path) -> Store:
        """The store of a file, which `close` closes. Raises StateError if it can't be used."""
        with self._lock:
            if path not in self._stores:
                self._stores[path] = Store(path)
            return self._stores[path]

    @cached_property
    def jobs(self) -> ThreadPoolExecutor:
        """The threads for all work except trainings."""
        return ThreadPoolExecutor(JOBS, thread_name_prefix="personalize")

    @cached_property
    def trainings(self) -> ThreadPoolExecutor:
        """The thread for trainings, one at a time: two would need twice the memory and end no sooner."""
        return ThreadPoolExecutor(1, thread_name_prefix=TRAINING)

    @contextmanager
    def running(self, start: Callable[[], K]) -> Iterator[K]:
        """Start work that `close` can kill, and close it after the block. Raises KilledError if the service closes."""
        with self._lock:
            if self._closed:
                raise KilledError
            self._killable = started = start()
        try:
            yield started
        finally:
            started.close()

    def halt(self) -> None:
        """Make imports end without an outcome at their next `check`."""
        self._halted = True

    def check(self) -> None:
        """Raise KilledError if the service halts or closes; imports call it now and then."""
        if self._halted or self._closed:
            raise KilledError

    def close(self) -> None:
        """Stop all work at once, and delete the temporary folder. No process is left.

        The thread of an import ends its current step, but nothing waits for it.
        """
        with self._lock:
            self._closed = True
            if self._killable:
                self._killable.kill()
        for name in ("trainings", "jobs"):
            if name in self.__dict__:
                getattr(self, name).shutdown(wait=False, cancel_futures=True)
        for thread in threading.enumerate():
            if thread.name.startswith(TRAINING):  # it writes into the folder of models
                thread.join(LEAVE_SECONDS)
        for store in self._stores.values():
            store.close()
        if self.folder is None and "workdir" in self.__dict__:
            self._temporary.cleanup()


current = Runtime()


def use(runtime: Runtime) -> None:
    """Make `runtime` the runtime of every backend, and close the previous one."""
    global current
    current.close()
    current = runtime
