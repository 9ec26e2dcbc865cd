"""Plans: pure, in order, within the service's limits, and changed only by a change of their input."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st
from usher.config.model import JOBS, Config, Solution
from usher.config.parser import default_config, parse_config
from usher.datasets.schemas import make_schema
from usher.limits import SERVICE_NAME_LENGTH
from usher.names import MAX_NAME_LENGTH
from usher.planning.desired import Data, desired_resources, desired_serving, recipe_arn, schedule_resource
from usher.planning.tasks import RequestedTasks
from usher.recipes import RECIPES
from usher.resources.kinds import KINDS, Resource
from usher.resources.target import Target
from usher.storage.layout import GROUP_NAME

from tests.unit.stack.files import REPOSITORY
from tests.unit.usher.world import ARN_PREFIX, ROLE, target

SESSION = botocore.session.get_session()
TARGET = Target("films", "20260101T000000Z-abcd", ARN_PREFIX, ROLE)
COLUMNS = {"USER_ID": "string", "ITEM_ID": "string", "TIMESTAMP": "long"}
DATA = {
    "interactions": Data("s3://b/films/interactions/", "d1", make_schema("interactions", COLUMNS)),
    "items": Data("s3://b/films/items.csv", "d2", make_schema("items", {"ITEM_ID": "string", "YEAR": "long"})),
    "users": Data("s3://b/films/users.csv", "d3", make_schema("users", {"USER_ID": "string", "AGE": "long"})),
}


def text(expression: str) -> dict[str, str]:
    """A filter with an expression only."""
    return {"filterExpression": expression}


CONFIG = replace(default_config(), filters={"new": text("INCLUDE ItemID WHERE Items.YEAR > 2000"), "old": text("x")})


def plan(config: Config = CONFIG, data: Mapping[str, Data] = DATA, target: Target = TARGET) -> dict[str, Resource]:
    """A plan's resources by id."""
    return {resource.id: resource for resource in desired_resources(target, config, data)}


def changed(**other: Any) -> set[str]:
    """The IDs of the resources that differ from the plan without the change, or that only one of the two has."""
    before, after = plan(), plan(**other)
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_every_resource_comes_after_its_dependencies() -> None:
    seen: set[str] = set()
    for resource in desired_resources(TARGET, CONFIG, DATA):
        assert set(resource.needs) <= seen
        assert resource.id not in seen
        seen.add(resource.id)


@pytest.mark.parametrize("resource", desired_resources(TARGET, CONFIG, DATA), ids=lambda resource: resource.id)
def test_a_resource_has_the_members_of_its_create_operation(resource: Resource) -> None:
    name = f"Create{KINDS[resource.kind].member[0].upper()}{KINDS[resource.kind].member[1:]}"
    members = {**resource.params, **dict.fromkeys(resource.refs, "arn:aws:personalize:us-east-1:1:x/y")}
    model: Any = SESSION.get_service_model(KINDS[resource.kind].service)
    assert not ParamValidator().validate(members, model.operation_model(name).input_shape).generate_report()


def test_the_examples_of_the_page_make_every_kind() -> None:
    examples = re.findall(r"^```yaml\n(.*?)^```$", (REPOSITORY / "docs" / "configuration.md").read_text(), re.S | re.M)
    made = dict[str, Resource]()
    for example in examples:
        config = parse_config(example.encode(), "usher.yaml", "films", list(RECIPES))
        sections = {kind: section for section, kind in JOBS.items()}
        tasks: RequestedTasks = {f"{sections[job.kind]}#{job.name}": {"at": "2026-01-01"} for job in config.jobs}
        for resource in desired_resources(target(), config, DATA, tasks):
            test_a_resource_has_the_members_of_its_create_operation(resource)
            made[resource.kind] = resource
    assert made.keys() == KINDS.keys()


def test_equal_inputs_make_equal_plans_except_for_the_names_of_jobs_and_versions() -> None:
    assert plan() == plan()
    assert changed(target=replace(TARGET, run="20270101T000000Z-dcba")) == {
        *(f"dataset_import_job/{dataset}" for dataset in DATA),
        *(f"solution_version/{solution.name}" for solution in CONFIG.solutions),
    }


def test_a_changed_filter_changes_only_itself() -> None:
    assert changed(config=replace(CONFIG, filters={**CONFIG.filters, "old": text("y")})) == {"filter/old"}


def test_a_changed_solution_gets_a_campaign_of_its_own_and_has_no_version_yet() -> None:
    first, *others = CONFIG.solutions
    other = replace(first, settings={"eventType": "watch"})
    assert changed(config=replace(CONFIG, solutions=(other, *others))) == {
        f"{kind}/{first.name}" for kind in ("solution", "campaign")
    }, "versions are looked for under the new solution"


def test_a_changed_campaign_changes_only_itself_and_keeps_its_name() -> None:
    first, *others = CONFIG.solutions
    config = replace(CONFIG, solutions=(replace(first, campaign={"minProvisionedTPS": 3}), *others))
    assert changed(config=config) == {f"campaign/{first.name}"}
    assert plan(config)[f"campaign/{first.name}"].arn == plan()[f"campaign/{first.name}"].arn


def test_changed_data_is_imported_again_and_everything_trained_again() -> None:
    data = {**DATA, "items": replace(DATA["items"], digest="d9")}
    versions = {f"solution_version/{solution.name}" for solution in CONFIG.solutions}
    assert changed(data=data) == {"dataset_import_job/items", *versions}


def test_a_changed_schema_makes_a_new_schema_for_the_same_dataset() -> None:
    schema = make_schema("items", {"ITEM_ID": "string", "YEAR": "long", "GENRES": "categorical"})
    data = {**DATA, "items": replace(DATA["items"], schema=schema)}
    versions = {f"solution_version/{solution.name}" for solution in CONFIG.solutions}
    assert changed(data=data) == {"schema/items", "dataset_import_job/items", *versions}


