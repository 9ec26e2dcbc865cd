"""The texts of the views of people and items, without NiceGUI and AWS."""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from usher.errors import UsherError
from usher.filters.grammar import parse_filter
from usher.serving.serving_map import ServingMap

from usher_cli.ui.api_requests import ApiRequest, rankings, recommendations
from usher_cli.ui.compare import Pair, Version, compared
from usher_cli.ui.evidence import count_traits, evidence
from usher_cli.ui.filter_trial import columns_of, left_by, marked, mistakes
from usher_cli.ui.group_data import GroupData, Interactions, Met, Records
from usher_cli.ui.lists import ids_of, lists_for
from usher_cli.ui.markup import Cell, Column, Line, day, item_list, moves, table

SERVING: ServingMap = {
    "solutions": {
        "you": {"type": "USER_PERSONALIZATION", "recipe": "aws-user-personalization-v2"},
        "like": {"type": "RELATED_ITEMS", "recipe": "aws-similar-items"},
        "order": {"type": "PERSONALIZED_RANKING", "recipe": "aws-personalized-ranking-v2"},
        "hot": {"type": "POPULAR_ITEMS", "recipe": "aws-trending-now"},
    },
    "datasets": {
        "items": {
            "arn": "",
            "fields": [
                {"name": "ITEM_ID", "type": "string"},
                {"name": "GENRES", "type": ["null", "string"], "categorical": True},
                {"name": "YEAR", "type": ["null", "long"]},
            ],
        }
    },
    "events": {"columns": {"interactions": {"USER_ID": "string", "EVENT_TYPE": "string"}}},
}
NOBODY = pa.array([], pa.string()).dictionary_encode()
DATA = GroupData(
    Records(),
    Records(
        ["a", "b", "c"], {"GENRES": pa.array(["Comedy|Drama", "Horror", ""]), "YEAR": pa.array(["1999", "", "2001"])}
    ),
    Interactions(NOBODY, NOBODY, np.empty(0), pa.array([], pa.string())),
)


def why(entry: dict[str, Any], **more: Any) -> list[str]:
    given = {"neighbours": {}, "traits": {}, "met_traits": Counter[str](), "met": 0, **more}
    return evidence(entry, **given)


def test_each_solution_gets_a_request_on_a_route_that_it_answers() -> None:
    requests = lists_for(SERVING, "films", "u1", "i1", ["i1", "i2"], filter="new")
    assert {one.solution: one.request.path for one in requests} == {
        "you": "/films/recommendations",
        "like": "/films/similar-items",
        "order": "/films/rankings",
        "hot": "/films/recommendations",
    }
    assert all((one.request.body or one.request.query)["filter"] == "new" for one in requests)
    assert [one.solution for one in lists_for(SERVING, "films", "new", "", [])] == ["you", "hot"]


def test_an_answer_has_its_ids_under_any_name_of_its_list() -> None:
    assert ids_of({"itemList": [{"itemId": "a"}]}) == ids_of({"personalizedRanking": [{"itemId": "a"}]}) == ["a"]
    assert ids_of({"actionList": [{"actionId": "b"}]}) == ["b"]


def test_evidence_has_personalizes_reasons_neighbours_and_common_attributes() -> None:
    met = count_traits([{"GENRES": "Horror|Sci-Fi"}, {"GENRES": "Horror"}])
    lines = why(
        {"itemId": "a", "reason": ["Exploration"], "promotionName": "new"},
        neighbours={"Alien": ["a", "b"], "Fargo": ["c"]},
        traits={"GENRES": "Horror|Sci-Fi"},
        met_traits=met,
        met=2,
    )
    assert lines == [
        "the campaign explores: it tries out items that few have met",
        "the promotion new put it here",
        "similar to Alien",
        "in common with the history: Horror (2 of 2)",
    ]
    assert why({"itemId": "z"}) == []
    assert why({"itemId": "z"}, known=False) == ["nothing is known of this user, so the list is one for newcomers"]


def test_moves_are_shown_with_their_distance() -> None:
    assert moves(["a", "b", "c"], ["c", "a", "d"]) == {"c": "up 2", "a": "down 1", "d": "new"}
    assert moves(["a"], ["a"]) == {}


def test_texts_of_the_data_are_no_markup() -> None:
    evil = "<script>alert('1')</script>"
    shown = item_list([Line(evil, evil, evil, f"/x?id={evil}", evil, [evil], [evil], evil)])
    shown += table([Column(evil)], [[evil], [Cell(evil, evil)]])
    assert "<script" not in shown
    assert "alert('1')" not in shown


def test_an_invalid_time_is_blank() -> None:
    assert (day(0), day(1e18), day(float("nan")), day(86400)) == ("", "", "", "1970-01-02")


def test_a_request_is_copied_with_its_query_in_order_and_every_text_quoted() -> None:
    curl = recommendations("films", "it's", numResults="3").as_curl("http://api", "us-east-1")
    assert """--data-urlencode numResults=3 \\\n    --data-urlencode 'userId=it'"'"'s'""" in curl
    posted = rankings("films", "u", ["a"], solution="order")
    assert posted.body == {"userId": "u", "items": ["a"], "solution": "order"}
    compile(posted.as_python("http://api", "us-east-1"), "copied", "exec")
    assert str(ApiRequest("GET", "/films/popular")) == "GET /films/popular"


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("INCLUDE ItemID WHERE Items.GENRE IN ($G)", "Items.GENRE"),
        ("INCLUDE ItemID WHERE Items.GENRES == 1", "="),
        ("INCLUDE ItemID\nWHERE Itms.GENRES IN ($G)", "Itms.GENRES"),
        ("INCLUDE ItemID WHERE Items.GENRES IN", " "),
    ],
)
def test_a_mistake_is_marked_at_its_token(text: str, token: str) -> None:
    [error] = mistakes(text, columns_of(SERVING))
    assert f"<mark>{token}</mark>" in marked(text, error)


def left(text: str, *met: str, **values: list[str]) -> list[str]:
    history = [Met("u1", item, 0, "watch") for item in met]
    mask = left_by(parse_filter(text), DATA, "u1", history, values)
    return [item for item, stays in zip(DATA.all_items, mask, strict=True) if stays]


def test_a_filter_excludes_the_items_that_personalize_would_exclude() -> None:
    assert left('INCLUDE ItemID WHERE Items.GENRES IN ("Drama")') == ["a"]
    assert left("INCLUDE ItemID WHERE Items.YEAR > 2000") == ["c"]
    assert left('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")', "b") == ["a", "c"]
    assert left("INCLUDE ItemID WHERE Items.GENRES IN ($G)", G=["Horror", "Drama"]) == ["a", "b"]
    with pytest.raises(UsherError, match="G"):
        left("INCLUDE ItemID WHERE Items.GENRES IN ($G)")


def test_the_metrics_of_two_versions_are_compared() -> None:
    live = Version("arn/1", "", {"precision_at_10": 0.2, "coverage": 0.5, "old": 1.0})
    newest = Version("arn/2", "", {"precision_at_10": 0.1, "coverage": 0.5, "new": 1.0})
    assert compared(Pair("you", live, newest)) == [
        ["coverage", "0.5000", "0.5000", "the same"],
        ["new", "", "1.0000", ""],
        ["old", "1.0000", "", ""],
        ["precision at 10", "0.2000", "0.1000", "-0.1000 (-50%)"],
    ]
