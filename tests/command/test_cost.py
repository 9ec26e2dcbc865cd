"""The cost of a group's month: measured every hour, reported, and limited by a budget. On the simulated stack."""

import json
from typing import Any

import pytest
from usher.aws import client
from usher.prices import PRICES

from tests.command.world import run_command
from tests.unit.usher.world import interactions
from usher_local.simulation.stack import Stack

HOUR, DAY = 3600, 86_400
FLOOR = 3.6 * PRICES["requestThousand"]
"""US dollars for an hour of a campaign of a v1 recipe."""


@pytest.fixture
def live(stack: Stack) -> Stack:
    """A live group with a budget, without a measurement yet."""
    stack.begin(films_with_budget)
    return stack


def films_with_budget(stack: Stack) -> None:
    stack.put("films/interactions.csv", interactions())
    drop_config(stack, monthly=100)


def drop_config(stack: Stack, status: str = "SUCCEEDED", **budget: float) -> None:
    popular = {"recipe": "aws-popularity-count"}
    stack.put("films/usher.yaml", json.dumps({"solutions": {"popular": popular}, "budget": budget, "exports": False}))
    assert stack.drop("films/usher.yaml").status == status


def tick(stack: Stack, seconds: float = HOUR) -> None:
    """Let time pass, and start Watch as its schedule does."""
    stack.clock.shift(seconds)
    stack.invoke(watch_of(stack), {"detail": {}})


def watch_of(stack: Stack) -> str:
    (watch,) = (name for name, folder in stack.folders.items() if folder.name == "watch")
    return watch


