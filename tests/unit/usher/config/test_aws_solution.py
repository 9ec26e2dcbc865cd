"""The AWS Solution's config.json: its README's samples with other values, its shape, and common mistakes."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.config.aws_solution import translate
from usher.config.model import Config
from usher.config.parser import read_config
from usher.errors import InputError, Problem
from usher.names import MAX_NAME_LENGTH

FILE = "train/films/config.json"
RECIPES = ["aws-sims", "aws-popularity-count", "aws-user-personalization", "aws-item-affinity", "aws-vod-top-picks"]
RECIPE = "arn:aws:personalize:::recipe/"


def avro(name: str, *fields: Any) -> dict[str, Any]:
    return {
        "type": "record",
        "name": name,
        "namespace": "com.amazonaws.personalize.schema",
        "fields": [field if isinstance(field, dict) else {"name": field, "type": "string"} for field in fields],
    }


def dataset(name: str, *fields: Any, **more: Any) -> dict[str, Any]:
    return {
        "dataset": {"serviceConfig": {"name": f"{name}-of-films", **more}},
        "schema": {"serviceConfig": {"name": f"{name}-columns", "schema": avro(name, *fields)}},
    }


def tags(word: str) -> list[dict[str, str]]:
    return [{"tagKey": word, "tagValue": "films"}]


INTERACTIONS = dataset("interactions", "ITEM_ID", "USER_ID", {"name": "TIMESTAMP", "type": "long"}, "EVENT_TYPE")
WHOLE: dict[str, Any] = {
    "datasetGroup": {
        "serviceConfig": {"name": "film-club"},
        "workflowConfig": {"schedules": {"import": "cron(30 */4 * * ? *)"}},
    },
    "datasets": {
        "users": dataset("users", "USER_ID", {"name": "AGE", "type": "int"}),
        "interactions": INTERACTIONS,
    },
    "solutions": [
        {
            "serviceConfig": {"name": "alike", "recipeArn": f"{RECIPE}aws-sims"},
            "workflowConfig": {"schedules": {"full": "cron(0 4 ? * 2 *)"}},
        },
        {
            "serviceConfig": {"name": "for_you", "recipeArn": f"{RECIPE}aws-user-personalization", "performHPO": False},
            "workflowConfig": {"schedules": {"full": "cron(0 5 ? * 2 *)", "update": "cron(0 * * * ? *)"}},
            "campaigns": [{"serviceConfig": {"name": "for_you_live", "minProvisionedTPS": 2}}],
            "batchInferenceJobs": [{"serviceConfig": {}, "workflowConfig": {"schedule": "cron(0 6 * * ? *)"}}],
        },
    ],
    "eventTracker": {"serviceConfig": {"name": "clicks"}},
    "filters": [
        {
            "serviceConfig": {
                "name": "not-seen",
                "filterExpression": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE in ("watch")',
            }
        }
    ],
}
"""The README's first sample: every section."""

TAGGED: dict[str, Any] = {
    "datasetGroup": {"serviceConfig": {"name": "film-club-with-a-long-name", "tags": tags("group")}},
    "datasets": {
        "serviceConfig": {"importMode": "FULL", "tags": tags("imports")},
        "interactions": dataset("interactions", "ITEM_ID", "USER_ID", "TIMESTAMP", tags=tags("dataset")),
    },
    "eventTracker": {"serviceConfig": {"name": "clicks", "tags": tags("tracker")}},
    "solutions": [
        {
            "serviceConfig": {
                "name": "solution-that-recommends-films-to-the-people-of-the-club",
                "recipeArn": f"{RECIPE}aws-user-personalization",
                "performHPO": True,
                "tags": tags("solution"),
                "solutionVersion": {"name": "first", "trainingMode": "FULL", "tags": tags("version")},
            }
        }
    ],
}
"""The README's second sample: tags, and a solutionVersion with a name, which the Solution itself refuses."""

