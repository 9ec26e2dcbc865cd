"""The reads of the views of people and items."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from usher.clients import PersonalizeClient
from usher.errors import UsherError
from usher.filters.expressions import FilterError, placeholders
from usher.filters.grammar import parse_filter
from usher.serving.serving_map import ServingMap

from usher_cli.ui import api_requests
from usher_cli.ui.api_requests import ApiRequest
from usher_cli.ui.group_data import DataCache, GroupData, Met
from usher_cli.ui.lists import answering, ids_of
from usher_cli.ui.visit import Visit

NEIGHBOURS = "25"
MAX_ITEMS = 10
"""The most items of a history whose similar items are requested, as evidence."""
DATA = DataCache()


async def data_of(visit: Visit) -> GroupData:
    """The data in the group's files."""
    return await visit.read(DATA.of, visit.stack.bucket, visit.group)


async def serving_of(visit: Visit) -> ServingMap:
    """The group's serving map."""
    return await visit.read(visit.stack.serving.read, visit.group)


async def answer_of(visit: Visit, request: ApiRequest) -> Any:
    """The API's answer. Raises RefusedError."""
    return await visit.read(api_requests.ask, visit.stack, request)


async def answers_of(visit: Visit, requests: Sequence[ApiRequest]) -> list[Any]:
    """The API's answer to each request, or its error."""
    return await asyncio.gather(*(answer_of(visit, one) for one in requests), return_exceptions=True)


async def neighbours_of(visit: Visit, serving: ServingMap, items: Sequence[str]) -> dict[str, list[str]]:
    """The similar items of each item; none if no solution answers for them."""
    if not answering(serving, "similar-items"):
        return {}
    distinct = [*dict.fromkeys(items)][:MAX_ITEMS]
    requests = [api_requests.similar_items(visit.group, item, numResults=NEIGHBOURS) for item in distinct]
    answers = await answers_of(visit, requests)
    return {
        item: ids_of(one) for item, one in zip(distinct, answers, strict=True) if not isinstance(one, BaseException)
    }


async def filters_of(visit: Visit, serving: ServingMap) -> dict[str, str]:
    """The expressions of the live filters, by name."""
    return await visit.read(_expressions, visit.stack.clients["personalize"], serving.get("filters", {}))


def _expressions(personalize: PersonalizeClient, arns: Mapping[str, str]) -> dict[str, str]:
    return {
        name: personalize.describe_filter(filterArn=arn)["filter"]["filterExpression"] for name, arn in arns.items()
    }


def values_needed(expression: str) -> list[str]:
    """The placeholders of an expression; none if it can't be read."""
    try:
        return placeholders(parse_filter(expression))
    except FilterError:
        return []


def require(found: object, message: str) -> None:
    """Raise UsherError with a message if there is nothing."""
    if not found:
        raise UsherError(message)


async def events_met(visit: Visit, user: str) -> list[Met]:
    """A user's interactions from events that count and are not in the files yet, newest first."""
    [answer] = await answers_of(visit, [api_requests.events_of(visit.group, user)])
    if isinstance(answer, BaseException):
        return []
    return [
        Met(user, one["itemId"], float(one["sentAt"]), one["eventType"])
        for one in answer["events"]
        if one["counts"] and "itemId" in one
    ]
