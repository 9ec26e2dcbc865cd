"""Exports: their plans, their jobs, and their latest manifest."""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from usher.batch.job_input import MAX_RESULTS_PER_FILE
from usher.config.exports import desired_exports, read_exports
from usher.config.problems import Problems
from usher.costs.ledger import Past
from usher.errors import InputError, UsherError
from usher.exports.assembly import assemble_output
from usher.exports.documents import ExportPlan
from usher.exports.export_job import ExportTarget, prepare_export, requested_exports
from usher.exports.publication import outdated_keys, publish_export
from usher.formats.typed_json import UnfitError
from usher.resources.plan import Plan
from usher.runs.documents import plan_of
from usher.runs.naming import run_name
from usher.storage.bucket import as_json

from tests.unit.usher.world import ARN_PREFIX, BUCKET, ROLE, World, interactions

TARGET = ExportTarget.from_env({"PERSONALIZE_ARN_PREFIX": ARN_PREFIX, "PERSONALIZE_ROLE_ARN": ROLE})
SOLUTIONS = {
    "for-you": ("aws-user-personalization-v2", "USER_PERSONALIZATION"),
    "fans": ("aws-item-affinity", "USER_SEGMENTATION"),
}
RECIPES = {name: recipe for name, (recipe, _) in SOLUTIONS.items()}
TYPES = {name: kind for name, (_, kind) in SOLUTIONS.items()}
GENRE = {"genre": {"filterExpression": "INCLUDE ItemID WHERE Items.G IN ($G)"}}
TOLD = {"answers": "a", "lines": 1, "errors": 0, "empty": 0, "rows": 1, "firstError": "", "files": []}
HOME = "films/out/export/for-you/"
INTERACTIONS = "USER_ID,ITEM_ID,TIMESTAMP\nb,i,1\na,i,1\n"


def serving(**exports: Any) -> dict[str, Any]:
    """A serving map with these exports."""
    read = read_exports(Problems("usher.yaml"), exports, RECIPES, GENRE)
    return {
        "solutions": {name: {"type": kind, "solutionVersionArn": f"arn:{name}"} for name, kind in TYPES.items()},
        "filters": {"genre": "arn:f"},
        "exports": desired_exports(read, RECIPES, TYPES),
    }


def drawn_up(world: World, name: str = "for-you", run: str = "run-1", group: str = "films", **spec: Any) -> Plan:
    """The plan of an export, as its run reads it."""
    export = prepare_export(world.bucket, group, name, run, serving(**{name: spec}), TARGET, Past(users=60))
    return plan_of(json.loads(as_json(export.plan)), group, run)


def test_an_export_is_one_job_over_a_folder_of_lines(world: World) -> None:
    world.put("films/interactions.csv", INTERACTIONS)
    plan = drawn_up(world, filter="genre", filterValues={"G": "x"}, numResults=5)
    (job,) = plan.resources
    assert (job.id, job.stage) == ("batch_inference_job/for-you", "export")
    assert job.arn == f"{ARN_PREFIX}:batch-inference-job/{job.params['jobName']}"
    assert {name: value for name, value in job.params.items() if name != "jobName"} == {
        "solutionVersionArn": "arn:for-you",
        "roleArn": ROLE,
        "filterArn": "arn:f",
        "jobInput": {"s3DataSource": {"path": f"s3://{BUCKET}/{HOME}run-1/input/"}},
        "jobOutput": {"s3DataDestination": {"path": f"s3://{BUCKET}/{HOME}run-1/output/"}},
        "numResults": 5,
    }
    lines = [json.loads(line) for line in world.bucket.lines(f"{HOME}run-1/input/part-0001.json")]
    assert lines == [{"userId": user, "filterValues": {"G": '"x"'}} for user in "ba"]
    assert plan.export and plan.export["input"]["lines"] == 2


