"""Where an answer comes from: the campaign or recommender, else the newest export."""

from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from usher.aws import error_code, error_kind
from usher.errors import RequestError
from usher.serving.requests import call_members, exports_for
from usher.serving.serving_map import ServingMaps

logger = Logger()
Call = Callable[[dict[str, Any]], Mapping[str, Any]]
"""A call of Personalize. Its argument has the members for the campaign or recommender, and those of the options."""
REFUSALS = {"ResourceNotFoundException", "InvalidInputException"}
"""How Personalize refuses a campaign that is gone, or on its way out."""
LookUp = Callable[[str, str], Mapping[str, Any]]
"""The export of a group's solution for the subject of a request; empty if it has none."""


def answer_or_fall_back(
    maps: ServingMaps, group: str, route: str, options: Mapping[str, Any], call: Call, look_up: LookUp | None = None
) -> dict[str, Any]:
    """Answer by `call`; by the newest export (`look_up`) if there is no campaign or it is out of order."""
    try:
        return _answer_by_campaign(maps, group, route, options, call)
    except (ClientError, BotoCoreError, RequestError) as error:
        if not look_up or not _is_outage(error):
            raise
        solutions, results = exports_for(maps.cached(group), route, options)
        for solution in solutions:
            if output := look_up(group, solution):
                logger.warning("Answered from the export", group=group, solution=solution, reason=error_kind(error))
                return _with_solution(solution, {"source": "export", "itemList": _item_list(output)[:results]})
        if solutions and isinstance(error, RequestError):
            raise RequestError(
                404, "NotFound", "No campaign answers this request, and no export has an answer."
            ) from None
        raise


def _answer_by_campaign(
    maps: ServingMaps, group: str, route: str, options: Mapping[str, Any], call: Call
) -> dict[str, Any]:
    """Answer by `call`; a second time if a resource is refused, and a new map names another one."""
    solution, members = call_members(maps.cached(group), route, options)
    try:
        return _with_solution(solution, call(members))
    except ClientError as error:
        if error_code(error) not in REFUSALS:
            raise
        maps.forget(group)
        solution, renewed = call_members(maps.cached(group), route, options)
        if renewed == members:
            raise
    return _with_solution(solution, call(renewed))


def _with_solution(solution: str, response: Mapping[str, Any]) -> dict[str, Any]:
    """Personalize's answer, with the solution that it is from."""
    return {"solution": solution, **{name: value for name, value in response.items() if name != "ResponseMetadata"}}


def _is_outage(error: Exception) -> bool:
    """Whether a campaign does not answer for a reason that is not in the request."""
    if isinstance(error, RequestError):
        return error.code == "NoCampaign"
    return not isinstance(error, ParamValidationError) and error_code(error) != "InvalidInputException"


def _item_list(output: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A batch job's output in the form of GetRecommendations."""
    items, scores = output["recommendedItems"], output.get("scores") or []
    scored = [{"itemId": item, "score": score} for item, score in zip(items, scores, strict=False)]
    return scored + [{"itemId": item} for item in items[len(scored) :]]
