"""One AWS account per test: moto, with the local Personalize service plugged in."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.quick_aws import quick_aws
from tests.unit.usher.world import (
    ARN_PREFIX,
    BUCKET,
    KEPT,
    MACHINES,
    PENDING,
    QUEUES,
    ROLE,
    STACK,
    TABLE,
    TOPIC,
    Tap,
    World,
)
from usher_local.personalize import install, shutdown

SLOW_FIXTURES = {"trainer", "deployment", "measured"}
"""Fixtures of whole accounts, in which a test may train."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark slow tests, which `make check` leaves out; those that start a process mark themselves."""
    for item in items:
        if not SLOW_FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def trainer() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.fixture
def world(tmp_path: Path, trainer: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An account, and the environment variables that the template gives the functions."""
    with account(tmp_path, trainer, monkeypatch) as world:
        yield world


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory: pytest.TempPathFactory, trainer: ThreadPoolExecutor) -> Iterator[World]:
    """A world for all tests of a module."""
    with pytest.MonkeyPatch.context() as patch, account(tmp_path_factory.mktemp("world"), trainer, patch) as world:
        yield world


@contextmanager
def account(path: Path, trainer: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An account inside the block; `path` is the folder of its Personalize."""
    install(Tap(is_open=True), path, trainer)
    environment = {
        "BUCKET_NAME": BUCKET,
        "TABLE_NAME": TABLE,
        "KEPT_QUEUE_URL": f"{QUEUES}{KEPT}",
        "PENDING_QUEUE_URL": f"{QUEUES}{PENDING}",
        "TOPIC_ARN": TOPIC,
        "PERSONALIZE_ARN_PREFIX": ARN_PREFIX,
        "PERSONALIZE_ROLE_ARN": ROLE,
        "PIPELINE_ARN": f"{MACHINES}-pipeline",
        "EXPORT_ARN": f"{MACHINES}-export",
        "EVALUATION_ARN": f"{MACHINES}-evaluation",
        "ATHENA_WORKGROUP": "",
        "ATHENA_DATABASE": "default",
        "SCHEDULE_GROUP": "usher",
        "SCHEDULE_ROLE_ARN": ROLE,
        "STACK_ARN": STACK,
        "PERSONALIZE_MILLISECONDS": "250",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with quick_aws():
        world = World()
        yield world
        world.close()
        trainer.submit(int).result()  # a model that is being fitted is written into the folder
        shutdown()  # before moto's reset, which would begin again the work that has not ended
