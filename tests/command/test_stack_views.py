"""The page's views of a stack, on the simulated stack: groups, runs, versions, events, and actions."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from usher.aws import client, now
from usher.errors import UsherError
from usher.events.kept import keep_messages

from tests.command.world import POPULAR
from tests.unit.usher.world import interactions
from usher_cli.actions import runs
from usher_cli.actions.exports import export
from usher_cli.actions.removal import remove
from usher_cli.actions.versions import serve_version
from usher_cli.deployed_stack import DeployedStack
from usher_cli.stack_views.events import queues, rates, refusals
from usher_cli.stack_views.health import alarms, quotas_used
from usher_cli.stack_views.overview import overview
from usher_cli.stack_views.runs import PAGE_SIZE, last_others, run_view, runs_from
from usher_cli.stack_views.versions import solutions_of
from usher_local.simulation.stack import Boundary, Stack

GATED = POPULAR | {
    "solutions": {"popular": {"recipe": "aws-popularity-count", "gate": {"metric": "coverage", "atLeast": 2}}}
}


@pytest.fixture
def deployed_stack(stack: Stack) -> DeployedStack:  # noqa: ARG001 - it is what the command finds
    return DeployedStack("usher")


@pytest.fixture
def live(live: Stack, deployed_stack: DeployedStack) -> DeployedStack:  # noqa: ARG001 - it is what the command finds
    """A stack with a group that serves."""
    return deployed_stack


def drop(stack: Stack, group: str, config: Any, status: str = "SUCCEEDED", **data: int) -> None:
    stack.put(f"{group}/usher.yaml", json.dumps(config))
    stack.put(f"{group}/interactions.csv", interactions(**data))
    assert stack.drop(f"{group}/interactions.csv").status == status


def copy_runs(stack: Stack, group: str, number: int) -> None:
    """Give a group so many more runs before its first one."""
    (key, record), *_ = stack.read(f"{group}/out/runs/.*/run.json").items()
    name = key.split("/")[-2]
    for one in range(number):
        older = f"2022{one:04}T000000000Z-0000"
        for file, content in (
            ("run.json", record | {"run": older}),
            ("plan.json", stack.read(key.replace("run.json", "plan.json")).popitem()[1]),
        ):
            stack.put(f"{group}/out/runs/{older}/{file}", json.dumps(content))
    assert name > older


@pytest.fixture
def calls(stack: Stack) -> Iterator[Counter[str]]:
    """The number of calls of each operation so far."""
    counted = Counter[str]()

    def count(boundary: Boundary) -> None:
        counted[boundary.name] += (boundary.kind, boundary.when) == ("call", "before")

    stack.disturb = count
    yield counted


def test_the_overview_shows_each_groups_live_versions_their_age_and_last_run(
    live: DeployedStack,
) -> None:
    live.bucket.write("empty/notes.txt", b"")
    empty, films = overview(live)
    assert (empty["group"], empty["last"], empty["live"], empty["atWork"]) == ("empty", None, [], [])
    assert films["last"] is not None
    assert films["last"]["outcome"] == "SUCCEEDED"
    (model,) = films["live"]
    assert model["name"] == "popular"
    assert model["since"][:11] == model["trainedAt"][:11] == "2023-11-14T"


def test_the_overview_asks_no_more_of_many_runs(live: DeployedStack, stack: Stack, calls: Counter[str]) -> None:
    overview(live)
    of_one = Counter(calls)
    copy_runs(stack, "films", 200)
    calls.clear()
    overview(live)
    assert calls.total() <= of_one.total()
    assert (calls["s3:GetObject"], calls["dynamodb:BatchGetItem"]) == (1, 1)


def test_runs_come_by_the_page_newest_first(live: DeployedStack, stack: Stack, calls: Counter[str]) -> None:
    copy_runs(stack, "films", 2 * PAGE_SIZE)
    names, newest = list[str](), ""
    sizes = []
    while page := runs_from(live, "films", newest):
        names += [row["run"] for row in page["rows"]]
        sizes.append(len(page["rows"]))
        newest = page["older"]
        if not newest:
            break
    assert sizes == [PAGE_SIZE, PAGE_SIZE, 1]
    assert names == sorted(names, reverse=True)
    assert calls["s3:GetObject"] == 2 * PAGE_SIZE + 1
    (row,) = [row for row in runs_from(live, "films")["rows"] if row["run"] == names[0]]
    assert (row["what"], row["outcome"]) == ("pipeline", "SUCCEEDED")
    assert "trained popular; made 1 campaign (popular)" in row["headline"]
    assert row["seconds"] > 0


def test_a_running_run_shows_its_stages_and_expected_end(deployed_stack: DeployedStack, stack: Stack) -> None:
    stack.put("films/usher.yaml", json.dumps(POPULAR))
    stack.put("films/interactions.csv", interactions())
    execution, waits = stack.start({"group": "films"})
    for seconds in waits:
        stack.clock.shift(seconds)
        (row,) = runs_from(deployed_stack, "films")["rows"]
        view = run_view(deployed_stack, "films", row["run"])
        if any(step["status"] == "PENDING" for stage in view["stages"] for step in stage["steps"]):
            break
    assert [stage["stage"] for stage in view["stages"]][:2] == ["import", "train"]
    assert view["execution"] == execution.arn
    assert view["expectedEnd"] > row["startedAt"]
    assert not view["late"]
    (found,) = overview(deployed_stack)
    assert [one["run"] for one in found["atWork"]] == [row["run"]]
    for seconds in waits:
        stack.clock.shift(seconds)
    ended = run_view(deployed_stack, "films", row["run"])
    assert ended["summary"]["outcome"] == "SUCCEEDED"
    assert not ended["expectedEnd"]


def test_a_missing_run_is_reported(live: DeployedStack) -> None:
    with pytest.raises(UsherError, match="films has no run 2020"):
        run_view(live, "films", "2020")


def test_versions_show_their_metrics_over_time_the_gates_verdict_and_how_to_choose_another(
    deployed_stack: DeployedStack, stack: Stack, calls: Counter[str]
) -> None:
    drop(stack, "films", POPULAR)
    drop(stack, "films", GATED, users=80)
    (solution,) = solutions_of(deployed_stack, "films")
    old, new = solution["versions"]
    assert (solution["name"], old["live"], new["live"]) == ("popular", True, False)
    assert old["trainedAt"] < new["trainedAt"]
    assert old["liveSince"]
    assert all(one["metrics"] and one["trainingHours"] for one in (old, new))
    gate = solution["gate"]
    assert gate is not None
    assert (gate["metric"], gate["atLeast"], gate["passes"]) == ("coverage", 2, False)
    assert "below 2.0000, atLeast: the floor" in gate["verdict"]
    calls.clear()
    assert solutions_of(deployed_stack, "films") == [solution]
    assert not calls["personalize:GetSolutionMetrics"], "what is trained never changes"

    before = stack.items("films")
    plan = serve_version(deployed_stack, "films", "popular", new["arn"], "Checked by hand").plan()
    assert [(row["id"], row["action"]) for row in plan["rows"]] == [("campaign/popular", "update")]
    assert all(one["arn"].rpartition("/")[2] in plan["sentences"][0] for one in (old, new))
    for version, why, said in ((new["arn"], " ", "Give the reason"), (f"{old['arn']}x", "It is old", "has no version")):
        with pytest.raises(UsherError, match=said):
            serve_version(deployed_stack, "films", "popular", version, why).plan()
    assert stack.items("films") == before


def test_actions_show_their_plan_and_change_nothing_before_they_are_carried_out(
    live: DeployedStack, stack: Stack
) -> None:
    before = set(stack.personalize.resources), len(stack.executions), stack.items("films")
    assert not runs.run_now(live, "films").plan()["isWork"]
    plan = runs.retrain(live, "films", "popular").plan()
    assert next((row["id"], row["action"]) for row in plan["rows"]) == ("solution_version/popular", "retrain")
    assert any("minutes, and costs" in sentence for sentence in plan["sentences"])
    assert (set(stack.personalize.resources), len(stack.executions), stack.items("films")) == before


def test_a_removal_lists_the_deletions_and_must_be_typed(live: DeployedStack, stack: Stack) -> None:
    before = set(stack.personalize.resources)
    action = remove(live, "films", data=False)
    plan = action.plan()
    assert action.typed == "films"
    assert plan["isWork"]
    assert {row["action"] for row in plan["rows"]} == {"delete"}
    assert {"campaign/popular", "dataset_group/films"} <= {row["id"] for row in plan["rows"]}
    assert any("$144.12 a month" in sentence for sentence in plan["sentences"])
    assert any("Files of your own" in sentence and "stay" in sentence for sentence in plan["sentences"])
    assert set(stack.personalize.resources) == before


def test_an_exports_run_reports_its_result(stack: Stack, deployed_stack: DeployedStack) -> None:
    solutions = {"for-you": {"recipe": "aws-popularity-count", "campaign": False}}
    drop(stack, "films", {"solutions": solutions, "exports": {"for-you": {"numResults": 5}}})
    plan = export(deployed_stack, "films", "for-you").plan()
    assert not any("The last one" in sentence for sentence in plan["sentences"])
    assert "It has 60 lines at most, and costs under $0.01 at most." in plan["sentences"]
    assert stack.run({"group": "films", "solution": "for-you"}, "Exports").status == "SUCCEEDED"
    (other,) = last_others(deployed_stack, "films")
    assert (other["what"], other["outcome"]) == ("export for-you", "SUCCEEDED")
    view = run_view(deployed_stack, "films", other["run"])
    assert view["result"][0] == "300 recommendations of 60 lines; 0 failed."
    assert view["result"][1].startswith(other["place"])
    plan = export(deployed_stack, "films", "for-you").plan()
    assert any("The last one had 60 lines" in sentence for sentence in plan["sentences"])


def test_rates_are_those_of_a_group_by_the_minute(deployed_stack: DeployedStack) -> None:
    """`usher.embedded_metrics` writes them with these dimensions; another stack has another service."""

    def metric(name: str, value: float, service: str = "usher", **dimensions: str) -> Any:
        pairs = {"service": service, "Group": "films", **dimensions}
        named = [{"Name": key, "Value": text} for key, text in pairs.items()]
        return {"MetricName": name, "Value": value, "Dimensions": named}

    client("cloudwatch").put_metric_data(
        Namespace="Usher",
        MetricData=[
            metric("EventsAccepted", 3.0),
            metric("EventsAccepted", 9.0, service="usher2"),
            metric("EventRequestsRefused", 2.0, Code="BadEvent"),
            metric("EventRequestsRefused", 1.0, Group="shop", Code="BadId"),
        ],
    )
    found = {
        (one["metric"], one["code"]): sum(value for _, value in one["minutes"])
        for one in rates(deployed_stack, ["films"], 1)
    }
    assert found == {("EventsAccepted", ""): 3, ("EventRequestsRefused", "BadEvent"): 2}


def test_personalizes_refusals_are_reported_with_their_reason_once_per_event(deployed_stack: DeployedStack) -> None:
    message: Any = {
        "kind": "events", "group": "films", "trackingId": "t", "sessionId": "s", "arrived": now().timestamp(),
        "events": [{"eventId": str(number), "eventType": "watch", "sentAt": 1} for number in range(3)],
    }  # fmt: skip
    keep_messages(deployed_stack.bucket, [message])
    keep_messages(deployed_stack.bucket, [message | {"refused": "Its tracking ID is unknown."}])
    keep_messages(
        deployed_stack.bucket, [message | {"refused": "Too old.", "sessionId": "s2", "events": message["events"][:1]}]
    )
    assert refusals(deployed_stack, "films") == [("Its tracking ID is unknown.", 3), ("Too old.", 1)]


def test_queues_alarms_and_quotas_are_those_of_the_stack(live: DeployedStack) -> None:
    found = queues(live)
    assert [one["name"] for one in found] == ["Pending", "Kept", "RefusedEvents", "DeadLetterQueue"]
    assert not any(one["waiting"] for one in found)
    assert {one["name"] for one in alarms(live)} >= {"ExecutionFailed", "EventLost", "ModelStale"}
    used = {(one.kind, one.group): (one.number, one.limit) for one in quotas_used(live)}
    assert used["dataset_group", ""] == (1, 5)
    assert used["campaign", "films"] == (1, 5)
