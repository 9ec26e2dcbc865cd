"""Pins: promotions and rollbacks by people."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.config.model import Solution
from usher.errors import UsherError
from usher.passes.passes import Passes
from usher.planning.pins import Pin, Pins, choose_version, with_pins
from usher.resources.gate import with_gates
from usher.resources.kinds import Gate, Resource
from usher.serving.serving_map import ServingMap, ServingMaps
from usher.storage.bucket import Bucket
from usher.storage.table import Table

from tests.unit.usher.world import BUCKET, STACK, TABLE, World, interactions

SOLUTION = Solution("group", "aws-popularity-count")  # the name of one of the table's keys
VERSIONS = ["arn:c", "arn:b", "arn:a"]
LIVE = "campaign/group"
NOT_CALLED: Any = None


@pytest.mark.parametrize(
    ("choice", "live", "chosen"),
    [
        ("previous", "arn:c", "arn:b"),
        ("previous", "arn:b", "arn:a"),
        ("previous", "arn:a", ""),
        ("previous", "arn:gone", ""),
        ("latest", "arn:a", "arn:c"),
        ("arn:a", "arn:c", "arn:a"),
        ("arn:x", "arn:c", ""),
    ],
)
def test_a_version_is_chosen_by_its_place_or_its_name(choice: str, live: str, chosen: str) -> None:
    assert choose_version(choice, VERSIONS, live) == chosen


@given(st.text(), st.lists(st.text(min_size=1), unique=True), st.text())
def test_chosen_contenders_are_present(choice: str, versions: list[str], live: str) -> None:
    assert choose_version(choice, versions, live) in {"", *versions}


@pytest.fixture
def pins(world: World) -> Pins:
    return Pins(Table(world.dynamodb, TABLE))


def ask(version: str, **more: Any) -> dict[str, Any]:
    return {"group": "films", "solution": "group", "version": version, "who": "Ann", "why": "worse", **more}


def plan(world: World, run: str = "run") -> list[Resource]:
    return world.plan(SOLUTION, run=run)


def run(world: World, pins: Pins, users: int) -> str:
    """A run on new data with the current pins. Returns the campaign's version after it."""
    world.put("films/interactions.csv", interactions(users=users))
    campaigns = world.personalize.list_campaigns()["campaigns"]
    live = {"group": serving(world)} if campaigns else {}
    wanted = plan(world, f"run-{users}")
    holding, _ = pins.resolve(world.personalize, "films", wanted, live)
    states = world.settle(with_gates(with_pins(wanted, holding), {}, {}, ""))
    assert states[LIVE].status == "READY"
    return serving(world)


def serving(world: World) -> str:
    arn = world.personalize.list_campaigns()["campaigns"][0]["campaignArn"]
    return str(world.personalize.describe_campaign(campaignArn=arn)["campaign"]["solutionVersionArn"])


def request(world: World, pins: Pins, given: dict[str, Any]) -> None:
    pins.record_request(world.personalize, "films", given, {"group": serving(world)}, f"arn:{given['version']}")


def test_previous_means_the_version_at_the_request(world: World, pins: Pins) -> None:
    """The request joins a run that trains and deploys another version."""
    first, second = run(world, pins, 60), run(world, pins, 61)
    request(world, pins, ask("previous"))
    assert pins.holding(world.personalize, "films")["group"].version == first
    third = run(world, pins, 62)
    assert third not in {first, second}, "it holds until a newer version is trained"
    assert pins.holding(world.personalize, "films") == {}


def test_a_request_that_is_recorded_twice_goes_back_one_version(world: World, pins: Pins) -> None:
    """The step is repeated, and meanwhile what was chosen has become live."""
    versions = [run(world, pins, users) for users in (60, 61, 62)]
    for live in (versions[2], versions[1]):
        assert pins.record_request(world.personalize, "films", ask("previous"), {"group": live}, "arn:one")
        assert pins.holding(world.personalize, "films")["group"].version == versions[1]
    assert pins.record_request(world.personalize, "films", ask("previous"), {"group": versions[1]}, "arn:two")
    assert pins.holding(world.personalize, "films")["group"].version == versions[0]


def test_there_is_no_previous_one_because_another_was_trained_since(world: World, pins: Pins) -> None:
    run(world, pins, 60)
    request(world, pins, ask("previous"))
    world.settle(plan(world, "run-61"))
    _, (problem,) = pins.resolve(world.personalize, "films", plan(world), {"group": serving(world)})
    assert "has no version previous" in problem.message


