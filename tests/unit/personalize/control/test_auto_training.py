"""Automatic training of solutions, as time passes."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.personalize.world import World, until
from usher_local.clock import Clock
from usher_local.personalize.control.auto_training import HOUR
from usher_local.personalize.core import environment


@pytest.fixture
def hasten(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Make the clock's simulated time pass at a speed of its own, without effect on durations."""

    def at(speed: float) -> None:
        class Hastened(Clock):
            def simulated_seconds(self, real: float) -> float:
                return real * speed

        monkeypatch.setattr(environment.current, "clock", Hastened(float("inf")))

    return at


def versions(world: World, solution: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.personalize.list_solution_versions(solutionArn=solution)["solutionVersions"]
    return found


def settled(world: World, solution: str, count: int) -> list[dict[str, Any]]:
    def done(found: list[dict[str, Any]]) -> bool:
        return len(found) == count and all(version["status"] == "ACTIVE" for version in found)

    return until(lambda: versions(world, solution), done)


def test_a_solution_trains_itself_within_an_hour(world: World, hasten: Callable[[float], None]) -> None:
    solution = world.solution(world.loaded(), "popularity-count")
    assert versions(world, solution) == []
    time.sleep(0.01)
    hasten(100 * HOUR)
    version = settled(world, solution, 1)[0]
    assert (version["trainingType"], version["trainingMode"]) == ("AUTOMATIC", "AUTOTRAIN")


def test_it_does_not_if_switched_off(world: World, hasten: Callable[[float], None]) -> None:
    solution = world.solution(world.loaded(), "popularity-count", performAutoTraining=False)
    time.sleep(0.01)
    hasten(1000 * HOUR)
    assert versions(world, solution) == []


def test_it_trains_again_when_time_has_passed_and_something_new_has_come(
    world: World, hasten: Callable[[float], None]
) -> None:
    group = world.loaded()
    solution = world.solution(group, "popularity-count")
    tracking = world.personalize.create_event_tracker(name="t", datasetGroupArn=group)["trackingId"]
    assert world.version(solution)["trainingType"] == "MANUAL"
    time.sleep(0.01)
    hasten(100 * 7 * 24 * HOUR)
    assert len(versions(world, solution)) == 1
    event = {"sentAt": 1_800_000_000, "eventType": "watch", "itemId": "i1"}
    world.events.put_events(trackingId=tracking, userId="u1", sessionId="s", eventList=[event])
    assert {version["trainingType"] for version in settled(world, solution, 2)} == {"AUTOMATIC", "MANUAL"}
    assert len(versions(world, solution)) == 2


RATE = {"solutionUpdateConfig": {"autoTrainingConfig": {"schedulingExpression": "rate(30 days)"}}}
WEIGHTS = {"eventsConfig": {"eventParametersList": [{"eventType": "watch", "weight": 0.5}]}}


@pytest.mark.parametrize(("automatic", "update"), [(True, RATE), (False, {"performAutoTraining": True})])
def test_a_new_rate_and_turning_it_on_train_within_the_hour(
    world: World, hasten: Callable[[float], None], automatic: bool, update: dict[str, Any]
) -> None:
    group = world.loaded()
    solution = world.solution(group, "popularity-count", performAutoTraining=automatic)
    world.version(solution)
    tracking = world.personalize.create_event_tracker(name="t", datasetGroupArn=group)["trackingId"]
    event = {"sentAt": 1_800_000_000, "eventType": "watch", "itemId": "i1"}
    world.events.put_events(trackingId=tracking, userId="u1", sessionId="s", eventList=[event])
    time.sleep(0.01)
    hasten(100 * HOUR)
    assert len(versions(world, solution)) == 1
    world.personalize.update_solution(solutionArn=solution, solutionUpdateConfig=WEIGHTS)
    assert len(versions(world, solution)) == 1, "event weights leave the schedule as it is"
    world.personalize.update_solution(solutionArn=solution, **update)
    settled(world, solution, 2)


def test_an_update_of_the_schedule_or_the_event_weights_leaves_the_other_and_former_versions(world: World) -> None:
    schedule = RATE["solutionUpdateConfig"]
    solution = world.solution(world.loaded(), "popularity-count", solutionConfig=schedule)
    before = world.version(solution)
    for weights in (WEIGHTS, {"eventsConfig": {"eventParametersList": [{"eventType": "watch"}]}}):
        world.personalize.update_solution(solutionArn=solution, solutionUpdateConfig=weights)
        assert world.describe("solution", solution)["solutionConfig"] == schedule | weights
        assert world.version(solution)["solutionConfig"] == schedule | weights
    assert world.describe("solutionVersion", before["solutionVersionArn"])["solutionConfig"] == schedule


def test_until_an_update_ends_a_solution_has_its_former_configuration(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    solution = world.solution(world.group(), "sims")
    monkeypatch.setattr(environment.current, "clock", Clock(1))
    world.personalize.update_solution(solutionArn=solution, solutionUpdateConfig=WEIGHTS)
    shown = world.describe("solution", solution)
    assert (shown["status"], shown["solutionConfig"]) == ("ACTIVE", {})
    assert shown["latestSolutionUpdate"]["status"] == "CREATE PENDING"
    assert shown["latestSolutionUpdate"]["solutionUpdateConfig"] == WEIGHTS
    with pytest.raises(world.personalize.exceptions.ResourceInUseException, match="cannot be deleted"):
        world.personalize.delete_solution(solutionArn=solution)
    version = world.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    assert world.describe("solutionVersion", version)["solutionConfig"] == {}


@pytest.mark.parametrize("rate", ["rate(0 days)", "rate(31 days)"])
def test_a_rate_is_of_1_to_30_days(world: World, rate: str) -> None:
    config = {"autoTrainingConfig": {"schedulingExpression": rate}}
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match="rate of 1 to 30 days"):
        world.solution(world.group(), "sims", solutionConfig=config)


def test_the_mode_of_automatic_training_is_reserved_for_it(world: World) -> None:
    solution = world.solution(world.group(), "sims")
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match="AUTOTRAIN is for automatic"):
        world.personalize.create_solution_version(solutionArn=solution, trainingMode="AUTOTRAIN")