def cost(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (group,) = json.loads(run_command(capsys, "cost", "films", "--json"))["groups"]
    return dict(group)


def last_record(stack: Stack) -> dict[str, Any]:
    return dict(max(stack.read("films/out/runs/.*/run.json").items())[1])


def ask(stack: Stack, times: int) -> None:
    """Record requests of the campaign, as Personalize counts them."""
    (arn,) = (arn for arn in stack.personalize.resources if ":campaign/" in arn)
    about: Any = {"MetricName": "GetRecommendations", "Dimensions": [{"Name": "CampaignArn", "Value": arn}]}
    data: list[Any] = [{**about, "Value": times, "Unit": "Count"}]
    client("cloudwatch").put_metric_data(Namespace="AWS/Personalize", MetricData=data)


def test_a_first_run_and_the_command_report_the_same_month(live: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    [record] = live.read(r"films/out/runs/.*/run\.json").values()
    month = cost(capsys)["month"]
    assert month["spent"] > 0
    assert month["forecast"] > 10
    assert record["month"]["spent"] == pytest.approx(month["spent"], rel=0.01)
    assert record["month"]["forecast"] == pytest.approx(month["forecast"], rel=0.01)


def test_a_month_is_measured_hour_by_hour_and_reported(live: Stack, capsys: pytest.CaptureFixture[str]) -> None:
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
    text = run_command(capsys, "cost", "films")
    assert "films, 2023-11: $" in text
    assert "The budget is $100.00." in text
    assert "requests to campaigns: $" in text
    drop_config(live, monthly=101)
    assert "2023-11: $" in live.notifications()[-1]


def test_a_budgets_share_notifies_people_once_and_its_end_stops_new_resources(
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
    assert "Until 2023-12-01, nothing more is imported, trained or exported; serving continues." in stopped
    campaigns = [arn for arn in live.personalize.resources if ":campaign/" in arn]
    live.put("films/interactions.csv", interactions(users=61))
    assert live.drop("films/interactions.csv").status == "FAILED"
    (problem,) = last_record(live)["problems"]
    assert problem["place"] == "films/: budget"
    assert "allows $30.00 a month." in problem["message"]
    assert [arn for arn in live.personalize.resources if ":campaign/" in arn] == campaigns, "what serves goes on"
    assert "solutions" in json.loads(live.items("films")["serving"]["map"]["S"])
    drop_config(live, monthly=200)
    assert run_command(capsys, "cost", "films").count("The budget is $200.00.") == 1


def test_an_idle_campaign_is_reported_with_its_price_until_its_first_request(
    live: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(live, 1)
    tick(live, 13 * DAY)
    assert not cost(capsys)["advice"]
    tick(live, 2 * DAY)
    (note,) = cost(capsys)["advice"]
    assert "has had no request in 14 days, and costs $144.12 a month." in note["message"]
    drop_config(live, monthly=500)
    assert "has had no request in 14 days" in run_command(capsys, "status", "films")
    ask(live, 1)
    tick(live, HOUR)
    assert not cost(capsys)["advice"]


def test_automatic_training_beside_a_schedule_is_reported(stack: Stack) -> None:
    stack.put("films/interactions.csv", interactions())
    solution = {"recipe": "aws-popularity-count", "performAutoTraining": True}
    config = {"solutions": {"popular": solution}, "schedules": {"retrain": "rate(2 days)"}, "exports": False}
    stack.put("films/usher.yaml", json.dumps(config))
    assert stack.drop("films/usher.yaml").status == "SUCCEEDED"
    notes = [f"{one['place']}: {one['message']}" for one in last_record(stack)["notes"]]
    assert "films/usher.yaml: solutions.popular.performAutoTraining: trains it at rate(7 days) besides " in "".join(
        notes
    )


def recommendations(stack: Stack, user: str, **query: str) -> tuple[int, dict[str, Any]]:
    (name,) = (name for name, folder in stack.folders.items() if folder.name == "recommendations")
    event = {
        "version": "2.0", "routeKey": "GET /{group}/recommendations/{userId}",
        "rawPath": f"/films/recommendations/{user}", "rawQueryString": "&".join(f"{k}={v}" for k, v in query.items()),
        "queryStringParameters": query, "pathParameters": {"group": "films", "userId": user},
        "requestContext": {"stage": "$default", "http": {"method": "GET", "path": "/"}, "authorizer": {"iam": {}}},
        "headers": {},
    }  # fmt: skip
    answer = stack.invoke(name, event)
    return answer["statusCode"], json.loads(answer["body"])


def test_an_idle_campaign_is_let_go_for_its_export_and_made_again_on_demand(live: Stack) -> None:
    live.invoke(watch_of(live), {"detail": {}})
    config = {
        "solutions": {"popular": {"recipe": "aws-popularity-count", "idle": "table"}},
        "exports": {"popular": {"table": True, "numResults": 5}},
        "filters": {"unseen": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'},
    }
    live.put("films/usher.yaml", json.dumps(config))
    assert live.drop("films/usher.yaml").status == "SUCCEEDED"
    tick(live, 15 * DAY)
    execution = live.run_started()
    assert execution.given == {"group": "films", "task": "idle", "solution": "popular"}
    assert execution.status == "SUCCEEDED"
    tick(live)
    assert not live.started, "demand is checked once a day"
    assert campaigns(live), "nothing goes that no export stands in for"
    assert "no export of the last month is in the table" in str(last_record(live)["notes"])

    assert live.run({"group": "films"}, "Exports").status == "SUCCEEDED"
    tick(live, DAY)
    assert live.run_started().status == "SUCCEEDED"
    assert not campaigns(live)
    assert "deleted 1 campaign" in live.notifications()[-1]
    status, answer = recommendations(live, "u1")
    assert (status, answer["source"]) == (200, "export")
    tick(live, DAY)
    live.put("films/interactions.csv", interactions(users=61))
    assert live.drop("films/interactions.csv").status == "SUCCEEDED"
    assert not campaigns(live), "it stays away, whatever is dropped"
    live.started.clear()

    assert recommendations(live, "u1", filter="unseen")[0] == 404
    tick(live)
    execution = live.run_started()
    assert execution.given == {"group": "films", "task": "wake", "solution": "popular"}
    assert execution.status == "SUCCEEDED"
    live.set_variables(PERSONALIZE_MILLISECONDS="500")  # a process without the former map in its memory
    assert recommendations(live, "u1", filter="unseen")[0] == 200
    tick(live)
    assert not live.started, "it is new, and no longer idle"
    assert live.run({"group": "films", "task": "remove"}).status == "SUCCEEDED"
    assert all("expires" in one for one in live.items("films").values()), "nothing stays for ever"


def campaigns(stack: Stack) -> list[str]:
    return [arn for arn in stack.personalize.resources if ":campaign/" in arn]
