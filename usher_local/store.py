"""A store that survives the process: documents by kind and key, and files that are written whole or not at all.

SQLite's write-ahead log takes each change before the caller goes on, so `kill -9` loses nothing. A power failure may
lose the newest changes, never older ones.
"""

import errno
import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

Rows = list[tuple[str, Any]]
"""Pairs of key and document, in the order in which the keys were first put."""
SETTINGS = ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = NORMAL")
"""Exclusive: of two processes with one file, the second is refused."""
TABLE = (
    "CREATE TABLE IF NOT EXISTS documents "
    "(number INTEGER PRIMARY KEY, kind TEXT, key TEXT, document TEXT, UNIQUE (kind, key))"
)
PUT = (
    "INSERT INTO documents (kind, key, document) VALUES (?, ?, ?) "
    "ON CONFLICT (kind, key) DO UPDATE SET document = excluded.document"
)


class StateError(OSError):
    """The state in a folder can't be used; the message names the file and the remedy."""


class Store:
    """One file of documents. Thread-safe. A closed store ignores changes without an error."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it. Raises StateError if another process has it open, or if it can't be read."""
        self.path = path
        self._lock = threading.Lock()
        self._closed = False
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = _opened(path)
        except sqlite3.DatabaseError as error:
            if "locked" in str(error):
                raise StateError(
                    f"{path.parent} is in use by another local cloud; stop that one, or set STATE to another folder"
                ) from error
            raise unreadable(path, error) from error

    def rows(self, kind: str) -> Rows:
        """The documents of a kind. Raises StateError if the file can't be read."""
        with self._lock:
            try:
                found = self._connection.execute(
                    "SELECT key, document FROM documents WHERE kind = ? ORDER BY number", (kind,)
                ).fetchall()
                return [(key, json.loads(document)) for key, document in found]
            except (sqlite3.DatabaseError, ValueError) as error:
                raise unreadable(self.path, error) from error

    def put(self, kind: str, key: str, document: object) -> None:
        """Set a document. Raises OSError if the disk is full."""
        self._change([(PUT, (kind, key, json.dumps(document)))])

    def delete(self, kind: str, *keys: str) -> None:
        """Delete documents; missing keys are ignored."""
        self._change([("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key)) for key in keys])

    def replace(self, kind: str, rows: Iterable[tuple[str, object]]) -> None:
        """Replace all documents of a kind, in one transaction."""
        put = [(PUT, (kind, key, json.dumps(document))) for key, document in rows]
        self._change([("DELETE FROM documents WHERE kind = ?", (kind,)), *put])

    def close(self) -> None:
        """Close the file, so that another process can open it."""
        with self._lock:
            self._closed = True
            self._connection.close()

    def _change(self, statements: list[tuple[str, tuple[str, ...]]]) -> None:
        with self._lock:
            if self._closed:
                return
            try:
                if len(statements) > 1:
                    self._connection.execute("BEGIN")
                for statement, values in statements:
                    self._connection.execute(statement, values)
                if len(statements) > 1:
                    self._connection.execute("COMMIT")
            except sqlite3.OperationalError as error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if "full" in str(error):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path)) from error
                raise


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        for setting in SETTINGS:
            connection.execute(f"PRAGMA {setting}")
        connection.execute(TABLE)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def unreadable(path: Path, error: Exception) -> StateError:
    """The error for a damaged file of the state."""
    return StateError(
        f"{path} can't be read ({error}); restore the file, or set STATE to an empty folder to begin anew"
    )


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Raise StateError if the block can't read a file of the state."""
    try:
        yield
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise unreadable(path, error) from error


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Let the block write a temporary file that then replaces `path`; after an error, `path` is unchanged.

    An OSError names the file: without this, the error of a full disk names none.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}-{threading.get_ident()}.new")
    try:
        yield new
        with new.open("rb") as file:
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)
        raise
    finally:
        new.unlink(missing_ok=True)
