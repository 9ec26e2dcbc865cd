"""Services on fast clocks."""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.quick_aws import quick_aws
from tests.unit.personalize.world import World, items, users
from usher_local.clock import Clock
from usher_local.personalize import install, shutdown


@contextmanager
def service(folder: Path, executor: Executor) -> Iterator[None]:
    """A service on an instant clock, with its state in a folder."""
    with quick_aws():
        install(Clock(math.inf), folder, executor)
        yield
        shutdown()


@pytest.fixture(scope="session")
def trainer() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


@pytest.fixture
def world_at(tmp_path: Path, trainer: ThreadPoolExecutor) -> Iterator[Callable[[float], World]]:
    """A function that makes a world with a clock of a given speed."""
    with quick_aws():

        def make(speed: float) -> World:
            install(Clock(speed), tmp_path, trainer)
            return World()

        yield make
        shutdown()


@pytest.fixture
def world(world_at: Callable[[float], World]) -> World:
    """A world on an instant clock."""
    return world_at(math.inf)


@dataclass(frozen=True)
class Served:
    """A world with data in a group, and a version or a campaign for each of some recipes."""

    world: World
    group: str
    versions: dict[str, str]
    campaigns: dict[str, str]


def trained(*recipes: str) -> Served:
    """A world with interactions, items and users in a group, and a version of each recipe."""
    world = World()
    group = world.loaded()
    world.loaded(items(), "ITEMS", group)
    world.loaded(users(), "USERS", group)
    versions = {name: world.version(world.solution(group, name))["solutionVersionArn"] for name in recipes}
    return Served(world, group, versions, {})


def deployed(made: Served) -> Served:
    """The world with a campaign for each version."""
    return replace(made, campaigns={name: made.world.campaign(arn) for name, arn in made.versions.items()})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, trainer: ThreadPoolExecutor) -> Iterator[Served]:
    """A world that is trained once for all tests of a module; they must allow for each other's filters and events."""
    with service(tmp_path_factory.mktemp("models"), trainer):
        yield deployed(trained("user-personalization", "sims", "personalized-ranking", "popularity-count"))
