"""The section `exports`: valid and invalid values, by recipe."""

from typing import Any

import pytest
from usher.config.exports import desired_exports, read_exports
from usher.config.keys import FORMATS
from usher.config.problems import Problems
from usher.errors import InputError
from usher.filters.expressions import needed
from usher.filters.grammar import parse_filter

RECIPES = {
    "for-you": "aws-user-personalization-v2",
    "similar": "aws-similar-items",
    "ranked": "aws-personalized-ranking-v2",
    "fans": "aws-item-affinity",
    "tastes": "aws-item-attribute-affinity",
    "trending": "aws-trending-now",
}
TYPES = {
    "for-you": "USER_PERSONALIZATION",
    "similar": "RELATED_ITEMS",
    "ranked": "PERSONALIZED_RANKING",
    "fans": "USER_SEGMENTATION",
    "tastes": "USER_SEGMENTATION",
    "trending": "POPULAR_ITEMS",
}
FILTERS = {"genre": {"filterExpression": "INCLUDE ItemID WHERE Items.GENRES IN ($GENRE)"}}


def read(**exports: Any) -> tuple[dict[str, Any], list[str]]:
    """The parsed section, and its problems."""
    problems = Problems("usher.yaml")
    return read_exports(problems, exports, RECIPES, FILTERS), list(map(str, problems.noted))


def test_a_full_export_is_read_as_it_is_written() -> None:
    block = {
        "numResults": 10, "batchInferenceJobConfig": {"itemExplorationConfig": {"explorationWeight": "0.3"}},
        "filter": "genre", "filterValues": {"GENRE": ["Comedy", 'a "b"']}, "users": {"COUNTRY": ["DE", 49]},
        "formats": ["csv", "parquet"], "metadata": ["TITLE"], "keep": 3, "table": True, "schedule": "rate(1 day)",
        "escapeFormulas": True,
    }  # fmt: skip
    exports, problems = read(**{"for-you": block})
    assert problems == []
    assert exports["for-you"] == {
        "settings": {"numResults": 10, "batchInferenceJobConfig": block["batchInferenceJobConfig"]},
        "filter": "genre",
        "filterValues": {"GENRE": '"Comedy","a \\"b\\""'},
        "needs": ["GENRE"],
        "users": {"COUNTRY": ["DE", "49"]},
        "items": [], "attributes": [],
        "formats": ["csv", "parquet"], "metadata": ["TITLE"], "keep": 3, "table": True, "scheduled": True,
        "escapeFormulas": True,
    }  # fmt: skip


def test_an_empty_export_has_defaults() -> None:
    (export,) = read(similar={})[0].values()
    assert (export["settings"], export["formats"], export["keep"]) == ({"numResults": 25}, ["csv"], 7)
    off = ("filter", "users", "items", "attributes", "metadata", "table", "scheduled", "escapeFormulas")
    assert not any(export[name] for name in off)


def test_false_is_for_none() -> None:
    problems = Problems("usher.yaml")
    assert (read_exports(problems, False, RECIPES, {}), problems.noted) == ({}, [])


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        (
            {"filter": "gone"},
            "exports.for-you.filter: names 'gone', which this file does not define. Use one of: genre.",
        ),
        ({"filterValues": {"G": "x"}}, "exports.for-you.filterValues: needs a filter. Name the filter, too"),
        (
            {"filter": "genre", "filterValues": {"GENRES": "x"}},
            "filterValues: names 'GENRES', which this file does not",
        ),
        (
            {"filter": "genre", "users": {"COUNTRY": "DE"}},
            "exports.for-you.filterValues: has no value for $GENRE. Give it one: the filter needs it.",
        ),
        ({"filter": "genre", "filterValues": {"GENRE": [True]}}, "filterValues.GENRE: is [True]. Give a text"),
        ({"filter": 5}, "exports.for-you.filter: is 5. Give it a name, in quotes."),
        ({"users": {"COUNTRY": []}}, "exports.for-you.users.COUNTRY: is []. Give a text, or a list of them."),
        ({"users": "everyone"}, "exports.for-you.users: is everyone. Write names with values below it"),
        ({"formats": ["xlsx"]}, f"exports.for-you.formats: is xlsx. Use one of: {', '.join(FORMATS)}."),
        ({"formats": []}, "exports.for-you.formats: is []."),
        ({"keep": 0}, "exports.for-you.keep: is 0. Give it a number of 1 at least."),
        ({"numResults": 0}, "exports.for-you.numResults: is 0. Give it a number of 1 at least."),
        ({"keep": True}, "exports.for-you.keep: is True. Give it a number of 1 at least."),
        ({"numResults": True}, "exports.for-you.numResults: is True. Give it a number of 1 at least."),
        ({"keep": "all"}, "exports.for-you.keep: is 'all'. Give it a number of 1 at least."),
        ({"table": "yes"}, "exports.for-you.table: is 'yes'. Give it true or false."),
        (
            {"context": {"DEVICE": "tv"}},
            "context: is not possible: Personalize's batch jobs take no context. Remove it",
        ),
        ({"roleArn": "x"}, "exports.for-you.roleArn: is filled in by Usher. Remove it."),
        (
            {"numResult": 5},
            "exports.for-you.numResult: is unknown to CreateBatchInferenceJob. Did you mean numResults?",
        ),
        ([], "exports.for-you: is []. Write names with values below it"),
    ],
)
def test_each_mistake_is_named(block: Any, complaint: str) -> None:
    said = read(**{"for-you": block})[1]
    assert any(complaint in one for one in said), said


