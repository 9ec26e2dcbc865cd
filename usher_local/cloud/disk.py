"""The report of a full disk in one line."""

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
    """Removes the traceback of a full disk from a log, and sets `noticed`. Other errors pass."""

    def __init__(self, noticed: threading.Event, state: Path | None) -> None:
        super().__init__()
        self.remedy = ""
        """Set together with `noticed`, since the deletion of temporary files frees space later."""
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
    """The error of a full disk in the chain of `error`, or None. Messages of other processes count, too."""
    for one in causes(error):
        if (isinstance(one, OSError) and one.errno == errno.ENOSPC) or NO_SPACE in str(one):
            return one
    return None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and its causes."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def remedy(error: BaseException, state: Path | None) -> str:
    """The full path, if it is known, and the remedy."""
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
    """The folder, or its nearest existing parent."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())