def test_a_rollback_holds_until_a_newer_version_is_trained(world: World, pins: Pins) -> None:
    first, second = run(world, pins, 60), run(world, pins, 61)
    assert first != second
    request(world, pins, ask("previous"))
    assert run(world, pins, 61) == first
    assert run(world, pins, 61) == first, "it is resolved once"
    (pin,) = pins.resolve(world.personalize, "films", plan(world), {})[0].values()
    assert (pin.version, pin.supersedes, pin.who, pin.why) == (first, second, "Ann", "worse")
    third = run(world, pins, 62)
    assert third not in {first, second}, "new data is trained on, and what comes of it is deployed"
    assert pins.resolve(world.personalize, "films", plan(world), {}) == ({}, [])
    assert run(world, pins, 62) == third
    request(world, pins, ask(first))
    assert run(world, pins, 62) == first
    request(world, pins, ask("latest"))
    assert run(world, pins, 62) == third


@pytest.mark.parametrize("given_", [ask("arn:unknown"), ask("previous"), ask("latest", solution="other")])
def test_an_impossible_request_is_reported_once_and_dropped(world: World, pins: Pins, given_: dict[str, Any]) -> None:
    version = run(world, pins, 60)
    request(world, pins, given_)
    holding, (problem,) = pins.resolve(world.personalize, "films", plan(world), {"group": version})
    assert holding == {}
    assert problem.place == f"solution {given_['solution']}"
    assert given_["version"] in problem.message
    assert (version in problem.remedy) == (given_["solution"] == "group")
    assert pins.resolve(world.personalize, "films", plan(world), {}) == ({}, [])


def test_a_choice_for_other_settings_is_forgotten_without_a_word(world: World, pins: Pins) -> None:
    version = run(world, pins, 60)
    request(world, pins, ask(version))
    assert run(world, pins, 60) == version
    changed = world.plan(Solution("group", "aws-sims"))
    assert pins.resolve(world.personalize, "films", changed, {}) == ({}, [])
    assert pins.resolve(world.personalize, "films", plan(world), {}) == ({}, [])


@pytest.mark.parametrize("given_", [{"group": "films"}, {"version": "0", "detail": {}}])
def test_other_inputs_ask_for_no_version(pins: Pins, given_: dict[str, Any]) -> None:
    pins.record_request(NOT_CALLED, "films", given_, {}, "arn")
    assert pins.resolve(NOT_CALLED, "films", [], {}) == ({}, [])


def test_a_promotion_is_repeated_if_another_function_replaced_the_map(world: World, pins: Pins) -> None:
    first, second = run(world, pins, 60), run(world, pins, 61)
    request(world, pins, ask("previous"))
    maps = ServingMaps(pins.table)
    content: ServingMap = {"solutions": {"group": {"type": "T", "campaignArn": None, "solutionVersionArn": second}}}
    maps.write("films", content)
    others = iter([{**content, "trackingId": "other"}])

    def overtake(**_: Any) -> None:
        for other in others:
            maps.write("films", other)  # type: ignore[arg-type]

    world.listen(world.dynamodb, "before-parameter-build.dynamodb.UpdateItem", overtake)
    bucket = Bucket(world.s3, BUCKET)
    passes = Passes(bucket, pins.table, {"personalize": world.personalize}, NOT_CALLED, STACK)
    assert not passes.promote("films")["settled"]
    assert passes.promote("films")["settled"]
    assert maps.read("films")["solutions"]["group"]["solutionVersionArn"] == first


@pytest.mark.parametrize(
    "given_", [ask(""), ask("latest", who=" "), ask("latest", why=3), {"group": "films", "solution": "a"}]
)
def test_author_and_reason_are_required(pins: Pins, given_: dict[str, Any]) -> None:
    with pytest.raises(UsherError, match="To promote or to roll back"):
        pins.record_request(NOT_CALLED, "films", given_, {}, "arn")


def test_a_campaign_is_pinned_or_else_the_version() -> None:
    pins = {"a": Pin("arn:a", "Ann", "worse", "now", "arn:b")}
    version = Resource("solution_version/a", "solution_version", "train")
    campaign = Resource("campaign/a", "campaign", "train", gate=Gate({"atLeast": 1.0}))
    other = Resource("campaign/b", "campaign", "train")
    pinned = Gate(pinned="arn:a", supersedes="arn:b")
    gates = [one.gate for one in with_pins([version, campaign, other], pins)]
    assert gates == [None, replace(pinned, rule={"atLeast": 1.0}), None]
    assert [one.gate for one in with_pins([version, other], pins)] == [pinned, None]
