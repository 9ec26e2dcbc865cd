"""A full disk is reported in one line, whichever thread notices it."""

import argparse
import errno
import io
import logging
import os
import signal
import threading
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from werkzeug.serving import WSGIRequestHandler

from usher_local.cloud import server
from usher_local.cloud.disk import FullDisk, full_disk, remedy
from usher_local.cloud.foreground import add_options, run
from usher_local.cloud.http_api.apis import listening, serving

NO_SPACE = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/full/file")


def wrapped() -> Exception:
    try:
        try:
            raise NO_SPACE
        except OSError as error:
            raise RuntimeError("the model") from error
    except RuntimeError as error:
        return error


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (NO_SPACE, True),
        (wrapped(), True),
        (RuntimeError("OSError: [Errno 28] No space left on device"), True),
        (OSError(errno.EACCES, "Permission denied"), False),
        (None, False),
    ],
)
def test_a_full_disk_is_known_by_its_error_by_its_cause_and_by_the_words_of_a_process(
    error: BaseException | None, full: bool
) -> None:
    assert (full_disk(error) is not None) is full


def test_the_log_keeps_a_full_disks_traceback_to_itself() -> None:
    noticed = threading.Event()
    disk, lines = FullDisk(noticed, None), list[str]()
    handler, log = logging.Handler(), logging.getLogger("test.disk")
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    handler.addFilter(disk)
    log.addHandler(handler)
    for error in (ValueError("bad"), NO_SPACE):
        log.error("%s", error, exc_info=error)
    log.removeHandler(handler)
    assert lines == ["bad"]
    assert disk.remedy.startswith("the disk of /full/file is full")
    assert noticed.is_set()


def refuse(*_: object) -> list[bytes]:
    raise NO_SPACE


def test_a_request_that_finds_the_disk_full_is_noticed() -> None:
    noticed, handler, log = threading.Event(), logging.StreamHandler(io.StringIO()), logging.getLogger("werkzeug")
    handler.addFilter(FullDisk(noticed, None))
    log.addHandler(handler)
    try:
        with (
            listening(0) as listener,
            serving(listener, refuse, WSGIRequestHandler),
            pytest.raises(HTTPError, match="500") as answer,
        ):
            urlopen(f"http://127.0.0.1:{listener.getsockname()[1]}")
        answer.value.close()
        assert noticed.wait(60)  # the server logs the error after its answer
    finally:
        log.removeHandler(handler)
    assert handler.stream.getvalue() == ""


def test_the_remedy_names_the_path_and_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = {tmp_path: 1_000_000, Path(remedy.__globals__["gettempdir"]()): 2_000_000}
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": free[path]}))
    assert remedy(OSError(errno.ENOSPC, "full"), tmp_path / "state") == (
        f"the disk of {tmp_path}/state is full (1.0 MB free); make room there, or set STATE to a folder on another disk"
    )
    in_state = OSError(errno.ENOSPC, "full", str(tmp_path / "state/file"))
    free[tmp_path] = 3_000_000
    assert "set STATE" in remedy(in_state, tmp_path / "state")
    assert "the disk of /full/file is full (2.0 MB free)" in remedy(NO_SPACE, None)
    assert "set TMPDIR" in remedy(NO_SPACE, None)


class Full:
    """A local cloud whose disk is full from the start, or that notices it later, in a thread."""

    environment: dict[str, str] = {}  # noqa: RUF012
    outputs = {"ApiUrl": "", "BucketName": ""}  # noqa: RUF012

    def __init__(self, later: bool) -> None:
        self._later = later

    def __call__(self, *_: Any, **__: Any) -> "Full":
        return self

    def __enter__(self) -> "Full":
        if not self._later:
            raise NO_SPACE
        logging.getLogger("moto").error("Exception on /", exc_info=wrapped())
        return self

    def __exit__(self, *_: object) -> None: ...


@pytest.mark.parametrize("later", [False, True], ids=["at the start", "later"])
def test_the_local_cloud_ends_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], later: bool
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(server, "LocalCloud", Full(later))
    parser = argparse.ArgumentParser()
    add_options(parser)
    assert run(parser.parse_args([])) == 2
    output = capsys.readouterr()
    assert "Traceback" not in output.out + output.err
    (line,) = output.err.splitlines()
    assert line.startswith("the disk of /full/file is full")
