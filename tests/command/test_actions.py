"""The actions of the page on a stack: the plan first, and then the same code as the command's."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from usher.aws import client, now
from usher.errors import UsherError
from usher.exports.documents import ExportPlan
from usher.runs.record import Run

from tests.unit.usher.world import interactions
from usher_cli.actions import api_keys, runs
from usher_cli.actions.erasure import erase
from usher_cli.actions.evaluations import evaluate
from usher_cli.actions.exports import export
from usher_cli.actions.versions import serve_version
from usher_cli.deployed_stack import DeployedStack
from usher_cli.stack_views.schedules import next_trainings
from usher_local.simulation.stack import Boundary, Stack


@pytest.fixture
def live(exported: Stack) -> DeployedStack:  # noqa: ARG001 - it is what the command finds
    """A stack with a group that serves and exports."""
    return DeployedStack("usher")


def text(stack: DeployedStack) -> str:
    """The group's interactions, as they are in the bucket."""
    return (stack.bucket.read("films/interactions.csv") or b"").decode()


def nothing(_: str) -> None:
    """Ignores the progress of an action."""


def test_an_exports_plan_has_the_price_that_its_run_then_orders(live: DeployedStack, stack: Stack) -> None:
    sentences = export(live, "films", "popular").plan()["sentences"]
    assert stack.run({"group": "films", "solution": "popular"}, "Exports").status == "SUCCEEDED"
    (run,) = live.runs("films", others=True)
    ordered = ExportPlan.of(run.plan(), "films", run.name)
    assert 0 < ordered.dollars < 0.01
    assert f"It has {ordered.input.lines} lines at most, and costs under $0.01 at most." in sentences


def test_an_evaluations_plan_has_its_price_and_makes_nothing(live: DeployedStack, stack: Stack) -> None:
    before = set(stack.personalize.resources), stack.items("films"), stack.keys("films/.*")
    plan = evaluate(live, "films", {"recipes": ["aws-user-personalization-v2", "aws-sims"]}).plan()
    assert {row["id"]: row["cost"] for row in plan["rows"] if row["id"].endswith("/sims")} == {
        "solution_version/sims": pytest.approx(0.24, abs=0.2),
        "batch_inference_job/sims": pytest.approx(0.01, abs=0.01),
    }
    (price,) = [one for one in plan["sentences"] if "It takes about" in one]
    assert "costs $" in price
    assert "at most $" in price
    assert (set(stack.personalize.resources), stack.items("films"), stack.keys("films/.*")) == before
    with pytest.raises(UsherError, match="recipes"):
        evaluate(live, "films", {"recipes": ["aws-nonsense"]}).plan()


def test_a_paused_group_says_so_instead_of_a_plan_that_would_do_nothing(live: DeployedStack) -> None:
    pause = runs.pause(live, "films", "we check the data")
    assert any("$144.12 a month" in sentence for sentence in pause.plan()["sentences"])
    assert pause.carry_out(nothing).message == "films is paused."
    for action in (
        runs.run_now(live, "films"),
        runs.retrain(live, "films", "popular"),
        export(live, "films", "popular"),
    ):
        with pytest.raises(UsherError, match="To continue: usher resume films"):
            action.plan()
    resume = runs.resume(live, "films")
    assert resume.plan()["isWork"]
    assert resume.carry_out(nothing).execution
    with pytest.raises(UsherError, match="films is not paused"):
        resume.plan()


def test_the_next_training_follows_from_the_existing_schedule(stack: Stack) -> None:
    schedules = {"popular": "cron(0 3 ? * SUN *)", "hits": "rate(2 days)"}
    solutions = {
        name: {"recipe": "aws-popularity-count", "campaign": False, "schedules": {"FULL": expression}}
        for name, expression in schedules.items()
    }
    stack.put("films/usher.yaml", json.dumps({"solutions": solutions, "exports": False}))
    stack.put("films/interactions.csv", interactions())
    assert stack.drop("films/interactions.csv").status == "SUCCEEDED"
    stack.clock.shift(5 * 24 * 3600)
    found = next_trainings(DeployedStack("usher"), "films", ["popular", "hits", "none"])
    assert found.keys() == schedules.keys()
    assert (found["popular"].isoweekday(), found["popular"].hour, found["popular"].minute) == (7, 3, 0)
    assert all(timedelta(0) < moment - now() < timedelta(days=7) for moment in found.values())
    assert found["hits"] - now() <= timedelta(days=2)


