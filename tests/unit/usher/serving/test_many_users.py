"""Many users in one request: each has an answer or an error."""

import threading
from collections.abc import Mapping
from typing import Any

import pytest
from usher.errors import RequestError
from usher.serving.http_api import error_document
from usher.serving.many_users import MAX_USERS, answer_each


def test_each_user_has_an_answer_or_an_error_in_their_order() -> None:
    def answer(options: Mapping[str, Any]) -> dict[str, Any]:
        if options["userId"] == "b":
            raise RequestError(404, "NotFound", "Nothing.")
        return {"itemList": [], "numResults": options["numResults"]}

    request = {"userIds": ["c", "b", 1], "numResults": 3}
    assert answer_each(request, answer, error_document)["users"] == [
        {"userId": "c", "itemList": [], "numResults": 3},
        {"userId": "b", "error": {"code": "NotFound", "message": "Nothing."}},
        {"userId": "1", "itemList": [], "numResults": 3},
    ]


def test_an_error_for_all_users_is_the_answer() -> None:
    def answer(_: Mapping[str, Any]) -> dict[str, Any]:
        raise RequestError(400, "BadNumResults", "numResults must be a number.")

    with pytest.raises(RequestError, match="numResults must be a number"):
        answer_each({"userIds": ["a", "b"]}, answer, error_document)


def test_a_user_beyond_the_time_limit_has_an_error() -> None:
    done = threading.Event()

    def answer(options: Mapping[str, Any]) -> dict[str, Any]:
        if options["userId"] != "a":
            done.wait(10)
        return {"itemList": []}

    try:
        found = answer_each({"userIds": ["a", "b"]}, answer, error_document, seconds=0.5)["users"]
    finally:
        done.set()
    assert found[0] == {"userId": "a", "itemList": []}
    assert found[1]["error"]["code"] == "Unavailable"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({}, "BadBody"),
        ({"userIds": []}, "BadList"),
        ({"userIds": "a"}, "BadList"),
        ({"userIds": ["u"] * (MAX_USERS + 1)}, "BadList"),
        ({"userIds": ["u", None]}, "BadId"),
        ({"userIds": ["u"], "userId": "v"}, "UnknownOption"),
        ({"userIds": ["u"], "next": "v"}, "UnknownOption"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused(options: dict[str, Any], code: str) -> None:
    with pytest.raises(RequestError) as caught:
        answer_each(options, lambda _: {}, error_document)
    assert (caught.value.status, caught.value.code) == (400, code)
