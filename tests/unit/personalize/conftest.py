"""Services on clocks that do not make anyone wait."""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from moto import mock_aws

from tests.unit.personalize.world import World, items, users
from usher_local.clock import Clock
from usher_local.cloud.services.faster_moto import faster
from usher_local.personalize import install, shutdown
from usher_local.simulation.transport import in_process


@pytest.fixture(scope="session")
def trainer() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


@pytest.fixture
def world_at(tmp_path: Path, trainer: ThreadPoolExecutor) -> Iterator[Callable[[float], World]]:
    """Make a world whose clock runs at a speed."""
    with faster(), in_process(), mock_aws():

        def make(speed: float) -> World:
            install(Clock(speed), tmp_path, trainer)
            return World()

        yield make
        shutdown()


@pytest.fixture
def world(world_at: Callable[[float], World]) -> World:
    """A world in which nothing takes time but work."""
    return world_at(math.inf)


@dataclass(frozen=True)
class Served:
    """A world with data in a group, and a campaign for each type of recipe."""

    world: World
    group: str
    versions: dict[str, str]
    campaigns: dict[str, str]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, trainer: ThreadPoolExecutor) -> Iterator[Served]:
    """Trained once for all tests of a module; they must not mind each other's filters and events."""
    with faster(), in_process(), mock_aws():
        install(Clock(math.inf), tmp_path_factory.mktemp("models"), trainer)
        world = World()
        group = world.loaded()
        world.loaded(items(), "ITEMS", group)
        world.loaded(users(), "USERS", group)
        recipes = ("user-personalization", "sims", "personalized-ranking", "popularity-count")
        versions = {name: world.version(world.solution(group, name))["solutionVersionArn"] for name in recipes}
        yield Served(world, group, versions, {name: world.campaign(arn) for name, arn in versions.items()})
        shutdown()