def test_segments_of_more_lines_than_a_job_takes_are_several_jobs(world: World) -> None:
    plan = drawn_up(world, "fans", items=[f"i{number}" for number in range(1001)])
    assert [job.id for job in plan.resources] == [f"batch_segment_job/fans-{number}" for number in (1, 2, 3)]
    paths = [job.params["jobInput"]["s3DataSource"]["path"].removeprefix(f"s3://{BUCKET}/") for job in plan.resources]
    assert [len(list(world.bucket.lines(path))) for path in paths] == [500, 500, 1]
    assert len({job.params["jobName"] for job in plan.resources}) == 3


def test_job_names_keep_the_limit_and_differ_by_export(world: World) -> None:
    names = set()
    for group in ("g" * 34 + "a", "g" * 34 + "b"):
        world.put(f"{group}/interactions.csv", INTERACTIONS)
        names |= {drawn_up(world, run=run, group=group).resources[0].params["jobName"] for run in ("r-1", "r-2")}
    assert len(names) == 4
    assert max(map(len, names)) <= 63
    assert drawn_up(world, run="r-1", group=group).resources[0].params["jobName"] in names, "the same run, the same job"


def test_large_lists_make_small_parts(world: World) -> None:
    world.put("films/interactions.csv", interactions(MAX_RESULTS_PER_FILE // 500 + 1, each=1))
    drawn_up(world, numResults=500)
    assert len(world.bucket.keys(f"{HOME}run-1/input/")) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "films/: has no live solution to export (for-you). Drop data"),
        (
            {**serving(**{"for-you": {}}), "solutions": {}},
            "films/: has no live solution to export (for-you). Drop data",
        ),
        (serving(fans={}), "films/: has no export for-you. Name one of fans, or add it to usher.yaml."),
        ({**serving(**{"for-you": {"filter": "genre"}}), "filters": {}}, "films/: has no live filter genre to export"),
        (
            serving(**{"for-you": {"metadata": ["TITLE"]}}),
            "usher.yaml: exports.for-you.metadata: needs films/items.csv",
        ),
    ],
)
def test_a_missing_export_cannot_be_run(world: World, content: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        prepare_export(world.bucket, "films", "for-you", "run-1", content, TARGET, Past())
    assert str(caught.value).startswith(message)


def test_columns_that_the_items_lack_are_reported_before_a_job_is_paid_for(world: World) -> None:
    world.put("films/interactions.csv", INTERACTIONS)
    world.put("films/items.csv", "ITEM_ID,NAME\ni,x\n")
    with pytest.raises(
        InputError, match=r"names TITLE, which is not a column of films/items\.csv\. Use some of: ITEM_ID, NAME"
    ):
        drawn_up(world, metadata=["TITLE"])
    assert world.bucket.keys("films/out/") == []


def test_lines_of_which_none_can_be_sent_are_no_export(world: World) -> None:
    world.put("films/export/for-you/users.jsonl", '{"user": "a"}\n')
    with pytest.raises(InputError) as caught:
        drawn_up(world)
    assert [problem.place for problem in caught.value.problems] == [
        "films/export/for-you/users.jsonl line 1", "films/: exports.for-you",
    ]  # fmt: skip


def test_whom_an_execution_is_about() -> None:
    own = serving(**{"for-you": {"schedule": "rate(1 day)"}, "fans": {}})
    maps = {"films": own, "music": serving(fans={}), "old": {"solutions": {}}}
    assert list(requested_exports({}, maps)) == [{"group": group, "solution": "fans"} for group in ("films", "music")]
    assert [one["solution"] for one in requested_exports({"group": "films"}, maps)] == ["for-you", "fans"]
    assert [one["solution"] for one in requested_exports({"group": "films", "solution": "x"}, maps)] == ["x"]
    assert [one["solution"] for one in requested_exports({"group": "none"}, {"none": {}})] == [""]


def answered(world: World, run: str, lines: str, parts: int = 1, **spec: Any) -> ExportPlan:
    """An export whose job has answered with these lines in each part."""
    world.put("films/export/for-you/users.jsonl", '{"userId": "a"}\n{"userId": "b"}\n')
    export = ExportPlan.of(drawn_up(world, run=run, **spec), "films", run)
    for number in range(1, parts + 1):
        world.put(f"{HOME}{run}/output/part-{number:04d}.json.out", lines)
        assemble_output(world.bucket, "films", export, f"{HOME}{run}/output/part-{number:04d}.json.out")
    world.put(f"{HOME}{run}/output/_CHECK", "")
    return export


GOOD = '{"input":{"userId":"a"},"output":{"recommendedItems":["x","y"],"scores":[0.6,0.4]},"error":null}\n'
EMPTY = '{"input":{"userId":"b"},"output":{"recommendedItems":[],"scores":[]},"error":null}\n'
BAD = '{"input":{"userId":"b"},"output":null,"error":"no such user"}\n'


def test_a_manifest_lists_all_files_with_counts_and_hashes(world: World) -> None:
    export = answered(world, "run-1", GOOD + BAD + EMPTY, parts=2, formats=["csv", "parquet"])
    manifest, notes = publish_export(world.bucket, "run-1", export, "2026-01-01T00:00:00+00:00")
    assert {name: manifest[name] for name in ("lines", "errors", "empty", "rows")} == {
        "lines": 6, "errors": 2, "empty": 2, "rows": 4,
    }  # fmt: skip
    assert (manifest["solutionVersionArn"], manifest["run"]) == ("arn:for-you", "run-1")
    assert len(manifest["files"]) == 6
    for file in manifest["files"]:
        content = world.bucket.read(file["key"]) or b""
        assert file["bytes"] == len(content) > 0
    assert [answer.rpartition("/")[2] for answer in manifest["answers"]] == [
        "part-0001.json.out", "part-0002.json.out",
    ]  # fmt: skip
    assert world.bucket.read_json(f"{HOME}latest.json") == manifest
    assert world.bucket.read_json(f"{HOME}run-1/manifest.json") == manifest
    (note,) = notes
    assert note.message == "has 2 lines that failed. The first says: no such user"


@pytest.mark.parametrize(
    ("lines", "parts", "said"),
    [
        (BAD * 2, 1, "has 2 lines, all of them errors. The first says: no such user"),
        ("", 0, "has no answers."),
        (GOOD, 1, "has no answer for 1 of 2 lines."),
        ("", 1, "has no answer for 2 of 2 lines."),
    ],
)
def test_an_export_without_all_answers_or_a_good_one_leaves_the_former_latest(
    world: World, lines: str, parts: int, said: str
) -> None:
    before, _ = publish_export(world.bucket, "run-1", answered(world, "run-1", GOOD + EMPTY), "")
    with pytest.raises(InputError, match=said):
        publish_export(world.bucket, "run-2", answered(world, "run-2", lines, parts), "")
    assert world.bucket.read_json(f"{HOME}latest.json") == before


def test_an_export_of_which_a_part_was_not_assembled_is_not_complete(world: World) -> None:
    export = answered(world, "run-1", GOOD)
    world.put(f"{HOME}run-1/output/part-0002.json.out", GOOD)
    with pytest.raises(InputError, match="has answers that were not assembled"):
        publish_export(world.bucket, "run-1", export, "")
    assert world.bucket.read_json(f"{HOME}latest.json") is None


@pytest.mark.parametrize(
    "forged",
    [
        "{",
        "[]",
        '{"lines": 1}',
        json.dumps(TOLD | {"lines": "1"}),
        json.dumps(TOLD | {"more": 1}),
        json.dumps(TOLD | {"files": [{"key": "victim/out/export/s/r/csv/0.csv", "bytes": 1, "rows": 1, "sha256": ""}]}),
    ],
)
def test_parts_without_a_profile_by_usher_are_not_published(world: World, forged: str) -> None:
    export = answered(world, "run-1", GOOD)
    world.put(f"{HOME}run-1/parts/part-0001.json", forged)
    with pytest.raises(InputError, match=r"run-1/parts/part-0001.json: .*Start the export again"):
        publish_export(world.bucket, "run-1", export, "")
    assert world.bucket.read_json(f"{HOME}latest.json") is None


@pytest.mark.parametrize(
    "change",
    [
        {"folder": "films/out/export/other/run-1/"},
        {"folder": "victim/out/export/for-you/run-1/"},
        {"folder": f"{HOME}run-2/"},
        {"solution": "../for-you"},
        {"shape": {}},
        {"spec": None},
        {"more": 1},
    ],
)
def test_an_export_stays_in_the_folder_of_its_run(world: World, change: dict[str, Any]) -> None:
    world.put("films/interactions.csv", INTERACTIONS)
    plan = drawn_up(world)
    assert plan.export
    assert as_json(asdict(ExportPlan.of(plan, "films", "run-1"))) == as_json(plan.export)
    with pytest.raises(UnfitError):
        ExportPlan.of(replace(plan, export={**plan.export, **change}), "films", "run-1")


RUNS = [run_name("e-0001", "-for-you-export", datetime(2026, 1, day, tzinfo=UTC)) for day in range(1, 10)]


def test_the_newest_complete_exports_are_kept_and_other_files_too(world: World) -> None:
    own = ("2025-archive/report.csv", "zz-backup/manifest.json", f"zz/{RUNS[0]}/manifest.json", f"{RUNS[0]}.zip")
    for key in [f"{HOME}{name}" for name in own]:
        world.put(key, "{}")
    for run in RUNS[:4]:
        export = answered(world, run, BAD if run == RUNS[1] else GOOD + EMPTY, keep=2)
        if run != RUNS[1]:
            publish_export(world.bucket, run, export, "")
    kept = world.bucket.keys(HOME)
    others = [key.removeprefix(HOME) for key in kept if not key.startswith((f"{HOME}{RUNS[2]}", f"{HOME}{RUNS[3]}"))]
    assert {*others} == {"latest.json", *own}
    latest = world.bucket.read_json(f"{HOME}latest.json")
    assert {*latest["answers"], *(file["key"] for file in latest["files"])} <= {*kept}


@pytest.mark.parametrize("error", [UsherError("x can't be deleted: Denied"), ClientError({}, "DeleteObjects")])
def test_an_export_is_published_even_if_older_ones_cannot_be_deleted(world: World, error: Exception) -> None:
    def refuse(**_: Any) -> None:
        raise error

    world.listen(world.s3, "before-call.s3.DeleteObjects", refuse)
    publish_export(world.bucket, RUNS[0], answered(world, RUNS[0], GOOD + EMPTY, keep=1), "")
    manifest, notes = publish_export(world.bucket, RUNS[1], answered(world, RUNS[1], GOOD + EMPTY, keep=1), "")
    assert world.bucket.read_json(f"{HOME}latest.json") == manifest
    (note,) = notes
    assert str(error) in note.message


runs = st.dictionaries(st.sampled_from(RUNS), st.booleans(), min_size=1)
names = st.sampled_from([*RUNS, "a", "2025-archive", "zz", "manifest.json"])
foreign = st.lists(st.lists(names, min_size=1, max_size=3).map(lambda path: "/".join(["zz-mine", *path])))


@given(runs, foreign, st.integers(1, 9), st.data())
def test_only_runs_older_than_the_ones_to_keep_are_outdated_keys(
    complete: dict[str, bool], foreign: list[str], keep: int, data: st.DataObject
) -> None:
    latest = data.draw(st.sampled_from(sorted(complete)))
    complete[latest] = True
    keys = [f"h/{run}/{name}" for run, done in complete.items() for name in ["x", *["manifest.json"] * done]]
    others = [f"h/{name}" for name in ("latest.json", "0/x", "0/manifest.json", *RUNS, *foreign)]
    gone = outdated_keys([*keys, *others], "h/", keep, latest)
    assert {*gone} <= {*keys}
    gone_runs = {key.split("/")[1] for key in gone}
    newest = sorted(run for run, done in complete.items() if done)[-keep:]
    assert gone_runs == {run for run in complete if run < newest[0]} - {latest}


def test_a_segment_job_is_refused_until_a_run_has_counted_the_users(world: World) -> None:
    content = serving(fans={"items": ["i1"]})
    with pytest.raises(InputError) as error:
        prepare_export(world.bucket, "films", "fans", "run-1", content, TARGET, Past())
    (problem,) = error.value.problems
    assert (problem.place, problem.remedy) == ("films/: exports.fans", 'Start the pipeline with {"group": "films"}.')
    assert world.bucket.keys("films/") == []
