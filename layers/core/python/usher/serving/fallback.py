"""Where an answer comes from: the campaign or recommender, else the newest export."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from usher.aws import error_code, error_kind
from usher.errors import RequestError
from usher.serving.answers import Answer, Listed, Source
from usher.serving.export_store import ExportStore
from usher.serving.requests import ReadRequest, read_request
from usher.serving.routes import Route
from usher.serving.serving_map import ServingMaps

logger = Logger()
REFUSALS = {"ResourceNotFoundException", "InvalidInputException"}
"""How Personalize refuses a campaign that is gone, or on its way out."""


@dataclass(frozen=True, slots=True)
class Reads:
    """The sources of answers."""

    maps: ServingMaps
    exports: ExportStore
    runtime: Callable[[], Any]
    """Makes or gets the client of Personalize's runtime."""

    def answer(self, group: str, route: Route, options: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a request, as its caller sees it. Raises RequestError, and botocore's errors."""
        answer = self._from_any_source(group, route, options)
        return {route.list_name if name == "itemList" else name: value for name, value in answer.items()}

    def _from_any_source(self, group: str, route: Route, options: Mapping[str, Any]) -> Answer:
        """Answer by Personalize; by the newest export if there is no campaign or it is out of order."""
        try:
            return self._from_personalize(group, route, options)
        except (ClientError, BotoCoreError, RequestError) as error:
            if not _is_outage(error):
                raise
            request = read_request(group, self.maps.cached(group), route, options)
            if answer := self._from_export(request):
                logger.warning(
                    "Answered from the export", group=group, solution=answer["solution"], reason=error_kind(error)
                )
                return answer
            if request.exports and isinstance(error, RequestError):
                raise RequestError(
                    404, "NotFound", "No campaign answers this request, and no export has an answer."
                ) from None
            raise

    def _from_personalize(self, group: str, route: Route, options: Mapping[str, Any]) -> Answer:
        """Answer by a call; by a second one if a resource is refused, and a new map names another one."""
        request = read_request(group, self.maps.cached(group), route, options)
        try:
            return self._call(request)
        except ClientError as error:
            if error_code(error) not in REFUSALS:
                raise
            self.maps.forget(group)
            renewed = read_request(group, self.maps.cached(group), route, options)
            if renewed == request:
                raise
        return self._call(renewed)

    def _call(self, request: ReadRequest) -> Answer:
        if request.refusal:
            raise request.refusal
        call = getattr(self.runtime(), request.route.operation)
        output = call(**request.served_by, **request.members)
        source: Source = "recommender" if "recommenderArn" in request.served_by else "campaign"
        answer: Answer = {
            "itemList": output[request.route.list_name],
            "source": source,
            "solution": request.solution,
            **({"solutionVersion": request.version} if request.version else {}),
            "recommendationId": output["recommendationId"],
        }
        return answer

    def _from_export(self, request: ReadRequest) -> Answer | None:
        for solution in request.exports:
            if output := self.exports.look_up(request.group, solution, request.subject):
                return {
                    "itemList": _item_list(output)[: request.results],
                    "source": "export",
                    "solution": solution,
                }
        return None


def _is_outage(error: Exception) -> bool:
    """Whether a campaign does not answer for a reason that is not in the request."""
    if isinstance(error, RequestError):
        return error.code == "NoCampaign"
    return not isinstance(error, ParamValidationError) and error_code(error) != "InvalidInputException"


def _item_list(output: Mapping[str, Any]) -> list[Listed]:
    """A batch job's output in the form of GetRecommendations."""
    items, scores = output["recommendedItems"], output.get("scores") or []
    scored: list[Listed] = [{"itemId": item, "score": score} for item, score in zip(items, scores, strict=False)]
    return scored + [{"itemId": item} for item in items[len(scored) :]]
