"""Processes that are forks of one that has imported the SDK."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from usher_local.cloud.aws_lambda.forks import MAX_SERVERS, Fork, Forks
from usher_local.cloud.aws_lambda.python import probe


@pytest.fixture
def forks() -> Iterator[Forks]:
    here = probe(sys.executable)
    assert here
    with closing(Forks(here)) as forks:
        yield forks


def started(forks: Forks, folder: Path, source: str, *shared: Path) -> Fork:
    """A fork that runs a module of a folder; its SDK is an empty module."""
    sdk = folder / "sdk"
    for name in ("boto3/session", "botocore/client", "botocore/httpsession", "botocore/signers"):
        path = sdk / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    own = folder / "own"
    own.mkdir(exist_ok=True)
    (own / "app.py").write_text(source)
    return forks.start([own, *shared, sdk], {"A": "1"}, ["app", "x"])


def printed(fork: Fork) -> str:
    with os.fdopen(os.dup(fork.output)) as output:
        text = output.read()
    fork.close()
    return text


def test_a_fork_has_its_folder_environment_arguments_and_modules(forks: Forks, tmp_path: Path) -> None:
    source = "import os, sys; print(os.getcwd(), sorted(os.environ), sys.argv[1:], 'boto3.session' in sys.modules)"
    there = str(tmp_path / "own")
    assert printed(started(forks, tmp_path, source)) == f"{there} ['A', 'PYTHONPATH'] ['x'] True\n"


def test_its_exit_status_is_reported_once_after_its_end(forks: Forks, tmp_path: Path) -> None:
    fork = started(forks, tmp_path, "import sys; input() if sys.stdin is None else sys.exit(3)")
    assert fork.wait() == fork.poll() == 3
    waiting = started(forks, tmp_path, "import time; time.sleep(60)")
    assert waiting.poll() is None
    os.killpg(waiting.pid, signal.SIGKILL)
    assert waiting.wait() == -signal.SIGKILL
    for one in (fork, waiting):
        assert Path(f"/proc/{one.pid}").exists(), "no other process can have the PID"
        one.close()
        assert not Path(f"/proc/{one.pid}").exists()


def test_a_function_that_brings_its_own_sdk_imports_that(forks: Forks, tmp_path: Path) -> None:
    own = tmp_path / "own" / "botocore"
    own.mkdir(parents=True)
    (own / "__init__.py").write_text("")
    assert printed(started(forks, tmp_path, "import botocore; print(botocore.__file__)")) == f"{own}/__init__.py\n"


def test_forks_end_with_their_server_and_the_next_one_has_another(forks: Forks, tmp_path: Path) -> None:
    fork = started(forks, tmp_path, "import time; time.sleep(60)")
    (server,) = forks._servers.values()
    server.process.kill()
    assert fork.wait() == -signal.SIGKILL
    fork.close()
    server.process.wait()
    assert printed(started(forks, tmp_path, "print(1)")) == "1\n"


def test_a_server_that_is_not_used_any_more_ends_with_its_last_fork(forks: Forks, tmp_path: Path) -> None:
    fork = started(forks, tmp_path, "import time; time.sleep(60)")
    (server,) = forks._servers.values()
    for number in range(MAX_SERVERS):
        printed(started(forks, tmp_path, "", tmp_path / str(number)))
    assert server.process.poll() is None
    os.killpg(fork.pid, signal.SIGKILL)
    fork.close()
    assert server.process.wait() == 0