@pytest.mark.parametrize("why", ["", "  "])
def test_others_get_a_reason(live: DeployedStack, why: str) -> None:
    for action in (runs.pause(live, "films", why), serve_version(live, "films", "popular", "latest", why)):
        with pytest.raises(UsherError, match="Give the reason"):
            action.plan()


def test_a_key_is_shown_once_given_a_new_secret_and_revoked(live: DeployedStack) -> None:
    create = api_keys.create(live, "films", "mail tool", ["POST events"], 60)
    assert "POST events of films, 60 times a minute at most" in create.plan()["sentences"][0]
    assert live.keys.of("films") == []
    made = create.carry_out(nothing)
    (key,) = live.keys.of("films")
    assert live.keys.find(made.secret) == key
    rotate = api_keys.rotate(live, "films", key.id, 0)
    assert "expires within a minute" in rotate.plan()["sentences"][0]
    renewed = rotate.carry_out(nothing).secret
    assert [bool(live.keys.find(one)) for one in (made.secret, renewed)] == [False, True]
    revoke = api_keys.revoke(live, "films", key.id)
    assert "(mail tool)" in revoke.plan()["sentences"][0]
    revoke.carry_out(nothing)
    with pytest.raises(UsherError, match="films has no key"):
        revoke.plan()


@pytest.mark.parametrize("data", [True, False])
def test_an_erasure_names_the_files_that_stay_or_are_rewritten(live: DeployedStack, stack: Stack, data: bool) -> None:
    action = erase(live, "films", ["u3"], data=data)
    sentences = action.plan()["sentences"]
    assert action.typed == "u3"
    assert any("are rewritten without them" in one for one in sentences) == data
    assert any("films/interactions.csv" in one for one in sentences)
    assert "u3," in text(live)
    done = action.carry_out(nothing)
    assert done.execution
    assert "u3" not in done.message
    assert ("u3," in text(live)) != data
    assert stack.keys("films/erase/.*")


@contextmanager
def large_files() -> Iterator[None]:
    """Let S3 list files as if they were a million times as large."""

    def enlarge(parsed: dict[str, Any], **_: object) -> None:
        for entry in parsed.get("Contents", ()):
            entry["Size"] <<= 20

    events, event = client("s3").meta.events, "after-call.s3.ListObjectsV2"
    events.register(event, enlarge)
    try:
        yield
    finally:
        events.unregister(event, enlarge)


def test_a_rollback_reads_no_large_files_before_it_asks(live: DeployedStack, stack: Stack) -> None:
    stack.put("films/interactions.csv", interactions(users=70))
    assert stack.drop("films/interactions.csv").status == "SUCCEEDED"
    reads: list[str] = []

    def count(boundary: Boundary) -> None:
        if (boundary.name, boundary.when) == ("s3:GetObject", "before"):
            reads.append(boundary.name)

    stack.disturb = count
    with large_files():
        sentences = serve_version(live, "films", "popular", "previous", "Odd results").plan()["sentences"]
    assert sentences[1:] == ["Then the run processes the new files, which are large: usher plan films shows it."]
    assert len(reads) == 1, "the config"


def test_with_one_version_there_is_none_to_go_back_to(live: DeployedStack) -> None:
    with pytest.raises(UsherError, match="no version older than the one that serves"):
        serve_version(live, "films", "popular", "previous", "Odd results").plan()


def test_a_rollback_shows_its_plan_and_the_run_keeps_author_and_reason(live: DeployedStack, stack: Stack) -> None:
    stack.put("films/interactions.csv", interactions(users=70))
    assert stack.drop("films/interactions.csv").status == "SUCCEEDED"
    action = serve_version(live, "films", "popular", "previous", "Odd results")
    plan = action.plan()
    assert "until a newer version passes the gate" in plan["sentences"][0]
    assert [(row["id"], row["action"]) for row in plan["rows"]] == [("campaign/popular", "update")]
    action.carry_out(nothing)
    assert stack.run_started().status == "SUCCEEDED"
    run: Run = live.runs("films")[-1]
    (pin,) = run.read()["pins"].values()
    assert pin["why"] == "Odd results"