ROOT_TAGS = {
    "tags": tags("project"),
    "datasetGroup": {"serviceConfig": {"name": "film-club"}},
    "datasets": {"interactions": INTERACTIONS},
    "solutions": [
        {"serviceConfig": {"name": "alike", "recipeArn": f"{RECIPE}aws-sims", "tags": tags("solution")}},
        {
            "serviceConfig": {
                "name": "fans",
                "recipeArn": f"{RECIPE}aws-item-affinity",
            },
            "batchSegmentJobs": [{"serviceConfig": {"numResults": 50}}],
        },
    ],
}
"""The README's third and fourth samples: tags for everything."""


def wanted(content: dict[str, Any], group: str = "films") -> Config:
    return read_config(translate(json.dumps(content, indent="\t").encode(), FILE, group)[0], FILE, group, RECIPES)


def noted(content: dict[str, Any]) -> list[str]:
    return [note.place.removeprefix(f"{FILE}: ") for note in translate(json.dumps(content).encode(), FILE, "films")[1]]


def problems(text: str) -> list[Problem]:
    with pytest.raises(InputError) as raised:
        translate(text.encode(), FILE, "films")
    return list(raised.value.problems)


def changed(**sections: Any) -> dict[str, Any]:
    return copy.deepcopy(WHOLE) | sections


def test_every_section_is_wanted_here_too() -> None:
    config = wanted(WHOLE)
    assert [(one.name, one.recipe, one.campaign) for one in config.solutions] == [
        ("alike", "aws-sims", None),
        ("for_you", "aws-user-personalization", {"minProvisionedTPS": 2}),
    ]
    assert config.solutions[1].settings == {"performHPO": False}
    assert config.filters == {
        "not-seen": {"filterExpression": WHOLE["filters"][0]["serviceConfig"]["filterExpression"]}
    }
    assert set(config.schemas) == {"interactions", "users"}
    (job,) = config.jobs
    assert (job.name, job.kind, job.solution, job.scheduled) == ("for_you", "batch_inference_job", "for_you", True)
    assert {one.name: one.settings["ScheduleExpression"] for one in config.schedules} == {
        "import": "cron(30 */4 * * ? *)",
        "alike-full": "cron(0 4 ? * 2 *)",
        "for_you-full": "cron(0 5 ? * 2 *)",
        "for_you-update": "cron(0 * * * ? *)",
        "batch-for_you": "cron(0 6 * * ? *)",
    }
    assert config.exports == {}
    assert not config.prune


def test_the_solutions_resources_are_adopted_by_name() -> None:
    assert wanted(WHOLE).adopt == {
        "dataset_group/films": "film-club",
        "schema/interactions": "interactions-columns",
        "schema/users": "users-columns",
        "filter/not-seen": "not-seen",
        "solution/alike": "alike",
        "solution/for_you": "for_you",
        "campaign/for_you": "for_you_live",
    }


def test_names_that_leave_no_room_are_shortened_and_adopted_whole() -> None:
    group = "films-of-the-club-in-the-village"
    (solution,) = wanted(TAGGED, group).solutions
    assert len(solution.name) == MAX_NAME_LENGTH
    name = TAGGED["solutions"][0]["serviceConfig"]["name"]
    assert wanted(TAGGED, group).adopt[f"solution/{solution.name}"] == name


def test_tags_of_resources_and_of_all_are_kept() -> None:
    assert wanted(TAGGED).group["tags"] == tags("group")
    assert wanted(TAGGED).solutions[0].settings == {"performHPO": True, "tags": tags("solution")}
    assert wanted(ROOT_TAGS).tags == tuple(tags("project"))
    assert wanted(ROOT_TAGS).solutions[0].settings["tags"] == tags("solution")
    assert wanted(WHOLE | {"tags": []}).tags == ()


def test_tags_without_a_place_here_are_reported() -> None:
    assert noted(TAGGED) == [
        "datasets.serviceConfig.tags",
        "datasets.interactions.dataset.serviceConfig.tags",
        "eventTracker.serviceConfig.tags",
        "solutions[0].serviceConfig.solutionVersion.tags",
    ]
    assert not [path for path in noted(ROOT_TAGS) if "tags" in path]


