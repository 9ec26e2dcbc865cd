"""A full disk, reported in one line."""

import errno
import logging
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir

NO_SPACE = os.strerror(errno.ENOSPC)


class FullDisk(logging.Filter):
    """Keeps the traceback of a full disk out of a log, and sets `noticed`. Errors of other kinds pass."""

    def __init__(self, noticed: threading.Event, state: Path | None) -> None:
        super().__init__()
        self.remedy = ""
        """Set with `noticed`: the space is measured then, before temporary files go."""
        self._noticed = noticed
        self._state = state

    def filter(self, record: logging.LogRecord) -> bool:
        """Called by the log's handler for each record. Werkzeug's server logs the error of a request as text."""
        error = full_disk(record.exc_info[1] if record.exc_info else OSError(record.getMessage()))
        if error is None:
            return True
        self.remedy = self.remedy or remedy(error, self._state)
        self._noticed.set()
        return False


def full_disk(error: BaseException | None) -> BaseException | None:
    """The error of a full disk that `error` is, or comes from; None if it does not. The words of a process count."""
    for one in causes(error):
        if (isinstance(one, OSError) and one.errno == errno.ENOSPC) or NO_SPACE in str(one):
            return one
    return None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it comes from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def remedy(error: BaseException, state: Path | None) -> str:
    """Which path is full, as far as it is known, and what to do."""
    folders = {"STATE": state, "TMPDIR": Path(gettempdir())}
    free = {name: shutil.disk_usage(existing(folder)).free for name, folder in folders.items() if folder}
    named = getattr(error, "filename", None)
    least = min(free, key=lambda name: free[name])
    variable = "STATE" if named and state and Path(named).absolute().is_relative_to(state.absolute()) else least
    path = named or folders[variable]
    return (
        f"the disk of {path} is full ({free[variable] / 1e6:.1f} MB free); make room there, "
        f"or set {variable} to a folder on another disk"
    )


def existing(folder: Path) -> Path:
    """A folder, or the nearest one above it that is there."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())
