"""Selects the source of an answer: the campaign or recommender, else the newest export, else the popular list."""

import gc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from usher.aws import client, error_kind, now, within
from usher.catalogue.entries import Catalogues
from usher.catalogue.known import Known
from usher.embedded_metrics import Metrics, put_metrics
from usher.routes import Route
from usher.serving.answers import Answer, Degraded, Listed, Source
from usher.serving.automatic_context import context_of
from usher.serving.campaigns import Campaigns, OutageError
from usher.serving.demand import Demand
from usher.serving.export_store import ExportStore
from usher.serving.guard import FAILURES, Guard
from usher.serving.pages import Pages
from usher.serving.popular_lists import PopularLists
from usher.serving.requests import ReadRequest, read_request
from usher.serving.serving_map import ServingMaps
from usher.serving.stored_filters import Met, StoredFilters
from usher.storage.table import Table

logger = Logger()


@dataclass(frozen=True, slots=True)
class Reads:
    """The sources of answers."""

    maps: ServingMaps
    exports: ExportStore
    pages: Pages
    popular: PopularLists
    campaigns: Campaigns
    guard: Guard
    demand: Demand
    filters: StoredFilters

    @classmethod
    def of(cls, environment: Mapping[str, str], met_by: Callable[[Table], Met]) -> Self:
        """The sources of a function with this environment. No call takes longer than PERSONALIZE_MILLISECONDS.

        `met_by`: the items of users' events in the table.
        """
        seconds = float(environment["PERSONALIZE_MILLISECONDS"]) / 1000
        table = Table(client("dynamodb", within(seconds, attempts=2)), environment["TABLE_NAME"])
        campaigns = Campaigns(client("personalize-runtime", within(seconds)))
        guard = Guard(Known(Catalogues(table)))
        gc.freeze()  # The objects until now stay: the collector took up to 40 ms of a request to scan them.
        return cls(
            ServingMaps(table),
            ExportStore(table),
            Pages(table),
            PopularLists(table),
            campaigns,
            guard,
            Demand(table),
            StoredFilters(guard, met_by(table)),
        )

    def answer(
        self, group: str, route: Route, options: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The answer to a request, in the form for its caller. Raises RequestError, OutageError, and botocore's errors.

        `headers`: the request's, which may supply a part of its context.
        """

        def read() -> ReadRequest:
            content = self.maps.cached(group)
            automatic = context_of(content.get("context", {}), headers or {}, now())
            return read_request(group, content, route, options, automatic)

        request, details = read(), options.get("details")

        def ask(results: int) -> Answer:
            return self.guard.answer(request, details, results, lambda some: self._from_any_source(request, read, some))

        if "next" in route.options:
            about, token = (route.name, options.get("solution"), request.members, details), options.get("next")
            answer = self.pages.answer(group, about, token, request.results, request.max_results, ask)
            if token is not None:  # the list was kept: some of its items may have left meanwhile
                kept = answer
                answer = self.guard.answer(request, details, request.results, lambda _: kept)
        else:
            answer = ask(request.results)
        return {route.list_name if name == "itemList" else name: value for name, value in answer.items()}

    def _from_any_source(self, asked: ReadRequest, read: Callable[[], ReadRequest], results: int) -> Answer:
        """Answer by Personalize; from the stored answers if there is no campaign or it fails.

        `read`: reads the request by the present map; `results`: the length of the list.
        """
        request = asked.resized(results)
        if request.refusal:
            if answer := self._from_store(request):
                return answer
            for solution in request.idle:
                self.demand.note(request.group, solution)
            raise request.refused(self._why_no_stored(request))
        try:
            return self._from_personalize(request, lambda: read().resized(results))
        except OutageError as outage:
            about = {"Group": request.group, "Solution": request.solution, "Reason": outage.reason}
            if outage.open_seconds:
                put_metrics(Metrics({"BreakerOpenSeconds": outage.open_seconds}, about))
            if outage.__cause__:
                logger.warning(
                    "Personalize does not answer",
                    group=request.group,
                    solution=request.solution,
                    reason=outage.reason,
                    error=error_kind(outage.__cause__),
                )
            answer = self._from_store(request, is_outage=True)
            if not answer:
                outage.why_no_stored = self._why_no_stored(request)
                raise
            put_metrics(Metrics({"DegradedAnswers": 1}, about))
            ignored: Degraded = {"ignored": request.beyond_stored} if request.beyond_stored else {}
            return {**answer, "degraded": {"reason": outage.reason, **answer.get("degraded", {}), **ignored}}

    def _why_no_stored(self, request: ReadRequest) -> str:
        """The reason why a request with a filter gets no stored answer; empty without a filter."""
        return self.filters.why_none(request) if request.is_filtered else ""

    def _from_personalize(self, request: ReadRequest, read: Callable[[], ReadRequest]) -> Answer:
        """Answer by a call; by a second one if a resource is refused and a new map names another one.

        Personalize reports a missing campaign as not found, and one that is being deleted as invalid input.
        """
        try:
            return self._call(request)
        except (ClientError, OutageError) as error:
            if isinstance(error, OutageError) and error.reason != "NotFound":
                raise
            self.maps.forget(request.group)
            renewed = read()
            if renewed.refusal:
                raise OutageError("NotFound", 0.0) from error
            if renewed.call == request.call:
                raise
        return self._call(renewed)

    def _call(self, request: ReadRequest) -> Answer:
        route, (member, arn) = request.route, *request.served_by.items()
        output = self.campaigns.ask(route.operation, arn, route.list_name, request.call)
        source: Source = "recommender" if member == "recommenderArn" else "campaign"
        answer: Answer = {"itemList": output[route.list_name], "source": source, "solution": request.solution}
        if request.version:
            answer["solutionVersion"] = request.version
        if "recommendationId" in output:
            answer["recommendationId"] = output["recommendationId"]
        return answer

    def _from_store(self, request: ReadRequest, *, is_outage: bool = False) -> Answer | None:
        """The newest export for the subject, else the popular list; None if neither can answer.

        In an outage it ignores the options that stored answers can't apply, and the answer lists them as `ignored`.
        Otherwise, a request with such an option gets None.
        """
        if request.beyond_stored and not is_outage:
            return None
        try:
            for stored, made_with in self._stored(request, takes_popular=is_outage or request.takes_popular):
                if answer := self._passing(request, stored, made_with, is_outage=is_outage):
                    return answer
        except FAILURES as error:
            _warn_of_table(request, error)
        return None

    def _stored(self, request: ReadRequest, *, takes_popular: bool) -> Iterator[tuple[Answer, str]]:
        """The stored answers, best first, each with the ARN of its export's filter; empty if it has none."""
        try:
            for solution in request.exports:
                if output := self.exports.look_up(request.group, solution, request.subject):
                    answer: Answer = {"itemList": _item_list(output), "source": "export", "solution": solution}
                    yield answer, output.get("filterArn", "")
        except FAILURES as error:
            _warn_of_table(request, error)
        if takes_popular and (popular := self._from_popular(request)):
            yield popular, ""

    def _passing(self, request: ReadRequest, stored: Answer, made_with: str, *, is_outage: bool) -> Answer | None:
        """The requested number of a stored answer's items that pass the filter; None if none passes.

        `made_with`: the ARN of the stored answer's own filter, if it has one.
        """
        items = stored["itemList"]
        limit = request.results if "numResults" in request.route.options else len(items)
        if not request.is_filtered:
            return {**stored, "itemList": items[:limit]}
        passing, mark = self.filters.passing(request, items, limit, made_with)
        if not passing:
            return None
        answer: Answer = {**stored, "itemList": passing}
        return {**answer, "degraded": {"filter": mark}} if is_outage or mark == "strict" else answer

    def _from_popular(self, request: ReadRequest) -> Answer | None:
        """The popular list, or the given items in its order. None if there is no such list, or the route
        has no items.
        """
        try:
            popular = self.popular.cached(request.group)
        except (ClientError, BotoCoreError):
            popular = {}
        places = {item: place for place, item in enumerate(popular.get("items", ()))}
        if not places or request.route.name == "actions":
            return None
        if "inputList" in request.members:
            items = sorted(request.members["inputList"], key=lambda item: places.get(item, len(places)))
        else:
            items = [item for item in places if item != request.members.get("itemId")]
        answer: Answer = {
            "itemList": [{"itemId": item} for item in items],
            "source": "popular",
            "solution": popular["solution"],
        }
        if popular["version"]:
            answer["solutionVersion"] = popular["version"]
        return answer


def _warn_of_table(request: ReadRequest, error: Exception) -> None:
    logger.warning("The table does not answer", group=request.group, reason=error_kind(error))


def _item_list(output: Mapping[str, Any]) -> list[Listed]:
    """A batch job's output in the form of GetRecommendations."""
    items, scores = output["recommendedItems"], output.get("scores") or []
    scored: list[Listed] = [{"itemId": item, "score": score} for item, score in zip(items, scores, strict=False)]
    return scored + [{"itemId": item} for item in items[len(scored) :]]