def test_update_is_a_training_mode() -> None:
    content = changed()
    content["solutions"][1]["serviceConfig"]["solutionVersion"] = {"trainingMode": "UPDATE"}
    assert [one.training_mode for one in wanted(content).solutions] == ["FULL", "UPDATE"]


def test_jobs_are_named_after_their_solution() -> None:
    content = changed()
    name = {"filterArn": "arn:aws:personalize:us-east-1:123456789012:filter/not-seen", "numResults": 9}
    content["solutions"][1]["batchInferenceJobs"].append({"serviceConfig": name})
    first, second = wanted(content).jobs
    assert (first.name, second.name) == ("for_you", "for_you-2")
    assert (second.solution, second.filter, second.settings) == ("for_you", "not-seen", {"numResults": 9})
    assert not second.scheduled
    assert content["datasetGroup"]["serviceConfig"]["name"] != "films"
    solution = content["solutions"][1]["serviceConfig"]["name"]
    assert first.input == second.input == f"batch/films/{solution}/job_config.json", "as the folder is called"
    assert first.optional


@pytest.mark.parametrize("path", [("datasetGroup", "import"), ("solutions", "full"), ("jobs", "schedule")])
def test_delete_is_no_schedule(path: tuple[str, str]) -> None:
    content = changed()
    blocks = {
        "datasetGroup": content["datasetGroup"]["workflowConfig"]["schedules"],
        "solutions": content["solutions"][0]["workflowConfig"]["schedules"],
        "jobs": content["solutions"][1]["batchInferenceJobs"][0]["workflowConfig"],
    }
    blocks[path[0]][path[1]] = "delete"
    assert len(wanted(content).schedules) == len(wanted(WHOLE).schedules) - 1


@pytest.mark.parametrize("expression", ["0 4 * * *", "cron(0 4 * *)", "every day"])
def test_a_wrong_schedule_is_reported_with_its_place(expression: str) -> None:
    content = changed()
    content["solutions"][0]["workflowConfig"]["schedules"]["full"] = expression
    with pytest.raises(InputError, match=r"config.json: solutions.alike.schedules.FULL: is .*not a schedule"):
        wanted(content)


def test_the_import_mode_incremental_becomes_full_and_is_reported() -> None:
    content = changed()
    content["datasets"]["serviceConfig"] = {"importMode": "INCREMENTAL", "publishAttributionMetricsToS3": True}
    assert wanted(content) == wanted(WHOLE)
    assert noted(content)[:2] == [
        "datasets.serviceConfig.importMode",
        "datasets.serviceConfig.publishAttributionMetricsToS3",
    ]


def test_max_age_no_longer_keeps_new_data_out() -> None:
    content = changed()
    content["datasetGroup"]["workflowConfig"]["maxAge"] = "30 days"
    assert wanted(content) == wanted(WHOLE)
    assert "datasetGroup.workflowConfig.maxAge" in noted(content)


def test_auto_ml_is_dropped_as_there_and_auto_training_is_off() -> None:
    content = changed()
    content["solutions"][0]["serviceConfig"]["performAutoML"] = True
    assert wanted(content) == wanted(WHOLE)
    assert "solutions[0].serviceConfig.performAutoML" in noted(content)


def test_the_first_of_several_campaigns_is_continued() -> None:
    content = changed()
    content["solutions"][1]["campaigns"].append({"serviceConfig": {"name": "spare", "minProvisionedTPS": 1}})
    assert wanted(content) == wanted(WHOLE)
    assert "solutions[1].campaigns[1]" in noted(content)


def test_recommenders_of_a_domain() -> None:
    content = {
        "datasetGroup": {"serviceConfig": {"name": "film-club", "domain": "VIDEO_ON_DEMAND"}},
        "datasets": {"interactions": INTERACTIONS},
        "recommenders": [{"serviceConfig": {"name": "top", "recipeArn": f"{RECIPE}aws-vod-top-picks"}}],
    }
    config = wanted(content)
    assert config.group == {"domain": "VIDEO_ON_DEMAND"}
    assert [(one.name, one.recipe) for one in config.recommenders] == [("top", "aws-vod-top-picks")]
    assert config.adopt["recommender/top"] == "top"
    assert not config.solutions, "what names no solutions wants none"


