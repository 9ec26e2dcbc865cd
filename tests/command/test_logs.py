"""`usher logs`: the decisions of a run, in order; and no function logs data of a user."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.logs.models import logs_backends
from usher.serving import http_api

from tests.command.world import POPULAR, run_command
from tests.unit.usher.serving.test_http_api import event_of
from tests.unit.usher.world import interactions
from usher_cli.deployed_stack import DeployedStack
from usher_cli.logs import lines_of, run_named
from usher_local.simulation.stack import Stack


@pytest.mark.usefixtures("live")
def test_the_last_run_is_shown_from_its_beginning_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    lines = run_command(capsys, "logs", "films").splitlines()
    assert "begin" in lines[0]
    assert "end      SUCCEEDED" in lines[-1]
    campaign = [line[21:].split()[:2] for line in lines if "campaign/popular" in line]
    assert campaign[0] == ["create", "PLANNED"]
    assert campaign[-1] == ["reuse", "READY"]
    assert lines == sorted(lines, key=lambda line: line[:19]), "in the order of time"


@pytest.mark.usefixtures("live")
def test_programs_read_lines_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.loads(line) for line in run_command(capsys, "logs", "films", "--json").splitlines()]
    assert {(line["group"], line["run"]) for line in lines} == {("films", lines[0]["run"])}
    assert lines[-1]["action"] == "end"
    assert run_command(capsys, "logs", "films", "--json", "--run", lines[0]["run"]).splitlines() == list(
        map(json.dumps, lines)
    )


def test_a_missing_run_is_reported_with_the_existing_ones(live: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    (run,) = {key.split("/")[3] for key in live.keys("films/out/runs/.*")}
    assert f"films has no run nope. The newest runs: {run}." in run_command(
        capsys, "logs", "films", "--run", "nope", status=1
    )
    live.put("music/items.csv", "")
    assert "music has had no run yet." in run_command(capsys, "logs", "music", status=1)


def test_a_run_is_followed_to_its_end(stack: Stack) -> None:
    stack.put("films/usher.yaml", json.dumps(POPULAR))
    stack.put("films/interactions.csv", interactions())
    _, waits = stack.start({"group": "films"})
    stack.clock.shift(next(waits))
    stack.clock.shift(next(waits))

    def pause(_: float) -> None:
        if (seconds := next(waits, None)) is not None:
            stack.clock.shift(seconds)

    deployed = DeployedStack("usher", pause)
    lines = list(lines_of(deployed, run_named(deployed, "films", None), follow=True))
    assert [line["action"] for line in lines][:: len(lines) - 1] == ["begin", "end"]
    assert len(lines) == len({json.dumps(line) for line in lines}), "each once"


USERS = [f"jane{number}@example.com" for number in range(60)]


def test_no_log_names_a_user(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that succeeds, one that is refused, exports, answers of the API and its failures."""
    written = io.StringIO()
    monkeypatch.setattr(http_api.logger.registered_handler, "stream", written)
    config = {"solutions": {"for-you": {"recipe": "aws-user-personalization"}}, "exports": {"for-you": {"table": True}}}
    stack.put("films/usher.yaml", json.dumps(config))
    good = named(interactions())
    stack.put("films/interactions.csv", good)
    stack.put("films/users.csv", "USER_ID,AGE\n" + "".join(f"{user},{len(user)}\n" for user in USERS))
    execution = stack.drop("films/interactions.csv")
    assert execution.status == "SUCCEEDED", stack.notifications()
    stack.run({"group": "films"}, "Exports")
    for bad in (
        good.partition("\n")[2],
        good + f"{USERS[1]},i1,yesterday\n{USERS[2]},,1700000000\n",
        "USER_ID,ITEM_ID,TIMESTAMP\n" + f"{USERS[3]},i1,1700000000\n",
        good + f'"{USERS[4]},i1\n',
    ):
        stack.put("films/interactions.csv", bad)
        assert stack.drop("films/interactions.csv").status == "FAILED"
    statuses = {ask(stack, *one) for one in requests()}
    refused = ClientError({"Error": {"Code": "AccessDeniedException", "Message": USERS[6]}}, "GetRecommendations")
    for error, services in ((KeyError(USERS[7]), SERVING), (refused, SERVING), (refused, {*SERVING, "dynamodb"})):
        with failing(error, services):
            statuses |= {ask(stack, *one) for one in requests()}
    assert {200, 202, 400, 404, 500, 503} <= statuses
    lines = [*written.getvalue().splitlines(), *all_logs()]
    logged = "\n".join(lines)
    assert '"action":"refuse"' in logged
    assert "A request failed" in logged
    names = [user.partition("@")[0] for user in USERS]
    assert [line for line in lines if any(name + sign in line for name in names for sign in ("@", "%40"))] == []


SERVING = {"personalize-runtime", "personalize-events"}


@contextmanager
def failing(error: Exception, services: set[str]) -> Iterator[None]:
    """Make services fail inside the block."""

    make_call: Any = BaseClient._make_api_call  # type: ignore[attr-defined]

    def fail(self: Any, operation: str, members: dict[str, Any]) -> Any:
        if self.meta.service_model.service_name in services:
            raise error
        return make_call(self, operation, members)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", fail)
        yield


def named(text: str) -> str:
    """A CSV of interactions, of people with a name."""
    head, *rows = text.splitlines()
    cells = (row.split(",", 1) for row in rows)
    return "\n".join([head, *(f"{USERS[int(user[1:])]},{rest}" for user, rest in cells), ""])


def requests() -> Iterator[tuple[str, dict[str, Any]]]:
    """The function and the event of requests, right and wrong, for a user that the data has."""
    user, about = USERS[5], {"userId": USERS[5]}
    event = {"eventType": "watch", "itemId": "i1", "sentAt": 1_700_000_000}
    yield from (
        ("Recommendations", event_of("GET", f"/films/recommendations/{user}", parameters=about)),
        ("Recommendations", event_of("GET", f"/films/recommendations/{user}", parameters=about, filter="nope")),
        ("Recommendations", event_of("GET", f"/music/recommendations/{user}", parameters={"group": "music", **about})),
        ("Recommendations", event_of("GET", "/films/similar-items", itemId=user)),
        ("Ranking", event_of("POST", "/films/ranking", {"userId": user, "items": ["i1", "i2"]})),
        ("Ranking", event_of("POST", "/films/ranking", {"userId": user})),
        ("Events", event_of("POST", "/films/events", {"userId": user, "sessionId": user, "events": [event]})),
        ("Events", event_of("POST", "/films/events", {"userId": user, "sessionId": user, "events": [{user: 1}]})),
    )


def ask(stack: Stack, function: str, event: dict[str, Any]) -> int:
    """The status of an answer of the API."""
    name = next(name for name in stack.folders if function in name)
    return int(stack.invoke(name, event)["statusCode"])


def all_logs() -> Iterator[str]:
    """Everything in every log group."""
    for group in logs_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].groups.values():
        for stream in group.streams.values():
            yield from (event.message for event in stream.events)
