"""The command on the simulated stack: its output, its changes, and its error messages."""

import json
from pathlib import Path

import pytest
import yaml
from usher.aws import client
from usher.prices import PRICES

from tests.command.world import POPULAR, run_command
from tests.unit.usher.world import interactions
from usher_cli.__main__ import main
from usher_cli.command import UNCONFIRMED
from usher_local.simulation.stack import Stack

EXPRESSION = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")'


def test_a_plan_shows_all_actions_before_they_begin(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.put("films/usher.yaml", json.dumps(POPULAR))
    stack.put("films/interactions.csv", interactions())
    before = set(stack.personalize.resources)
    text = run_command(capsys, "plan", "films")
    assert [line.split()[1] for line in text.splitlines() if line.startswith("campaign/popular")] == ["create"]
    assert "Total: about" in text
    assert "Prices:" in text
    assert set(stack.personalize.resources) == before
    assert not stack.items("films")
    assert not stack.read("films/out/.*")


def test_a_plan_without_changes_says_so(live: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Nothing to do." in run_command(capsys, "plan", "films")
    assert len(live.executions) == 1


def test_a_plan_may_be_of_another_config(live: Stack, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text(yaml.safe_dump(POPULAR | {"filters": {"unseen": EXPRESSION}}))
    text = run_command(capsys, "plan", "films", "--config", str(config))
    assert "filter/unseen" in text
    assert "Nothing to do." in run_command(capsys, "plan", "films"), "it is not put into the bucket"
    live.put("music/usher.json", "{}")
    live.put("music/interactions.csv", interactions())
    assert "campaign/popular" in run_command(capsys, "plan", "music", "--config", str(config)), (
        "in place of a usher.json"
    )


def test_a_plan_of_another_config_names_that_file(
    live: Stack, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    live.put("films/usher.yaml", "solution: {}")
    config = tmp_path / "mine.yaml"
    config.write_text(yaml.safe_dump(POPULAR | {"filters": {"f": "INCLUDE ItemID WHERE Items.GENRES IN (x)"}}))
    said = "".join(run_command(capsys, "plan", "films", "--config", str(config), status=1).split())
    assert f"{config}:filters.f:can'tberead:" in said
    assert 'Puttextsinquotes:"x".' in said


def test_a_plan_for_bad_input_lists_the_problems(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.put("films/usher.yaml", "solution: {}")
    stack.put("films/interactions.csv", interactions())
    assert "films/usher.yaml: solution: is unknown. Did you mean" in run_command(capsys, "plan", "films", status=1)


def test_a_plan_without_data_names_the_missing_files(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.put("films/usher.yaml", json.dumps(POPULAR))
    assert "Nothing to do until there is films/interactions.csv" in run_command(capsys, "plan", "films")


def test_status_shows_the_last_runs_end_and_the_live_versions(live: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    text = run_command(capsys, "status", "films")
    assert "SUCCEEDED" in text
    version = live.items("films")["serving"]["map"]["S"].partition('"solutionVersionArn": "')[2].partition('"')[0]
    assert version in text
    assert "films" in run_command(capsys, "status")


def test_status_of_a_failed_run_gives_a_remedy_and_fails(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.put("films/interactions.csv", "USER_ID\nu1\n")
    stack.drop("films/interactions.csv")
    text = run_command(capsys, "status", "films", status=1)
    assert "FAILED" in text
    assert "lacks the column ITEM_ID" in text
    assert "FAILED" in run_command(capsys, "status")


def test_status_shows_work_live_versions_their_age_and_cost(live: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    text = run_command(capsys, "status", "films")
    for expected in ("* trained popular", "* made 1 campaign (popular)", "2023-11-14T2", "$144.12 a month"):
        assert expected in text
    put_config(live, "hits", prune=False)
    text = run_command(capsys, "status", "films")
    assert "* made 1 campaign (hits)" in text
    assert "Serving, even when idle: $288.23 a month." in text, "what is no longer desired is paid for"
    (line,) = [one for one in text.splitlines() if one.startswith("campaign/popular") and "kept" in one]
    assert "$144.12 a month" in line
    found = json.loads(run_command(capsys, "status", "films", "--json"))
    assert [one["name"] for one in found["live"]] == ["hits"]
    assert found["last"]["cost"]["monthlyCost"] == pytest.approx(2 * MONTH)
    assert found["last"]["done"] == ["trained hits", "made 1 campaign (hits)", "set up 1 further resource"]


def put_config(stack: Stack, name: str, *, prune: bool) -> None:
    """Drop a config with another solution."""
    solutions = {name: {"recipe": "aws-popularity-count"}}
    stack.put("films/usher.yaml", json.dumps({"solutions": solutions, "exports": False, "prune": prune}))
    assert stack.drop("films/usher.yaml").status == "SUCCEEDED"


def test_status_is_one_line_for_each_fact_where_a_program_reads_it(
    live: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    version = json.loads(live.items("films")["serving"]["map"]["S"])["solutions"]["popular"]["solutionVersionArn"]
    assert version in run_command(capsys, "status", "films")


@pytest.mark.parametrize(("outcome", "status"), [("SUCCEEDED", 0), ("FAILED", 1), ("RUNNING", 3), ("HELD", 4)])
def test_the_exit_status_is_the_outcome(
    live: Stack, capsys: pytest.CaptureFixture[str], outcome: str, status: int
) -> None:
    ((key, record),) = live.read(r"films/out/runs/[^/]+/run\.json").items()
    live.put(key, json.dumps(record | {"outcome": outcome}))
    assert outcome in run_command(capsys, "status", "films", status=status)


@pytest.mark.parametrize("option", ["--wait", "--follow"])
def test_status_waits_for_the_end_of_a_run(live: Stack, capsys: pytest.CaptureFixture[str], option: str) -> None:
    live.put("films/interactions.csv", interactions(users=70))
    _, steps = live.start({"group": "films"})
    live.clock.shift(next(steps))
    paused = []

    def pause(seconds: float) -> None:
        paused.append(seconds)
        live.clock.shift(next(steps, seconds))

    text = run_command(capsys, "status", "films", option, sleep=pause)
    assert "retrained popular" in text
    assert len(paused) > 2
    assert ("resources are ready; at work on" in text) == (option == "--follow")


@pytest.mark.parametrize("has_run", [True, False])
def test_status_waits_for_the_run_of_a_drop_that_has_not_begun(
    stack: Stack, capsys: pytest.CaptureFixture[str], has_run: bool
) -> None:
    if has_run:
        stack.put("films/interactions.csv", interactions(users=70))
        stack.put("films/usher.yaml", json.dumps(POPULAR))
        stack.drop("films/usher.yaml")
        stack.clock.shift(600)
    paused = list[float]()

    def pause(seconds: float) -> None:
        paused.append(seconds)
        stack.clock.shift(seconds)
        if len(paused) == 2:  # the event of S3 has come
            stack.drop("films/usher.yaml")

    stack.put("films/interactions.csv", interactions())
    stack.put("films/usher.yaml", json.dumps({"solutions": {"hits": {"recipe": "aws-popularity-count"}}}))
    assert "trained hits" in run_command(capsys, "status", "films", "--wait", sleep=pause)
    assert len(paused) == 2
    run_command(capsys, "status", "films", "--wait", sleep=pause)
    assert len(paused) == 2, "no file has arrived since"


def test_status_waits_a_minute_where_no_run_begins(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    paused = list[float]()
    stack.put("films/readme.txt", "")
    assert "has had no run yet" in run_command(capsys, "status", "films", "--wait", status=1, sleep=paused.append)
    assert not paused, "no file starts a run"
    stack.put("films/interactions.csv", interactions())
    assert "has had no run yet" in run_command(capsys, "status", "films", "--wait", status=1, sleep=paused.append)
    assert sum(paused) == 60


def test_status_shows_exports_too(live: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    live.put("films/usher.yaml", json.dumps(POPULAR | {"exports": {"popular": {}}}))
    live.drop("films/usher.yaml")
    live.run({"group": "films"}, "Exports")
    (line,) = [one for one in run_command(capsys, "status", "films").splitlines() if one.startswith("export/popular")]
    assert "SUCCEEDED" in line


MONTH = 2592 * PRICES["requestThousand"]
"""The price of a campaign of a v1 recipe."""


def test_cost_shows_the_accounts_costs_whatever_the_config_says(
    live: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    put_config(live, "hits", prune=False)
    found = json.loads(run_command(capsys, "cost", "films", "--json"))
    ((group, now),) = [(one["group"], one["now"]) for one in found["groups"]]
    assert (group, now["monthlyCost"]) == ("films", pytest.approx(2 * MONTH))
    assert {one["id"]: one["desired"] for one in now["monthly"]} == {"campaign/hits": True, "campaign/popular": False}
    assert "campaign/popular" in run_command(capsys, "cost")
    put_config(live, "hits", prune=True)
    assert "In all: $144.12 a month for serving." in run_command(capsys, "cost")


def test_cost_counts_others_resources_in_the_account_and_names_unknown_prices(
    live: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    live.put("films/usher.yaml", json.dumps({"solutions": {"v2": {"recipe": "aws-user-personalization-v2"}}}))
    live.drop("films/usher.yaml")
    group = client("personalize").create_dataset_group(name="theirs", domain="ECOMMERCE")["datasetGroupArn"]
    recipe = "arn:aws:personalize:::recipe/aws-user-personalization"
    live.clock.shift(600)
    client("personalize").create_solution(
        name="nightly", datasetGroupArn=group, recipeArn=recipe, performAutoTraining=True
    )
    found = json.loads(run_command(capsys, "cost", "--json"))
    assert [(one["group"], one["datasetGroup"]) for one in found["groups"]] == [("films", "films"), ("", "theirs")]
    assert set(found["now"]["unpriced"]) == {"campaign/v2", "solution/nightly"}
    (line,) = [one for one in run_command(capsys, "status").splitlines() if one.startswith("films")]
    assert "$144.12 + unknown" in line, "popular is not in the config any more, but it is there"
    text = run_command(capsys, "cost")
    assert "theirs (not this stack's)" in text
    assert "price not known: campaign/v2, solution/nightly" in text
    assert "not known, at most $388.80 a month" in text


def test_during_a_run_cost_shows_the_state_after_it(live: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    live.put("films/usher.yaml", json.dumps({"solutions": {"sims": {"recipe": "aws-sims"}}, "exports": False}))
    _, steps = live.start({"group": "films"})
    for _ in range(2):
        live.clock.shift(next(steps))
    text = run_command(capsys, "cost")
    assert "films: $144.12 a month for serving." in text
    assert "films, after the current run: $288.23 a month for serving." in text
    assert "In total, after the current runs: $288.23" in text


@pytest.mark.usefixtures("stack")
def test_cost_of_nothing_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Nothing costs money every month." in run_command(capsys, "cost")


def test_without_a_run_status_explains_the_first_step(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    to_begin = "usher drop <folder> --group"
    assert f"No group has had a run yet. To start one: {to_begin} <name>" in run_command(capsys, "status")
    assert f"has no group films. To create it: {to_begin} films." in run_command(capsys, "status", "films", status=1)
    stack.put("films/items.csv", "")
    assert "has had no run yet. Put interactions.csv into s3://" in run_command(capsys, "status", "films", status=1)


def test_a_rollback_and_a_promotion_change_the_live_version(live: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    def served() -> str:
        serving = json.loads(live.items("films")["serving"]["map"]["S"])
        return str(serving["solutions"]["popular"]["solutionVersionArn"])

    first = served()
    live.put("films/interactions.csv", interactions(users=70))
    live.drop("films/interactions.csv")
    second = served()
    assert first != second
    why = ("--why", "too many old films")
    output = run_command(capsys, "rollback", "films", "popular", *why, status=UNCONFIRMED)
    assert f"{first.rpartition('/')[2]} serves instead of {second.rpartition('/')[2]}" in output
    assert not live.started
    text = run_command(capsys, "rollback", "films", "popular", *why, "--yes")
    assert "usher status films" in text
    live.run_started()
    assert served() == first
    (pin,) = live.read(r"films/out/runs/[^/]+/run\.json")[max(live.read(r"films/out/runs/[^/]+/run\.json"))][
        "pins"
    ].values()
    assert pin["why"] == "too many old films"
    assert pin["who"].startswith("arn:aws:")
    run_command(capsys, "promote", "films", "popular", second, "--why", "they requested them", "--yes")
    live.run_started()
    assert served() == second


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("rollback", "music", "popular", "--why", "x"), "The stack usher has no group music. There are: films."),
        (("rollback", "films", "populr", "--why", "x"), "films serves no solution populr; it serves: popular."),
        (("--stack", "ushr", "status"), "There is no stack ushr in us-east-1. Deploy it, or choose another with"),
        (("plan", "films", "--config", "/nowhere"), "No such file"),
        (("import", "books"), "Personalize has no dataset group books in this account and region; available: films."),
        (("import", "x" * 40), "can't be the name of a dataset group. Use up to 35"),
    ],
)
def test_an_impossible_request_is_reported_with_a_remedy(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    assert says in run_command(capsys, *arguments, status=1)


def test_a_refusal_of_aws_is_reported_in_its_words(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.disturb = lambda boundary: "AccessDenied" if boundary.name.startswith("s3:List") else None
    assert "AWS refuses ListObjectsV2" in run_command(capsys, "status", status=1)


@pytest.mark.parametrize("arguments", [(), ("plan",), ("rollback", "films", "popular"), ("plan", "films", "now")])
def test_a_wrong_command_line_is_status_2(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: usher" in capsys.readouterr().err
