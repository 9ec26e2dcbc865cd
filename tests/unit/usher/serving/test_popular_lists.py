"""The popular list: its sources, and its refreshes."""

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from usher.aws import client
from usher.serving.popular_lists import PopularList, PopularLists
from usher.storage.table import Table

from tests.unit.usher.world import TABLE, World

ARN = "arn:aws:personalize:us-east-1:1"
ITEMS = {"itemList": [{"itemId": "b"}, {"itemId": "a"}]}


def solution(kind: str, recipe: str, *, campaign: bool = True) -> dict[str, Any]:
    served = {"type": kind, "recipe": recipe, "solutionVersionArn": f"{ARN}:solution/{recipe}/v1"}
    return served | {"campaignArn": f"{ARN}:campaign/{recipe}" if campaign else None}


FOR_YOU = solution("USER_PERSONALIZATION", "aws-user-personalization-v2")
POPULAR = solution("POPULAR_ITEMS", "aws-popularity-count")
TRENDING = solution("POPULAR_ITEMS", "aws-trending-now")
EXPORTED = solution("POPULAR_ITEMS", "aws-popularity-count", campaign=False)
SIMILAR = solution("RELATED_ITEMS", "aws-similar-items")
RECOMMENDER = {"type": "POPULAR_ITEMS", "recipe": "aws-vod-most-popular", "recommenderArn": f"{ARN}:recommender/top"}


def refreshed(world: World, **section: dict[str, Any]) -> tuple[PopularList, list[dict[str, Any]]]:
    """A group's list after a refresh, and the calls of that refresh."""
    lists, calls = PopularLists(Table(world.dynamodb, TABLE)), list[dict[str, Any]]()

    def recommend(**members: Any) -> dict[str, Any]:
        calls.append(members)
        return ITEMS

    content: Any = {"solutions": {}, "recommenders": {}, "filters": {}, **section}
    runtime: Any = SimpleNamespace(get_recommendations=recommend)
    lists.refresh(runtime, "films", content, "nobody")
    return lists.read("films"), calls


@pytest.mark.parametrize(
    ("section", "arn", "name", "version"),
    [
        ({"solutions": {"you": FOR_YOU, "top": POPULAR}}, POPULAR["campaignArn"], "top", "v1"),
        ({"solutions": {"you": FOR_YOU}, "recommenders": {"top": RECOMMENDER}}, f"{ARN}:recommender/top", "top", ""),
        ({"solutions": {"like": SIMILAR, "now": TRENDING, "you": FOR_YOU}}, TRENDING["campaignArn"], "now", "v1"),
        ({"solutions": {"you": FOR_YOU, "now": TRENDING}}, FOR_YOU["campaignArn"], "you", "v1"),
    ],
)
def test_the_popular_list_comes_from_its_solution_or_else_from_recommendations_to_nobody(
    world: World, section: dict[str, Any], arn: str, name: str, version: str
) -> None:
    popular, (call,) = refreshed(world, **section)
    assert (popular["items"], popular["solution"], popular["version"]) == (["b", "a"], name, version)
    assert {call.get("campaignArn"), call.get("recommenderArn")} == {arn, None}
    assert (call["userId"], call["numResults"]) == ("nobody", 500)


def test_without_recommendations_there_is_no_list(world: World) -> None:
    assert refreshed(world, solutions={"like": SIMILAR}) == ({}, [])


def test_an_exported_popular_list_stays(world: World) -> None:
    PopularLists(Table(world.dynamodb, TABLE)).write("films", ["c"], "top", "v1")
    popular, calls = refreshed(world, solutions={"you": FOR_YOU, "top": EXPORTED})
    assert (popular["items"], calls) == (["c"], [])
    popular, calls = refreshed(world, solutions={"you": FOR_YOU})
    assert (popular["items"], popular["solution"]) == (["b", "a"], "you")


def test_the_former_list_stays_where_personalize_does_not_answer(world: World) -> None:
    lists = PopularLists(Table(world.dynamodb, TABLE))
    lists.write("films", ["c"], "top", "v1")

    def throttle(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow"}}, "GetRecommendations")

    content: Any = {"solutions": {"top": POPULAR}, "recommenders": {}, "filters": {}}
    runtime: Any = SimpleNamespace(get_recommendations=throttle)
    reason = lists.refresh(runtime, "films", content, "nobody")
    assert "Throttling" in reason
    assert lists.read("films")["items"] == ["c"]


def test_a_table_that_does_not_answer_is_an_error_so_that_the_step_is_repeated(world: World) -> None:
    lists = PopularLists(Table(world.dynamodb, "absent"))
    with pytest.raises(ClientError, match="ResourceNotFound"):
        lists.refresh(client("personalize-runtime"), "films", {}, "nobody")
