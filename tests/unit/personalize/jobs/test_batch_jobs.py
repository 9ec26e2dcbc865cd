"""Batch inference: its input and output files."""

import json
from typing import Any

import pytest

from tests.unit.personalize.conftest import Served
from tests.unit.personalize.world import BUCKET


def run(served: Served, recipe: str, source: str, folder: str, **more: Any) -> dict[str, Any]:
    made = served.world.personalize.create_batch_inference_job(
        jobName=next(served.world.names),
        solutionVersionArn=served.versions[recipe],
        roleArn=more.pop("role", served.world.role),
        jobInput={"s3DataSource": {"path": source}},
        jobOutput={"s3DataDestination": {"path": f"s3://{BUCKET}/{folder}/"}},
        **more,
    )
    return served.world.settled("batchInferenceJob", made["batchInferenceJobArn"])


def lines(served: Served, key: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in served.world.text(key).splitlines()]


def test_users_get_items_and_scores(served: Served) -> None:
    source = served.world.put("in/users.json", '{"userId":"u1"}\n{"userId":"u2"}\n')
    job = run(served, "user-personalization", source, "out-users", numResults=3)
    assert job["status"] == "ACTIVE", job
    first = lines(served, "out-users/users.json.out")[0]
    assert list(first) == ["input", "output", "error"]
    assert (first["input"], first["error"]) == ({"userId": "u1"}, None)
    assert len(first["output"]["recommendedItems"]) == len(first["output"]["scores"]) == 3
    assert served.world.text("out-users/_CHECK") == ""


def test_items_get_items_without_scores(served: Served) -> None:
    run(served, "sims", served.world.put("in/items.json", '{"itemId":"i1"}'), "out-items")
    output = lines(served, "out-items/items.json.out")[0]["output"]
    assert list(output) == ["recommendedItems"]
    assert len(output["recommendedItems"]) == 25


def test_lists_are_ranked(served: Served) -> None:
    source = served.world.put("in/lists.json", '{"userId":"u1","itemList":["i1","i2"]}')
    run(served, "personalized-ranking", source, "out-lists")
    output = lines(served, "out-lists/lists.json.out")[0]["output"]
    assert set(output["recommendedItems"]) == {"i1", "i2"}
    assert sum(output["scores"]) == pytest.approx(1, abs=1e-4)


def test_a_bad_line_has_its_own_error(served: Served) -> None:
    bad = '{"userId":"u1"}\n{\n{"itemId":"i1"}\n{"userId":7}\n[]\n'
    job = run(served, "user-personalization", served.world.put("in/bad.json", bad), "out-bad")
    assert job["status"] == "ACTIVE"
    first, *others = lines(served, "out-bad/bad.json.out")
    assert first["error"] is None
    assert [line["output"] for line in others] == [None] * 4
    assert all(line["error"] for line in others)


def test_filter_values_stand_in_the_lines(served: Served) -> None:
    arn = served.world.make_filter(served.group, "INCLUDE ItemID WHERE Items.GENRES IN ($G)")
    text = '{"userId":"u1","filterValues":{"G":"\\"Horror\\""}}\n{"userId":"u1"}\n'
    run(served, "user-personalization", served.world.put("in/f.json", text), "out-f", filterArn=arn)
    first, second = lines(served, "out-f/f.json.out")
    assert {int(item[1:]) % 4 for item in first["output"]["recommendedItems"]} == {3}
    assert "Missing filter value" in second["error"]


def test_a_folder_gives_one_file_per_file(served: Served) -> None:
    for name in ("a", "b"):
        served.world.put(f"many/{name}.json", '{"userId":"u1"}')
    run(served, "user-personalization", f"s3://{BUCKET}/many/", "out-many")
    assert lines(served, "out-many/a.json.out") == lines(served, "out-many/b.json.out")


def test_a_job_without_permission_or_input_fails(served: Served) -> None:
    reader = served.world.make_role("reader", "s3:GetObject", "s3:ListBucket")
    source = served.world.put("in/ok.json", '{"userId":"u1"}')
    job = run(served, "user-personalization", source, "out-denied", role=reader)
    assert job["failureReason"] == "Insufficient privileges for accessing data in Amazon S3"
    job = run(served, "user-personalization", f"s3://{BUCKET}/nothing.json", "out-nothing")
    assert (job["status"], job["failureReason"]) == ("CREATE FAILED", "Invalid Data location.")


