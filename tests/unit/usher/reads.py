"""Reads in the form that the functions check, for tests of the answers."""

from collections.abc import Mapping
from typing import Any

from usher.recipes import RECIPES
from usher.routes import ROUTES
from usher.serving.requests import read_request

COUNTED = {route for recipe in RECIPES.values() for route in recipe.routes} - {"popular", "trending"}
"""The routes that need a live solution: the stored popular list answers the others."""
REQUIRED: Mapping[str, Any] = {"userId": "u", "itemId": "i", "items": ["i"], "userIds": ["u"]}


def call_members(content: Any, route: str, options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The solution that answers a request, and the members of its call without the required ones that `options` lack.

    Raises RequestError.
    """
    one = ROUTES[route]
    lacking = {name: REQUIRED[name] for name in (one.subject, *one.required) if name and name not in options}
    request = read_request("films", content, one, {**lacking, **options})
    if request.refusal:
        raise request.refusal
    filled_in = {"inputList" if name == "items" else name for name in lacking}
    members = {**request.served_by, **request.members}
    return request.solution, {name: value for name, value in members.items() if name not in filled_in}