def test_an_unknown_member_of_personalize_is_reported_with_its_place() -> None:
    content = changed()
    content["solutions"][0]["serviceConfig"]["performHpo"] = True
    with pytest.raises(InputError, match=r"solutions.alike.performHpo: is unknown to CreateSolution. Did you mean"):
        wanted(content)


@pytest.mark.parametrize(
    ("content", "place", "message"),
    [
        ([], "", r"is \[\]"),
        ({}, "datasetGroup.serviceConfig.name", "is missing"),
        ({"datasetgroup": {}}, "datasetgroup", "is unknown"),
        (changed(datasets={"items": dataset("items", "ITEM_ID")}), "datasets.interactions", "is missing"),
        (changed(datasets={"interactions": {}}), "datasets.interactions.schema.serviceConfig.schema", "is missing"),
        (
            changed(datasets={"interactions": {"schema": {"serviceConfig": {"schema": "{}"}}}}),
            "datasets.interactions.schema.serviceConfig.schema",
            "is {}",
        ),
        (changed(datasets={"actions": {}}), "datasets.actions", "is unknown"),
        (changed(solutions={}), "solutions", "is {}"),
        (changed(solutions=[{"serviceConfig": {"name": 3}}]), "solutions[0].serviceConfig.name", "is 3"),
        (changed(solutions=[{}]), "solutions", "has an entry without serviceConfig.name"),
        (changed(solutions=WHOLE["solutions"] * 2), "solutions", "names alike twice"),
        (changed(filters=[{"serviceConfig": {}}]), "filters", "has an entry without"),
        (changed(filters=[{"workflowConfig": {}}]), "filters[0].workflowConfig", "is unknown"),
        (changed(recommenders=[{}]), "recommenders", "has an entry without"),
        (
            changed(solutions=[{"serviceConfig": {"name": "a", "solutionVersion": {"mode": "FULL"}}}]),
            "solutions[0].serviceConfig.solutionVersion.mode",
            "is unknown",
        ),
        (
            changed(datasetGroup={"serviceConfig": {"name": "a"}, "workflowConfig": {"schedules": {"full": "x"}}}),
            "datasetGroup.workflowConfig.schedules.full",
            "is unknown",
        ),
    ],
)
def test_a_fault_is_reported_with_place_and_remedy(content: Any, place: str, message: str) -> None:
    found = problems(json.dumps(content))
    assert f"{FILE}: {place}".removesuffix(": ") in [problem.place for problem in found]
    fault = next(problem for problem in found if problem.place.endswith(place))
    assert fault.message.startswith(message.replace("\\", ""))
    assert fault.remedy


def test_two_campaigns_of_one_name_are_reported() -> None:
    content = changed()
    content["solutions"][0]["campaigns"] = content["solutions"][1]["campaigns"]
    (problem,) = problems(json.dumps(content))
    assert problem.message == "names for_you_live twice."


def test_invalid_json_is_reported_with_its_line() -> None:
    (problem,) = problems('{\n"datasetGroup": }')
    assert str(problem) == f"{FILE} line 2 column 17: is not readable: Expecting value. Correct the JSON there."


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@pytest.mark.slow
@given(st.data())
def test_no_file_makes_it_crash(data: st.DataObject) -> None:
    """Any value in any place is either accepted, or refused with problems."""
    content = copy.deepcopy(WHOLE | ROOT_TAGS)
    for _ in range(data.draw(st.integers(1, 3))):
        at: Any = content
        while True:
            places = list(at) if isinstance(at, dict) else list(range(len(at)))
            place = data.draw(st.sampled_from(places))
            if not (isinstance(at[place], dict | list) and at[place]) or data.draw(st.booleans()):
                break
            at = at[place]
        at[place] = data.draw(junk)
    try:
        wanted(content)
    except InputError as error:
        assert error.problems
