"""The comparison of a desired resource with an existing one."""

from typing import Any

import pytest
from usher.resources.comparison import changed_in_place, covers, immutable_members, members_of_update
from usher.resources.kinds import KINDS

SOLUTION, CAMPAIGN, REPORTS = KINDS["solution"], KINDS["campaign"], KINDS["metric_attribution"]
WEEKLY, DAILY = ({"autoTrainingConfig": {"schedulingExpression": rate}} for rate in ("rate(7 days)", "rate(1 day)"))


def weights(**weight_of: float) -> dict[str, Any]:
    """A solutionConfig with the weight of each event type."""
    events = [{"eventType": name, "weight": weight} for name, weight in weight_of.items()]
    return {"eventsConfig": {"eventParametersList": events}}


@pytest.mark.parametrize(
    ("existing", "desired"),
    [
        ({"a": 1, "b": 2}, {"a": 1}),
        ([{"a": 1, "default": 0}, {"b": 2}], [{"b": 2}, {"a": 1}]),
        ("EXCLUDE ItemID  WHERE Items.YEAR > 2000", "EXCLUDE ItemID WHERE Items.YEAR\n> 2000"),
        ('{"fields": [1], "name": "Items"}', '{"fields":[1]}'),
        ("arn:solution/a/1", "arn:solution/a/$LATEST"),
    ],
)
def test_defaults_order_and_spaces_make_no_difference(existing: Any, desired: Any) -> None:
    assert covers(existing, desired)


@pytest.mark.parametrize(
    ("existing", "desired"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        (None, {"a": 1}),
        ([1, 2], [1]),
        ("EXCLUDE ItemID", "INCLUDE ItemID"),
        ('{"fields": [1]}', '{"fields": [2]}'),
        ("arn:solution/b/1", "arn:solution/a/$LATEST"),
    ],
)
def test_a_value_that_is_missing_or_another_is_a_difference(existing: Any, desired: Any) -> None:
    assert not covers(existing, desired)


def test_only_the_changed_part_of_a_solution_is_sent_as_another_schedule_resets_the_timer() -> None:
    existing = {"performAutoTraining": True, "solutionConfig": {**WEEKLY, **weights(watch=1)}}
    desired = {"performAutoTraining": True, "solutionConfig": {**WEEKLY, **weights(watch=0.5)}}
    assert members_of_update(SOLUTION, existing, desired) == {"solutionUpdateConfig": weights(watch=0.5)}
    assert members_of_update(SOLUTION, existing, {**desired, "solutionConfig": DAILY}) == {
        "solutionUpdateConfig": DAILY
    }
    assert members_of_update(SOLUTION, existing, {"performAutoTraining": False}) == {"performAutoTraining": False}
    assert not members_of_update(SOLUTION, existing, existing)


def test_the_last_update_counts_wherever_describe_shows_it() -> None:
    update = {"status": "ACTIVE", "solutionUpdateConfig": DAILY}
    existing = {"solutionConfig": WEEKLY, "latestSolutionUpdate": update}
    assert not changed_in_place(SOLUTION, existing, {"solutionConfig": DAILY})
    update["status"] = "CREATE IN_PROGRESS"
    assert changed_in_place(SOLUTION, existing, {"solutionConfig": DAILY}) == ["solutionConfig.autoTrainingConfig"]


def test_a_campaign_is_updated_with_all_that_can_change() -> None:
    existing = {"solutionVersionArn": "v1", "minProvisionedTPS": 1}
    desired = {"name": "a", "solutionVersionArn": "v2", "minProvisionedTPS": 1}
    assert members_of_update(CAMPAIGN, existing, desired) == {"solutionVersionArn": "v2", "minProvisionedTPS": 1}


def test_metrics_are_added_and_removed() -> None:
    clicks, views, sales = ({"metricName": name, "eventType": name} for name in ("clicks", "views", "sales"))
    members = members_of_update(REPORTS, {"metrics": [clicks, views]}, {"metrics": [views, sales]})
    assert members == {"addMetrics": [sales], "removeMetrics": ["clicks"]}


def test_immutable_settings_are_all_but_the_mutable_and_those_that_are_empty_without() -> None:
    hyperparameters = {"algorithmHyperParameters": {"bptt": "30"}}
    desired = {"recipeArn": "r", "performAutoTraining": True, "solutionConfig": {**WEEKLY, **hyperparameters}}
    assert immutable_members(SOLUTION, desired) == {"recipeArn": "r", "solutionConfig": hyperparameters}
    assert immutable_members(SOLUTION, {"recipeArn": "r", "solutionConfig": WEEKLY}) == {"recipeArn": "r"}
