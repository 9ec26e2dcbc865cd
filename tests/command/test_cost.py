"""What a group's month costs: measured by the hour, told, and held within a budget. On the simulated stack."""

import json
from typing import Any

import pytest
from usher.aws import client
from usher.prices import PRICES

from tests.command.world import told
from tests.unit.usher.world import interactions
from usher_local.simulation.stack import Stack

HOUR, DAY = 3600, 86_400
FLOOR = 3.6 * PRICES["requestThousand"]
"""US dollars of an hour of a campaign of a v1 recipe."""


@pytest.fixture
def live(stack: Stack) -> Stack:
    """A group that serves, with a budget, and nothing that is measured yet."""
    stack.put("films/interactions.csv", interactions())
    drop_config(stack, monthly=100)
    return stack


def drop_config(stack: Stack, status: str = "SUCCEEDED", **budget: float) -> None:
    popular = {"recipe": "aws-popularity-count"}
    stack.put("films/usher.yaml", json.dumps({"solutions": {"popular": popular}, "budget": budget, "exports": False}))
    assert stack.drop("films/usher.yaml").status == status


def tick(stack: Stack, seconds: float = HOUR) -> None:
    """Let time pass, and the clock start Watch."""
    stack.clock.shift(seconds)
    (watch,) = (name for name, folder in stack.folders.items() if folder.name == "watch")
    stack.invoke(watch, {"detail": {}})


def cost(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (group,) = json.loads(told(capsys, "cost", "films", "--json"))["groups"]
    return dict(group)


def last_record(stack: Stack) -> dict[str, Any]:
    return dict(max(stack.read("films/out/runs/.*/run.json").items())[1])


def ask(stack: Stack, times: int) -> None:
    """Let the campaign be asked, as Personalize counts it."""
    (arn,) = (arn for arn in stack.personalize.resources if ":campaign/" in arn)
    dimensions = [{"Name": "CampaignArn", "Value": arn}]
    data = {"MetricName": "GetRecommendations", "Dimensions": dimensions, "Value": times, "Unit": "Count"}
    client("cloudwatch").put_metric_data(Namespace="AWS/Personalize", MetricData=[data])


def test_a_month_is_measured_hour_by_hour_and_told(live: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert cost(capsys)["used"][0]["what"] == "imports", "an import counts from its order on"
    tick(live, 3 * HOUR)
    first = {one["what"]: one for one in cost(capsys)["used"]}
    assert first["training"]["amount"] > 0
    ask(live, 5000)
    tick(live, 10 * HOUR)
    tick(live, 0)
    found = cost(capsys)
    later = {one["what"]: one for one in found["used"]}
    assert later["campaigns"]["amount"] - first["campaigns"]["amount"] == pytest.approx(10)
    assert later["campaigns"]["dollars"] == pytest.approx(later["campaigns"]["amount"] * FLOOR)
    assert later["requests"]["amount"] == 5000
    assert later["training"] == first["training"]
    assert found["month"]["spent"] == pytest.approx(sum(one["dollars"] for one in later.values()), abs=0.001)
    assert found["month"]["forecast"] > found["month"]["spent"]
    text = told(capsys, "cost", "films")
    assert "films, 2023-11: $" in text
    assert "The budget is $100.00." in text
    assert "requests to campaigns: $" in text
    drop_config(live, monthly=101)
    assert "2023-11: $" in live.notifications()[-1]


def test_at_its_share_people_are_told_once_and_at_its_end_nothing_more_is_made(
    live: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    drop_config(live, monthly=30)
    for seconds in (5 * DAY + HOUR, HOUR):
        tick(live, seconds)
    (warning,) = [one for one in live.notifications() if "of its budget" in one]
    assert "of its budget of $30.00 in 2023-11. At $30.00, nothing more is imported" in warning
    for _ in range(2):
        tick(live, 2 * DAY)
    (_, stopped) = [one for one in live.notifications() if "of its budget" in one]
    assert "Until 2023-12-01, nothing more is imported, trained or exported; what serves goes on." in stopped
    campaigns = [arn for arn in live.personalize.resources if ":campaign/" in arn]
    live.put("films/interactions.csv", interactions(users=61))
    assert live.drop("films/interactions.csv").status == "FAILED"
    (problem,) = last_record(live)["problems"]
    assert problem["place"] == "films/: budget"
    assert "allows $30.00 a month." in problem["message"]
    assert [arn for arn in live.personalize.resources if ":campaign/" in arn] == campaigns, "what serves goes on"
    assert "solutions" in json.loads(live.items("films")["serving"]["map"]["S"])
    drop_config(live, monthly=200)
    assert told(capsys, "cost", "films").count("The budget is $200.00.") == 1


def test_an_idle_campaign_is_told_with_its_price_and_one_request_ends_that(
    live: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(live, 1)
    tick(live, 13 * DAY)
    assert not cost(capsys)["advice"]
    tick(live, 2 * DAY)
    (note,) = cost(capsys)["advice"]
    assert "has had no request in 14 days, and costs $144.12 a month." in note["message"]
    drop_config(live, monthly=500)
    assert "has had no request in 14 days" in told(capsys, "status", "films")
    ask(live, 1)
    tick(live, HOUR)
    assert not cost(capsys)["advice"]


def test_automatic_training_beside_a_schedule_is_told(stack: Stack) -> None:
    stack.put("films/interactions.csv", interactions())
    solution = {"recipe": "aws-popularity-count", "performAutoTraining": True}
    config = {"solutions": {"popular": solution}, "schedules": {"retrain": "rate(2 days)"}, "exports": False}
    stack.put("films/usher.yaml", json.dumps(config))
    assert stack.drop("films/usher.yaml").status == "SUCCEEDED"
    notes = [f"{one['place']}: {one['message']}" for one in last_record(stack)["notes"]]
    assert "films/usher.yaml: solutions.popular.performAutoTraining: trains it at rate(7 days) besides " in "".join(
        notes
    )