def test_values_that_the_groups_own_lines_may_bring_are_not_required_yet() -> None:
    exports, problems = read(**{"for-you": {"filter": "genre"}})
    assert (exports["for-you"]["needs"], problems) == (["GENRE"], [])


def test_only_included_items_need_values() -> None:
    assert needed(parse_filter("INCLUDE ItemID WHERE Items.A IN ($A) AND Items.B > $B")) == ["A", "B"]
    assert needed(parse_filter("EXCLUDE ItemID WHERE Items.A IN ($A)")) == []
    both = (
        'EXCLUDE ItemID WHERE Items.A IN ("x|y") OR Items.A IN ($A) | '
        "include ItemID WHERE Items.B IN ($B) IF CurrentUser.C = $C"
    )
    assert needed(parse_filter(both)) == ["B", "C"]


def test_members_are_those_of_the_job_that_makes_the_export() -> None:
    assert read(fans={"items": ["i1"], "numResults": 100})[1] == []
    (said,) = read(fans={"batchInferenceJobConfig": {}})[1]
    assert "is unknown to CreateBatchSegmentJob" in said


def test_recipes_without_batch_jobs_are_refused() -> None:
    (said,) = read(trending={})[1]
    assert said.startswith("usher.yaml: exports.trending: is for a solution whose recipe has no batch jobs")


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("similar", "users", {"COUNTRY": "DE"}),
        ("ranked", "users", {"COUNTRY": "DE"}),
        ("ranked", "table", True),
        ("fans", "metadata", ["TITLE"]),
        ("fans", "attributes", ["ITEMS.G = 1"]),
        ("tastes", "items", ["i1"]),
        ("for-you", "items", ["i1"]),
    ],
)
def test_options_are_for_the_recipes_that_can_do_them(name: str, option: str, value: Any) -> None:
    exports, problems = read(**{name: {option: value}})
    assert problems == []
    with pytest.raises(InputError) as caught:
        desired_exports(exports, RECIPES, TYPES)
    (said,) = caught.value.problems
    assert (said.place, said.message) == (
        f"usher.yaml: exports.{name}.{option}",
        f"is not allowed in exports of {RECIPES[name]}.",
    )


def test_without_a_section_the_first_solution_that_recommends_to_users_is_exported() -> None:
    recipes = {name: RECIPES[name] for name in ("trending", "similar", "for-you")}
    assert list(desired_exports(None, recipes, TYPES)) == ["for-you"]
    assert desired_exports(None, {"similar": RECIPES["similar"]}, TYPES) == {}
    assert desired_exports({}, recipes, TYPES) == {}


def test_an_export_knows_its_recipe_and_whether_a_schedule_is_its_own_or_its_groups() -> None:
    exports, _ = read(similar={"schedule": "rate(1 day)"}, **{"for-you": {}})
    scheduled = {name: one["scheduled"] for name, one in desired_exports(exports, RECIPES, TYPES).items()}
    assert scheduled == {"similar": True, "for-you": False}
    assert all(one["scheduled"] for one in desired_exports(exports, RECIPES, TYPES, ["export"]).values())
    assert desired_exports(exports, RECIPES, TYPES)["similar"]["recipe"] == "aws-similar-items"


def test_an_unknown_recipe_is_handled_by_its_type() -> None:
    recipes = {"x": "aws-new"}
    exports = read_exports(Problems(""), {"x": {}}, recipes, {})
    assert list(desired_exports(exports, recipes, {"x": "POPULAR_ITEMS"})) == ["x"]
    with pytest.raises(InputError, match="no batch jobs"):
        desired_exports(exports, recipes, {"x": "NEW_TYPE"})
