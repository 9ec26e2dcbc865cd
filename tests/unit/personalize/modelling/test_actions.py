"""The next best action: from data to propensities."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.unit.personalize.conftest import service
from tests.unit.personalize.world import World, schema

ACTIONS = schema(
    "Actions",
    ("ACTION_ID", "string"),
    {"name": "KIND", "type": "string", "categorical": True},
    ("REPEAT_FREQUENCY", ["long", "null"]),
    ("EXPIRATION_TIMESTAMP", ["long", "null"]),
)
ANSWERS = schema(
    "ActionInteractions",
    ("USER_ID", "string"),
    ("ACTION_ID", "string"),
    ("EVENT_TYPE", "string"),
    ("TIMESTAMP", "long"),
)
NOW = int(time.time())


@dataclass(frozen=True)
class Offers:
    world: World
    group: str
    campaign: str
    tracking: str
    actions: str


@pytest.fixture(scope="module")
def offers(tmp_path_factory: pytest.TempPathFactory, trainer: ThreadPoolExecutor) -> Iterator[Offers]:
    """Half of all users joined, few called; `over` has expired."""
    rows = ["USER_ID,ACTION_ID,EVENT_TYPE,TIMESTAMP"]
    for user in range(300):
        rows.append(f"u{user},join,{'TAKEN' if user % 2 else 'NOT_TAKEN'},{NOW - 99}")
        rows.append(f"u{user},call,{'taken' if user % 10 == 1 else 'viewed'},{NOW - 99}")
        rows.append(f"u{user},over,TAKEN,{NOW - 99}")
        rows.append(f"u{user},again,{'TAKEN' if user % 3 else 'NOT_TAKEN'},{NOW - 99}")
    actions = f"ACTION_ID,KIND,REPEAT_FREQUENCY,EXPIRATION_TIMESTAMP\njoin,club,,\ncall,phone,,\nover,club,,{NOW - 9}\n"
    with service(tmp_path_factory.mktemp("models"), trainer):
        world = World()
        group = world.loaded()
        held = world.dataset(group, "ACTIONS", ACTIONS)
        answered = world.dataset(group, "ACTION_INTERACTIONS", ANSWERS)
        for dataset, body in ((held, actions + "again,club,30,\n"), (answered, "\n".join(rows))):
            job = world.import_data(dataset, world.put(f"{next(world.names)}.csv", body))
            assert job["status"] == "ACTIVE", job
        version = world.version(world.solution(group, "next-best-action"))
        assert version["status"] == "ACTIVE", version
        tracking = world.describe("dataset", answered)["trackingId"]
        yield Offers(world, group, world.campaign(version["solutionVersionArn"]), tracking, held)


def ask(offers: Offers, user: str, **more: Any) -> dict[str, float]:
    answer = offers.world.runtime.get_action_recommendations(campaignArn=offers.campaign, userId=user, **more)
    assert answer["recommendationId"].startswith("RID-")
    return {action["actionId"]: action["score"] for action in answer["actionList"]}


def test_actions_come_by_propensity_and_expired_ones_not_at_all(offers: Offers) -> None:
    found = ask(offers, "stranger")
    assert list(found) == ["again", "join", "call"]
    assert found["join"] == pytest.approx(0.5, abs=0.05)


def test_an_action_rests_for_its_days_after_it_was_taken(offers: Offers) -> None:
    assert "again" not in ask(offers, "u1")
    assert "again" in ask(offers, "u0")


def test_a_streamed_answer_changes_the_next_list(offers: Offers) -> None:
    assert "again" in ask(offers, "u3")
    offers.world.events.put_action_interactions(
        trackingId=offers.tracking,
        actionInteractions=[
            {"actionId": "again", "userId": "u3", "sessionId": "s", "timestamp": NOW, "eventType": "Taken"}
        ],
    )
    assert "again" not in ask(offers, "u3")


def test_actions_are_filtered_by_fields_and_by_answers(offers: Offers) -> None:
    arn = offers.world.make_filter(offers.group, 'INCLUDE ActionID WHERE Actions.KIND IN ("phone")')
    assert list(ask(offers, "u2", filterArn=arn)) == ["call"]
    arn = offers.world.make_filter(
        offers.group, 'EXCLUDE ActionID WHERE Action_Interactions.EVENT_TYPE IN ("NOT_TAKEN", "viewed")'
    )
    assert list(ask(offers, "u2", filterArn=arn)) == []
    assert list(ask(offers, "u5", filterArn=arn)) == ["join"]


def test_put_actions_replaces_an_actions_attributes(offers: Offers) -> None:
    arn = offers.world.make_filter(offers.group, 'INCLUDE ActionID WHERE Actions.KIND IN ("fresh")')
    offers.world.events.put_actions(
        datasetArn=offers.actions, actions=[{"actionId": "call", "properties": '{"kind": "fresh"}'}]
    )
    assert list(ask(offers, "u2", filterArn=arn)) == ["call"]


def test_at_most_100_actions_and_no_items(offers: Offers) -> None:
    invalid = offers.world.runtime.exceptions.InvalidInputException
    with pytest.raises(invalid, match="at most 100"):
        ask(offers, "u1", numResults=101)
    with pytest.raises(invalid, match="does not support GetRecommendations"):
        offers.world.runtime.get_recommendations(campaignArn=offers.campaign, userId="u1")


def test_an_answer_must_be_one_of_three_and_its_tracker_known(offers: Offers) -> None:
    answer = {"actionId": "call", "sessionId": "s", "timestamp": NOW, "eventType": "Maybe"}
    put, errors = offers.world.events.put_action_interactions, offers.world.events.exceptions
    with pytest.raises(errors.InvalidInputException, match="TAKEN, NOT_TAKEN, VIEWED, not Maybe"):
        put(trackingId=offers.tracking, actionInteractions=[answer])
    with pytest.raises(errors.ResourceNotFoundException):
        put(trackingId="nobody", actionInteractions=[answer])


def test_a_user_must_be_named(offers: Offers) -> None:
    with pytest.raises(offers.world.runtime.exceptions.InvalidInputException, match="userId is required"):
        offers.world.runtime.get_action_recommendations(campaignArn=offers.campaign)