def test_groups_never_share_named_resources() -> None:
    """`films` with the solution `new-best` and `films-new` with `best` both lead to the words films-new-best."""
    one = plan(Config((Solution("new-best", "aws-sims"),), {"new-best": text("x")}, {}, {}))
    other = plan(
        Config((Solution("best", "aws-sims"),), {"best": text("x")}, {}, {}),
        target=replace(TARGET, group="films-new"),
    )
    shared = {resource.arn for resource in one.values()} & {resource.arn for resource in other.values()} - {""}
    assert not shared


def test_no_campaign_is_planned_where_none_is_wanted() -> None:
    config = Config((Solution("offline", "aws-sims", {}, None),), {}, {}, {})
    assert "campaign/offline" not in plan(config)


def test_training_on_a_timer_is_off_unless_wanted() -> None:
    config = Config((Solution("a", "aws-sims"), Solution("b", "aws-sims", {"performAutoTraining": True})), {}, {}, {})
    planned = plan(config)
    assert not planned["solution/a"].params["performAutoTraining"]
    assert planned["solution/b"].params["performAutoTraining"]


@settings(max_examples=30)
@given(st.from_regex(GROUP_NAME.pattern, fullmatch=True), st.from_regex(r"\A[a-zA-Z0-9][a-zA-Z0-9\-_]{0,19}\Z"))
def test_names_keep_within_the_services_limit(group: str, name: str) -> None:
    _check_names(group, name)


def test_the_longest_names_keep_within_the_services_limit() -> None:
    _check_names("g" * 35, "n" * MAX_NAME_LENGTH)
    assert not GROUP_NAME.match("g" * 36)


def _check_names(group: str, name: str) -> None:
    assert GROUP_NAME.match(group)
    wanted = Config((*default_config().solutions, Solution(name, "aws-sims")), {name: text("x")}, {}, {})
    for resource in desired_resources(replace(TARGET, group=group), wanted, DATA):
        given_name = resource.params.get("name") or resource.params.get("jobName", "")
        assert len(given_name) <= SERVICE_NAME_LENGTH
        if resource.kind == "dataset_import_job":
            assert given_name.endswith(TARGET.run)


def test_recipes_belong_to_no_region_and_keep_the_partition() -> None:
    target = replace(TARGET, arn_prefix="arn:aws-cn:personalize:cn-north-1:123456789012")
    assert recipe_arn(target, "aws-sims") == "arn:aws-cn:personalize:::recipe/aws-sims"


def test_the_serving_map_is_to_hold_what_is_exported() -> None:
    types = {"user-personalization": "USER_PERSONALIZATION", "similar-items": "RELATED_ITEMS",
             "personalized-ranking": "PERSONALIZED_RANKING"}  # fmt: skip
    serving = desired_serving(CONFIG, types)
    assert list(serving["exports"]) == ["user-personalization"]
    assert serving["filters"] == ["new", "old"]
    assert serving["solutions"]["similar-items"] == {
        "type": "RELATED_ITEMS",
        "campaign": True,
        "recipe": "aws-similar-items",
        "metadata": False,
    }
    assert desired_serving(replace(CONFIG, exports={}), types)["exports"] == {}


def test_a_schedule_of_an_export_starts_it_alone() -> None:
    given = [{"task": "export"}, {"task": "export", "solution": "for-you"}, {"task": "retrain"}]
    at = replace(TARGET, export_arn="export", pipeline_arn="pipeline")
    targets = [schedule_resource(at, "name", task, {}).params["Target"] for task in given]
    assert [json.loads(target["Input"]) for target in targets] == [
        {"group": "films"},
        {"group": "films", "solution": "for-you"},
        {"group": "films", "task": "retrain", "at": "<aws.scheduler.scheduled-time>"},
    ]
    assert [target["Arn"] for target in targets] == ["export", "export", "pipeline"]


def weighted(weight: float) -> dict[str, Any]:
    """A solution's settings with the weight of an event type."""
    return {"solutionConfig": {"eventsConfig": {"eventParametersList": [{"eventType": "watch", "weight": weight}]}}}


def solution(settings: dict[str, Any]) -> dict[str, Resource]:
    """A plan with one solution."""
    return plan(Config((Solution("a", "aws-sims", settings),), {}, {}, {}))


def test_another_training_schedule_is_the_same_solution_and_trains_nothing() -> None:
    rates = ({"autoTrainingConfig": {"schedulingExpression": rate}} for rate in ("rate(1 day)", "rate(9 days)"))
    one, other = (solution({"performAutoTraining": True, "solutionConfig": rate}) for rate in rates)
    assert one["solution/a"].arn == other["solution/a"].arn
    assert one["solution_version/a"] == other["solution_version/a"]


def test_a_solution_that_loses_its_training_schedule_gets_the_default() -> None:
    planned = solution({"performAutoTraining": True})["solution/a"]
    assert planned.params["solutionConfig"] == {"autoTrainingConfig": {"schedulingExpression": "rate(7 days)"}}


def test_other_event_weights_are_the_same_solution_with_another_version() -> None:
    one, other = solution(weighted(0.1)), solution(weighted(0.2))
    assert one["solution/a"].arn == other["solution/a"].arn
    assert one["campaign/a"] == other["campaign/a"]
    assert one["solution_version/a"].fingerprint != other["solution_version/a"].fingerprint


def test_event_weights_can_not_be_taken_away_in_place() -> None:
    assert solution(weighted(0.1))["solution/a"].arn != solution({})["solution/a"].arn