def test_a_folder_has_at_most_1000_files(served: Served) -> None:
    for number in range(1001):
        served.world.put(f"crowd/{number}", "{}")
    job = run(served, "user-personalization", f"s3://{BUCKET}/crowd", "out-crowd")
    assert job["failureReason"] == "The input has more than 1000 files."


def test_themes_are_refused_as_unsupported(served: Served) -> None:
    source = served.world.put("in/themes.json", '{"itemId":"i1"}')
    with pytest.raises(served.world.personalize.exceptions.InvalidInputException, match="does not generate themes"):
        run(served, "sims", source, "out-themes", batchInferenceJobMode="THEME_GENERATION")


def test_input_and_output_must_differ(served: Served) -> None:
    with pytest.raises(served.world.personalize.exceptions.InvalidInputException, match="Invalid S3 input path"):
        run(served, "user-personalization", f"s3://{BUCKET}/same/", "same")


def test_a_job_s_name_is_used_up(served: Served) -> None:
    arn = served.world.make_filter(served.group, 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")')
    job = run(served, "user-personalization", served.world.put("in/n.json", '{"userId":"u1"}'), "out-n", filterArn=arn)
    served.world.names = iter([job["jobName"], *(f"later-{n}" for n in range(1000))])
    with pytest.raises(served.world.personalize.exceptions.ResourceAlreadyExistsException):
        run(served, "user-personalization", f"s3://{BUCKET}/in/n.json", "out-n")


def test_new_items_are_tried_as_the_job_says(served: Served) -> None:
    world = served.world
    arn = next(
        found["datasetArn"]
        for found in world.personalize.list_datasets(datasetGroupArn=served.group)["datasets"]
        if found["datasetType"] == "ITEMS"
    )
    world.events.put_items(datasetArn=arn, items=[{"itemId": "new", "properties": '{"genres": "Comedy"}'}])
    source = world.put("in/all.json", "".join(f'{{"userId":"u{number}"}}\n' for number in range(60)))
    for weight, tried in (("1.0", True), ("0", False)):
        config = {"itemExplorationConfig": {"explorationWeight": weight, "explorationItemAgeCutOff": "30"}}
        run(served, "user-personalization", source, f"out-{weight}", batchInferenceJobConfig=config)
        found = lines(served, f"out-{weight}/all.json.out")
        assert any("new" in line["output"]["recommendedItems"] for line in found) == tried


@pytest.mark.parametrize(
    ("recipe", "line", "error"),
    [
        ("user-personalization", '[{"userId": "u1"}]', "Invalid input line: expected a JSON object"),
        ("user-personalization", "null", "Invalid input line: expected a JSON object"),
        ("user-personalization", "{", "Invalid input line: it is not JSON"),
        ("user-personalization", '{"userId": NaN}', "Invalid input line: it is not JSON"),
        ("user-personalization", '{"userId": 1}', "userId must be a string"),
        ("user-personalization", '{"userId": "u1", "filterValues": {"G": ["A"]}}', "filterValues must be an object of"),
        (
            "user-personalization",
            '{"userId": "u1", "filterValues": ["G"]}',
            "filterValues must be an object of strings",
        ),
        ("user-personalization", '{"userId": "u1", "filterValues": {"G": "Action"}}', "Invalid filter values"),
        ("user-personalization", '{"userId": "u1"}', "Missing filter value for parameter G"),
        ("personalized-ranking", '{"userId": "u1", "itemList": "i1"}', "itemList must be a list of strings"),
        ("personalized-ranking", '{"userId": "u1", "itemList": [["i1"]]}', "itemList must be a list of strings"),
        ("personalized-ranking", '{"userId": "u1", "itemList": [1]}', "itemList must be a list of strings"),
    ],
)
def test_a_line_s_error_is_in_the_service_s_words(served: Served, recipe: str, line: str, error: str) -> None:
    group = f"{recipe}-{abs(hash(line))}"
    chosen = served.world.make_filter(served.group, "INCLUDE ItemID WHERE Items.GENRES IN ($G)")
    more = {"filterArn": chosen} if recipe == "user-personalization" else {}
    run(served, recipe, served.world.put(f"{group}/in.json", line), f"{group}/out", **more)
    (answer,) = lines(served, f"{group}/out/in.json.out")
    assert answer["output"] is None
    assert answer["error"].startswith(error)
    served.world.personalize.delete_filter(filterArn=chosen)
