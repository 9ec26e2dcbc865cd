"""Evaluations from start to end: their plan, their report, the deletion of their resources, and their failures."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from usher.aws import client
from usher.config.model import Solution
from usher.errors import InputError, UsherError
from usher.evaluation.files import EvaluationFiles
from usher.evaluation.interactions import read_interactions
from usher.evaluation.options import Options
from usher.evaluation.plan import Contender, Evaluation, solutions_to_compare
from usher.evaluation.predictions import MAX_RESULTS
from usher.evaluation.score_step import known_events, learnt_items
from usher.evaluation.split_step import max_bytes, read_parts, split_interactions
from usher.planning.inputs import Inputs, load_inputs
from usher.resources.kinds import KINDS
from usher.resources.plan import Plan
from usher.runs.record import Run

from tests.unit.stack.files import REPOSITORY, machine
from tests.unit.usher.run_files import check_document
from tests.unit.usher.world import ARN_PREFIX, BUCKET, World, interactions, load_function, streams, target
from usher_local.cloud.services.refusals import limited
from usher_local.cloud.services.service_quotas import listed
from usher_local.simulation.machine import Ended, Machine, TaskError

EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:usher-evaluation:0123-4567"
RECORD = "films/out/runs/20260102T030405678Z-4567-evaluation/run.json"
PACKAGE = REPOSITORY / "layers" / "core" / "python"
MACHINE = REPOSITORY / "statemachine" / "evaluation.asl.yaml"
CONFIG = {
    "solutions": {
        "popular": {"recipe": "aws-popularity-count", "campaign": False},
        "similar": {"recipe": "aws-sims", "campaign": False},
    },
    "exports": False,
}
LIVE = {"solutionVersionArn": f"{ARN_PREFIX}:solution/x/abcd1234", "type": "POPULAR_ITEMS", "campaignArn": None}


def call(function: str, **event: Any) -> Any:
    """The answer of a function, converted to JSON and back as in Step Functions."""
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
    return json.loads(json.dumps(load_function(function).lambda_handler(json.loads(json.dumps(event)), context)))


def execute(given: dict[str, Any], times: int = 1, broken: str = "") -> Ended:
    """An execution of the state machine, in which each function is called so many times; one step may be broken."""

    def invoke(function: str, payload: dict[str, Any]) -> Any:
        if broken == payload.get("step", payload.get("stage")):
            raise TaskError("Boom", "It broke.")
        try:
            return [call(function[2:-1].lower(), **payload) for _ in range(times)][-1]
        except (UsherError, ClientError) as error:
            raise TaskError(type(error).__name__, json.dumps({"errorMessage": str(error)})) from error

    context = {"Execution": {"Id": EXECUTION, "Input": given, "StartTime": "2026-01-02T03:04:05.678Z"}}
    run = Machine(machine(MACHINE), invoke, context).run()
    while True:
        try:
            next(run)
        except StopIteration as end:
            ended: Ended = end.value
            return ended
        time.sleep(0.01)


def evaluate(world: World, times: int = 1, broken: str = "", **given: Any) -> dict[str, Any]:
    """The record of an evaluation after its end, which the execution confirms."""
    ended = execute({"group": "films", **given}, times, broken)
    record = dict(world.bucket.read_json(RECORD))
    check_document(RECORD, record)
    assert (record["outcome"] == "SUCCEEDED") == (ended.status == "SUCCEEDED")
    if ended.status == "FAILED":
        assert (ended.output["Error"], ended.output["Cause"]) == ("EvaluationFailed", record["summary"])
    return record


def report(world: World) -> dict[str, Any]:
    latest = world.bucket.read_json("films/out/evaluation/latest.json")
    key = latest["report"].replace("html", "json")
    content = dict(world.bucket.read_json(key))
    check_document(key, content)
    return content


def inputs(world: World) -> Inputs:
    found = load_inputs(world.bucket, "films", world.inventory, ARN_PREFIX)
    assert found
    return found


def evaluation(world: World, **live: Any) -> Evaluation:
    files = EvaluationFiles(world.bucket, "films", "run-1")
    return Evaluation.of(files, target(), world.personalize, inputs(world), Options(), live)


@pytest.fixture
def dropped(world: World) -> World:
    world.put("films/usher.json", json.dumps(CONFIG))
    world.put("films/interactions.csv", interactions())
    return world


def test_a_run_of_its_own_is_planned_without_campaigns_and_trackers(dropped: World) -> None:
    plan = evaluation(dropped).plan()
    kinds = [one.kind for one in plan.resources]
    assert not {"campaign", "event_tracker", "schedule"} & {*kinds}
    assert kinds.count("solution_version") == kinds.count("batch_inference_job") == 2
    (interactions_import,) = (one for one in plan.resources if one.kind == "dataset_import_job")
    location = interactions_import.params["dataSource"]["dataLocation"]
    assert location == f"s3://{BUCKET}/films/out/evaluation/run-1/train/"
    group = plan.group
    assert group.startswith("films-eval-")
    assert all(group in one.arn for one in plan.resources if one.arn)


def test_all_that_can_be_deleted_is_taken_away_and_nothing_else(dropped: World) -> None:
    plan = evaluation(dropped).plan()
    deletable = {name for name, kind in KINDS.items() if kind.listed_by is not None} | {"dataset_group"}
    made = {one.arn for one in plan.resources if one.kind in deletable}
    assert {one.arn for one in plan.to_delete} == made
    assert all(one.delete for one in plan.to_delete)
    assert all("films-eval-" in one.arn for one in plan.to_delete)


RECIPES = [
    f"aws-{name}"
    for name in (
        "user-personalization", "user-personalization-v2", "popularity-count", "trending-now", "sims", "similar-items",
        "personalized-ranking", "personalized-ranking-v2", "hrnn", "hrnn-metadata", "hrnn-coldstart",
    )
]  # fmt: skip


def prepare(recipes: list[str], number: int = 0) -> bool:
    """Whether an evaluation can run."""
    given = {"group": "films", "recipes": recipes}
    started = f"2026-01-02T03:04:05.{number:03}Z"
    return bool(call("evaluate", step="prepare", input=given, execution=EXECUTION, startedAt=started)["ready"])


def test_resources_without_room_are_refused_before_anything_is_made_and_the_remedy_works(dropped: World) -> None:
    with listed():
        (problem,) = evaluate(dropped, recipes=RECIPES)["problems"]
    assert problem["message"].startswith("has no room for solution/hrnn-coldstart: a dataset group may have 10 solu")
    assert problem["remedy"].startswith("Compare 1 fewer, by `recipes`, or ask AWS for a higher quota")
    assert dropped.personalize.list_dataset_groups()["datasetGroups"] == []
    assert prepare(RECIPES[:-1])


def test_another_dataset_group_must_have_room_in_the_region(dropped: World) -> None:
    groups = [dropped.personalize.create_dataset_group(name=f"other-{n}")["datasetGroupArn"] for n in range(5)]
    with listed():
        (problem,) = evaluate(dropped)["problems"]
    assert "a region may have 5 dataset groups, and has 5." in problem["message"]
    assert problem["remedy"].startswith("Delete dataset groups that nobody needs")
    dropped.personalize.delete_dataset_group(datasetGroupArn=groups[0])
    while len(dropped.personalize.list_dataset_groups()["datasetGroups"]) == 5:
        time.sleep(0.01)
    assert prepare([], 1)


def test_automatic_training_of_the_config_is_off(dropped: World) -> None:
    config = inputs(dropped).config
    eager = replace(config.solutions[0], settings={"performAutoTraining": True})
    taken = replace(inputs(dropped), config=replace(config, solutions=(eager,)))
    (solution,) = solutions_to_compare(dropped.personalize, taken, [])
    assert solution.settings["performAutoTraining"] is False


def test_every_recipe_that_suits_the_data_can_be_compared(dropped: World) -> None:
    names = {one.recipe for one in solutions_to_compare(dropped.personalize, inputs(dropped), ["all"])}
    assert {"aws-user-personalization-v2", "aws-sims", "aws-trending-now"} <= names
    assert not {"aws-hrnn", "aws-semantic-similarity", "aws-vod-top-picks"} & names
    (one,) = solutions_to_compare(dropped.personalize, inputs(dropped), ["aws-hrnn"])
    assert one.recipe == "aws-hrnn", "what is named is tried"
    with pytest.raises(InputError, match="aws-magic, which Personalize does not have"):
        solutions_to_compare(dropped.personalize, inputs(dropped), ["aws-magic"])


def test_solutions_without_items_are_left_out_and_reported(dropped: World) -> None:
    record = evaluate(dropped, recipes=["aws-item-affinity", "aws-sims"])
    (note,) = record["notes"]
    assert note["place"] == "item-affinity"
    assert "recommends no items to users" in note["message"]
    assert "sims" in {one["name"] for one in report(dropped)["contenders"]}


def test_a_group_that_recommends_nothing_to_users_has_nothing_to_compare(dropped: World) -> None:
    fans = {"recipe": "aws-item-affinity", "campaign": False}
    dropped.put("films/usher.json", json.dumps({"solutions": {"fans": fans}, "exports": False}))
    with pytest.raises(InputError, match="fans: is left out, as aws-item-affinity recommends no items"):
        evaluation(dropped)


def test_a_live_version_without_a_campaign_answers_through_a_job_and_is_left_alone(dropped: World) -> None:
    plan = evaluation(dropped, charts=LIVE).plan()
    (job,) = (one for one in plan.resources if one.id == "batch_inference_job/live-charts")
    assert job.params["solutionVersionArn"] == LIVE["solutionVersionArn"]
    assert not [one for one in plan.to_delete if "abcd1234" in one.arn]
    live = next(one for one in plan.contenders if one["kind"] == "live")
    assert (live["name"], live["campaign"]) == ("charts (live, abcd1234)", "")


CALM = {"batchInferenceJobConfig": {"itemExplorationConfig": {"explorationWeight": "0"}}}
EAGER = {"itemExplorationConfig": {"explorationWeight": "0.9", "explorationItemAgeCutOff": "90"}}


def compared(world: World, recipe: str, served: dict[str, Any], options: Options) -> tuple[Evaluation, Plan]:
    """An evaluation of one solution with a campaign that explores, and of its live version."""
    solution = Solution("for-you", recipe, campaign={"campaignConfig": EAGER})
    version = world.settle(world.plan(solution))["solution_version/for-you"].arn
    taken = inputs(world)
    taken = replace(taken, config=replace(taken.config, solutions=(solution,)))
    live = {"for-you": {**LIVE, "solutionVersionArn": version, **served}}
    files = EvaluationFiles(world.bucket, "films", "r")
    found = Evaluation.of(files, target(), world.personalize, taken, options, live)
    return found, found.plan()


@pytest.mark.parametrize(
    ("recipe", "wanted", "settings", "exploration"),
    [
        ("aws-user-personalization", False, {"numResults": 100, **CALM}, "off"),
        ("aws-user-personalization-v2", False, {"numResults": 200}, "removed"),
        ("aws-popularity-count", False, {"numResults": 100}, ""),
        ("aws-user-personalization", True, {"numResults": 100, "batchInferenceJobConfig": EAGER}, "on"),
        ("aws-popularity-count", True, {"numResults": 100}, ""),
    ],
)
def test_no_contender_explores_unless_that_is_wanted_and_live_versions_get_the_same_queries(
    dropped: World, recipe: str, wanted: bool, settings: dict[str, Any], exploration: str
) -> None:
    campaign = {"campaignArn": f"{ARN_PREFIX}:campaign/for-you"}
    _, plan = compared(dropped, recipe, campaign, Options(exploration=wanted))
    jobs = [one.params for one in plan.resources if one.kind == "batch_inference_job"]
    names = {"numResults", "batchInferenceJobConfig"}
    assert [{name: job[name] for name in names & job.keys()} for job in jobs] == [settings] * 2
    facts = [(one["recipe"], one["campaign"], one["exploration"]) for one in plan.contenders]
    assert facts == [(recipe, "", exploration)] * 2


@pytest.mark.parametrize("campaign", [None, f"{ARN_PREFIX}:campaign/trends"])
def test_a_live_version_without_batch_inference_answers_through_its_campaign_or_is_left_out(
    dropped: World, campaign: str | None
) -> None:
    found, plan = compared(dropped, "aws-trending-now", {"campaignArn": campaign}, Options())
    campaigns = [one["campaign"] for one in plan.contenders]
    assert campaigns == ["campaign/for-you", *([campaign] if campaign else [])]
    messages = [(one.place, one.message) for one in found.left_out]
    assert messages == (
        []
        if campaign
        else [("for-you (live)", "is left out: aws-trending-now has no batch inference, and the solution no campaign.")]
    )


BOTH = {"for-you": {"recipe": "aws-user-personalization-v2"}, "former": {"recipe": "aws-user-personalization"}}


@pytest.mark.slow
@pytest.mark.parametrize("wanted", [False, True])
def test_recipes_of_one_model_are_equal_unless_they_are_to_explore(world: World, wanted: bool) -> None:
    """When new items made up a third of the lists, one recipe lost to the other."""
    world.put("films/usher.json", json.dumps({"solutions": BOTH, "exports": False}))
    world.put("films/interactions.csv", interactions())
    met = [f"i{item},g{item % 4},1600000000" for item in range(40)]
    new = [f"new{item},g{item % 4},{1_700_000_000 + item}" for item in range(80)]
    world.put("films/items.csv", "ITEM_ID,GENRE,CREATION_TIMESTAMP\n" + "\n".join(met + new) + "\n")
    assert evaluate(world, exploration=wanted)["outcome"] == "SUCCEEDED"
    document = report(world)
    about = {one["name"]: one for one in document["contenders"]}
    listed = {name: {item["id"] for sample in document["samples"] for item in sample["lists"][name]} for name in about}
    scores = {(one["contender"], one["form"]): one["metrics"] for one in document["scores"]}
    if wanted:
        assert [about[name]["marks"] for name in BOTH] == [["explores"]] * 2
        assert all(any(item.startswith("new") for item in listed[name]) for name in BOTH)
        return
    assert [about[name]["exploration"] for name in BOTH] == ["removed", "off"]
    assert not [item for name in BOTH for item in listed[name] if item.startswith("new")]
    for form in ("raw", "dedup"):
        assert scores["for-you", form] == scores["former", form]
    pairs = [one for one in document["comparisons"] if {*one["contenders"]} == {*BOTH}]
    assert [(one["difference"], one["p"]) for one in pairs] == [(0, 1)] * 2


@pytest.mark.parametrize(
    ("at", "campaign", "expected", "note"),
    [
        (2_000_000_000, "", 1, "Trained on 2033-05-18, when 100% of the held-out events existed. It may know them"),
        (1_599_999_999, "", 0, "Trained on 2020-09-13, when 0% of the held-out events existed."),
        (1_599_999_999, "arn:c", 1, "It may know all held-out events, as its campaign learns from events at once."),
        (None, "", 1, "It may know all held-out events, as Personalize does not have the version."),
    ],
)
def test_a_live_version_may_know_events_before_its_training(
    at: int | None, campaign: str, expected: float, note: str
) -> None:
    described = {} if at is None else {"creationDateTime": datetime.fromtimestamp(at, UTC)}
    contender = Contender("x (live, 1)", "live", "live-x", "users", f"{ARN_PREFIX}:solution/x/1", campaign=campaign)
    _, held_out = read_interactions(streams(one__csv=interactions()), streams(two__csv=interactions(users=3)))
    known, notes = known_events(contender, described, held_out)
    assert known.mean() == expected
    assert notes[0].startswith(note)
    assert ("leave their items out" in notes[0]) == ("Trained" in note and bool(expected))


def test_an_evaluation_reports_and_leaves_only_the_held_back_events(dropped: World) -> None:
    record = evaluate(dropped)
    assert record["outcome"] == "SUCCEEDED"
    document = report(dropped)
    assert {one["name"] for one in document["contenders"]} == {"popularity", "recent-popularity", "popular", "similar"}
    ranks = {
        one["contender"]: one["metrics"]["mean_reciprocal_rank"]["value"]
        for one in document["scores"]
        if one["form"] == "dedup"
    }
    assert [*ranks.values()] == sorted(ranks.values(), reverse=True), "the best comes first"
    scores = {(one["contender"], one["form"]): one["metrics"] for one in document["scores"]}
    assert scores["popular", "raw"]["coverage"]["value"] > 0
    assert dropped.personalize.list_dataset_groups()["datasetGroups"] == []
    assert dropped.personalize.list_schemas()["schemas"] == []
    folders = {key.split("/")[4] for key in dropped.bucket.keys("films/out/evaluation/") if key.count("/") > 4}
    assert folders == {"holdout", "input", "output", "pictures"}


def test_an_evaluation_makes_and_takes_down_no_schema_of_the_group(dropped: World) -> None:
    dropped.put("films/items.csv", "ITEM_ID,GENRE\n" + "\n".join(f"i{item},g" for item in range(40)))
    found = inputs(dropped)
    live = replace(found, data={name: replace(one, schema_name="films-own") for name, one in found.data.items()})
    files = EvaluationFiles(dropped.bucket, "films", "run-1")
    plan = Evaluation.of(files, target(), dropped.personalize, live, Options(), {}).plan()
    assert plan.to_delete
    assert "films-own" not in str([plan.resources, plan.to_delete])


def test_steps_may_run_twice(dropped: World) -> None:
    assert evaluate(dropped, times=2)["outcome"] == "SUCCEEDED"
    assert {one["answered"] for one in report(dropped)["contenders"]} == {60}
    assert dropped.creations()["CreateSolutionVersion"] == 2


def prepared(world: World) -> tuple[Run, EvaluationFiles]:
    """The run of a planned evaluation."""
    event = {"input": {"group": "films"}, "execution": EXECUTION, "startedAt": "2026-01-02T03:04:05.678Z"}
    run = Run(world.bucket, "films", call("evaluate", step="prepare", **event)["run"])
    return run, EvaluationFiles.of(run)


def test_inputs_are_written_in_parts(dropped: World) -> None:
    run, files = prepared(dropped)
    assert split_interactions(run, None, 10**6, lambda: False, max_results_per_file=10 * MAX_RESULTS) is None
    assert {key.rpartition("/")[0] for key in dropped.bucket.keys(files.key("input/"))} == {
        files.key("input/items"), files.key("input/users"),
    }  # fmt: skip
    users = dropped.bucket.keys(files.key("input/users/"))
    assert [dropped.bucket.count_lines(key) for key in users] == [10] * 6


def test_a_solution_that_fails_to_train_is_reported_and_the_others_are_compared(world: World) -> None:
    lines = interactions().splitlines()
    typed = [f"{line},{'buy' if number % 12 else 'watch'}" for number, line in enumerate(lines[1:])]
    world.put("films/interactions.csv", "\n".join([f"{lines[0]},EVENT_TYPE", *typed]) + "\n")
    picky = {"recipe": "aws-popularity-count", "eventType": "buy", "campaign": False}
    world.put("films/usher.json", json.dumps({**CONFIG, "solutions": {**CONFIG["solutions"], "picky": picky}}))  # type: ignore[dict-item]
    record = evaluate(world)
    assert record["outcome"] == "FAILED"
    assert "solution_version/picky: failed: " in record["summary"]
    answered = {one["name"]: one["answered"] for one in report(world)["contenders"]}
    assert answered == {"popularity": 60, "recent-popularity": 60, "popular": 60, "similar": 60}
    (problem,) = report(world)["problems"]
    assert (problem["place"], problem["message"][:22]) == ("picky", "could not be trained: ")
    assert world.personalize.list_dataset_groups()["datasetGroups"] == []


def test_failed_batch_jobs_are_reported_with_their_reasons(dropped: World) -> None:
    def refuse(model: Any, **_: Any) -> Any:
        if model.name == "CreateBatchInferenceJob":
            error = {"Code": "InvalidInputException", "Message": "No more room."}
            return SimpleNamespace(status_code=400), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}
        return None

    dropped.listen(dropped.creator, "before-call", refuse)
    assert evaluate(dropped)["outcome"] == "FAILED"
    problems = [(one["place"], one["message"]) for one in report(dropped)["problems"]]
    assert [place for place, _ in problems] == ["popular", "similar"]
    assert all(message.startswith("has no predictions: ") and "No more room." in message for _, message in problems)
    assert {one["name"] for one in report(dropped)["contenders"]} == {"popularity", "recent-popularity"}


def test_a_sample_of_users_still_counts_all_items_as_met(dropped: World) -> None:
    run, files = prepared(dropped)
    split_interactions(run, None, 10**6, lambda: False)
    size = sum(file.size for part in ("train", "holdout") for file in dropped.bucket.files(files.key(f"{part}/")))
    train, _, one_in = read_parts(files, size // 20)
    every = {f"i{number}" for number in range(40)}
    assert one_in > 1
    assert {*learnt_items(files, train, one_in).to_pylist()} == every > {*learnt_items(files, train, 1).to_pylist()}


def test_a_solutions_training_data_is_part_of_the_plan(dropped: World) -> None:
    config = inputs(dropped).config
    picky = replace(config.solutions[0], settings={"eventType": "buy"})
    taken = replace(inputs(dropped), config=replace(config, solutions=(picky, config.solutions[1])))
    files = EvaluationFiles(dropped.bucket, "films", "run-1")
    plan = Evaluation.of(files, target(), dropped.personalize, taken, Options(), {}).plan()
    assert [one["event_type"] for one in plan.contenders] == ["buy", ""]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"share": 0.4}, "leaves 720 interactions to train on; Personalize needs 1000."),
        ({"split": "global", "cut": 4_000_000_000}, "holds nothing out."),
        ({"split": "global", "cut": 1}, "leaves nothing to train on."),
        ({"recipes": ["aws-magic"]}, "which Personalize does not have"),
    ],
)
def test_solutions_that_cannot_be_evaluated_are_reported_before_anything_is_made(
    dropped: World, given: dict[str, Any], said: str
) -> None:
    assert said in evaluate(dropped, **given)["summary"]
    assert not dropped.creations()


def test_an_evaluation_reads_the_checked_data_despite_later_writes(dropped: World) -> None:
    items = {
        "films/items/a.csv": "ITEM_ID,GENRE\ni1,a\n",
        "films/items/incremental/b.csv": "ITEM_ID,GENRE\ni2,a\n",
    }
    for key, text in items.items():
        dropped.put(key, text)
    event = {"input": {"group": "films"}, "execution": EXECUTION, "startedAt": "2026-01-02T03:04:05.678Z"}
    run = call("evaluate", step="prepare", **event)["run"]
    for key in (*items, "films/items/c.csv", "films/interactions.csv"):
        dropped.put(key, "ITEM_ID,USER_ID,TIMESTAMP\nx,x,1\n")
    plan = Run(dropped.bucket, "films", run).plan()
    folders = [one.params["dataSource"]["dataLocation"] for one in plan.resources if "dataSource" in one.params]
    keys = [key for folder in folders for key in dropped.bucket.keys(folder.removeprefix(f"s3://{BUCKET}/"))]
    assert list(map(dropped.bucket.read, keys)) == [text.encode() for text in items.values()], (
        "the split is yet to come"
    )
    assert list(map(dropped.bucket.read, plan.files)) == [interactions().encode()]
    assert all(key.startswith(f"films/out/input/{run}/") for key in plan.files)


def test_a_file_that_is_replaced_after_its_check_is_checked_again(dropped: World) -> None:
    replaced: list[bool] = []

    def replace_once(model: Any, **_: Any) -> None:
        if model.name == "CopyObject" and not replaced:
            replaced.append(True)
            dropped.put("films/interactions.csv", interactions(users=61))

    dropped.listen(client("s3"), "before-call", replace_once)
    with limited():
        assert evaluate(dropped)["data"]["interactions"]["ids"] == 61
    assert replaced


@pytest.mark.parametrize("parameter", ["MaxRunDollars", "MaxMonthlyDollars"])
def test_an_evaluation_above_a_ceiling_makes_nothing(
    dropped: World, monkeypatch: pytest.MonkeyPatch, parameter: str
) -> None:
    monkeypatch.setenv(parameter, "0.01")
    assert f"--parameter-overrides {parameter}=" in evaluate(dropped)["summary"]
    assert not dropped.creations()


def test_a_group_without_interactions_is_reported(world: World) -> None:
    assert "films/: has no interactions. Drop interactions.csv first." in evaluate(world)["summary"]


@pytest.mark.parametrize("broken", ["split", "train", "score"])
def test_created_resources_are_deleted_also_if_a_step_fails(dropped: World, broken: str) -> None:
    record = evaluate(dropped, broken=broken)
    assert "broke off: Boom: It broke." in record["summary"]
    assert dropped.personalize.list_dataset_groups()["datasetGroups"] == []
    assert {state["status"] for state in record["deletions"]} == {"DELETED"}


def test_an_obstacle_keeps_the_evaluation_from_ending(dropped: World) -> None:
    evaluate(dropped)
    record = dropped.bucket.read_json(RECORD)
    event = {"input": {"group": "films"}, "execution": EXECUTION, "startedAt": "2026-01-02T03:04:05.678Z"}
    for deletions in ([], [{**state, "status": "SKIPPED"} for state in record["deletions"]]):
        dropped.bucket.write_json(RECORD, {**record, "outcome": "RUNNING", "deletions": deletions})
        for error in (None, {"Error": "Boom", "Cause": "It broke."}):
            assert call("evaluate", step="publish", **event, run="any", error=error)["outcome"] == "RUNNING"


def test_a_stopped_evaluation_is_cleared_up_though_its_record_is_closed(dropped: World) -> None:
    given = {"group": "films"}
    event = {"input": given, "execution": EXECUTION, "startedAt": "2026-01-02T03:04:05.678Z"}
    prepared = call("evaluate", step="prepare", **event)
    who = {"group": "films", "run": prepared["run"]}
    call("evaluate", step="split", **who)
    call("reconcile", **who, stage="train")
    assert dropped.personalize.list_dataset_groups()["datasetGroups"]
    Run(dropped.bucket, "films", prepared["run"]).conclude(EXECUTION, {"Error": "ABORTED", "Cause": "stopped"})
    assert execute({"group": "films", "clearUp": prepared["run"], "afterSeconds": 3600}).status == "SUCCEEDED"
    assert dropped.personalize.list_dataset_groups()["datasetGroups"] == []
    record = dropped.bucket.read_json(RECORD)
    assert record["outcome"] == "FAILED"
    assert {state["status"] for state in record["deletions"]} == {"DELETED"}


def test_athena_may_split_and_is_waited_for(dropped: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHENA_WORKGROUP", "primary")
    event = {"input": {"group": "films"}, "execution": EXECUTION, "startedAt": "2026-01-02T03:04:05.678Z"}
    run = call("evaluate", step="prepare", **event)["run"]
    header, *rows = interactions().splitlines()
    parts = {"train": rows[: len(rows) - 60], "holdout": rows[len(rows) - 60 :]}
    for part, written in parts.items():  # moto's Athena runs nothing: this is its expected output
        dropped.put(f"films/out/evaluation/{run}/staging/{part}/0", "\n".join(written) + "\n")
    answers: list[dict[str, Any]] = []
    while not answers or answers[-1]["waitSeconds"]:
        answers.append(call("evaluate", step="split", group="films", run=run))
    assert answers[-1] == {"ready": True, "waitSeconds": None}
    for part, written in parts.items():
        text = (dropped.bucket.read(f"films/out/evaluation/{run}/{part}/00000.csv") or b"").decode()
        assert text.splitlines() == [header, *written]
    assert dropped.bucket.keys(f"films/out/evaluation/{run}/input/")
    queries = dropped.bucket.read_json(f"films/out/runs/{run}/athena.json")
    assert set(queries) == {"create", "train", "holdout", "drop"}


def test_a_split_that_athena_can_not_do_drops_its_table(dropped: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHENA_WORKGROUP", "primary")
    started: list[str] = []

    def fail(model: Any, params: Any, **_: Any) -> Any:
        if model.name == "StartQueryExecution":
            started.append(json.loads(params["body"])["QueryString"].split()[0])
        if model.name == "GetQueryExecution":
            status = {"State": "FAILED", "StateChangeReason": "No such database."}
            return SimpleNamespace(status_code=200), {"QueryExecution": {"Status": status}}
        return None

    dropped.listen(client("athena"), "before-call", fail)
    record = evaluate(dropped)
    assert "is FAILED: No such database." in record["summary"]
    assert started == ["create", "drop"]
    assert not dropped.creations()


def test_interactions_that_memory_does_not_hold_are_refused(dropped: World) -> None:
    run, _ = prepared(dropped)
    with pytest.raises(InputError, match="Give the stack more EvaluationMemory, or an AthenaWorkgroup"):
        split_interactions(run, None, 1000, lambda: False)


@pytest.mark.parametrize("megabytes", [3008, 10240])
def test_a_function_splits_data_within_its_memory(megabytes: int) -> None:
    """25 million events of 538 MB took 1,849 MB, of which some 240 are the libraries (benchmarks/README.md)."""
    maximum = max_bytes({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(megabytes)})
    assert 0.5e9 < maximum <= 2e9
    needed = 240 + (1849 - 240) * maximum / 538e6
    assert needed < megabytes * 0.75
