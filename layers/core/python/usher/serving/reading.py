"""The steps of a read, from top to bottom: its request, a page of its list, the available items, and their source.

The source is the campaign or recommender, else the newest export for the subject, else the group's popular list.
"""

import gc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
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
from usher.serving.catalogue_check import FAILURES, CatalogueCheck, details_of, sizes_to_ask, without_catalogue
from usher.serving.demand import Demand
from usher.serving.export_store import ExportStore
from usher.serving.pages import Pages
from usher.serving.popular_lists import PopularLists
from usher.serving.requests import ReadRequest, read_request
from usher.serving.serving_map import ServingMaps
from usher.serving.stored_filters import Met, StoredFilters
from usher.storage.table import Table

logger = Logger()


@dataclass(frozen=True, slots=True)
class Reader:
    """Answers reads."""

    maps: ServingMaps
    exports: ExportStore
    pages: Pages
    popular: PopularLists
    campaigns: Campaigns
    catalogue: CatalogueCheck
    demand: Demand
    filters: StoredFilters

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], met_by: Callable[[Table], Met]) -> Self:
        """The reader of a function. No call takes longer than PERSONALIZE_MILLISECONDS.

        `met_by`: makes the function that reads the items of a user's events from the table.
        """
        seconds = float(environment["PERSONALIZE_MILLISECONDS"]) / 1000
        table = Table(client("dynamodb", within(seconds, attempts=2)), environment["TABLE_NAME"])
        lists = ExportStore(table), Pages(table), PopularLists(table)
        campaigns = Campaigns(client("personalize-runtime", within(seconds)))
        catalogue = CatalogueCheck(Known(Catalogues(table)))
        filters = StoredFilters(catalogue, met_by(table))
        gc.freeze()  # The objects until now stay: the collector took up to 40 ms of a request to scan them.
        return cls(ServingMaps(table), *lists, campaigns, catalogue, Demand(table), filters)

    def answer(
        self, group: str, route: Route, options: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The answer to a request, in the form for its caller. Raises RequestError, OutageError, and botocore's errors.

        `headers`: the request's, which may supply a part of its context.
        """
        request = self._request(group, route, options, headers or {})
        answer = self._page(request) if "next" in route.options else self._list(request, request.results)
        return {route.list_name if name == "itemList" else name: value for name, value in answer.items()}

    def _request(self, group: str, route: Route, options: Mapping[str, Any], headers: Mapping[str, str]) -> ReadRequest:
        """The checked request, by the group's present map."""
        content = self.maps.cached(group)
        automatic = context_of(content.get("context", {}), headers, now())
        return replace(read_request(group, content, route, options, automatic), headers=headers)

    def _page(self, request: ReadRequest) -> Answer:
        """The first part of a list, or the part that `next` names."""
        solution, details, token = map(request.options.get, ("solution", "details", "next"))
        about = request.route.name, solution, request.members, details
        ask = partial(self._list, request)
        answer = self.pages.answer(request.group, about, token, request.results, request.max_results, ask)
        # A later part was kept: some of its items may have left the catalogue meanwhile.
        return self._list(request, request.results, kept=answer) if token is not None else answer

    def _list(self, request: ReadRequest, results: int, kept: Answer | None = None) -> Answer:
        """The requested number of available items, with their details, if a source has so many.

        `kept`: a former answer to check again; None: ask a source. Raises RequestError for details that the catalogue
        does not have.
        """
        try:
            facts = self.catalogue.facts(request.group)
        except FAILURES as error:
            return without_catalogue(request.group, kept or self._from_any_source(request.resized(results)), error)
        columns = details_of(request.options.get("details"), facts)
        for size in sizes_to_ask(request, results, facts):
            given = kept or self._from_any_source(request.resized(size))
            answer = self.catalogue.available(request.group, given, facts, columns)
            if len(answer["itemList"]) >= results or len(given["itemList"]) < size:
                break
        return self.catalogue.mark_unknown(request, {**answer, "itemList": answer["itemList"][:results]}, facts)

    def _from_any_source(self, request: ReadRequest) -> Answer:
        """Answer by Personalize; from the stored answers if there is no campaign or it fails."""
        if request.refusal:
            if answer := self._from_store(request):
                return answer
            for solution in request.idle:
                self.demand.note(request.group, solution)
            raise request.refused(self.filters.why_none(request))
        try:
            return self._from_personalize(request)
        except OutageError as outage:
            return self._from_store_in(outage, request)

    def _from_personalize(self, request: ReadRequest) -> Answer:
        """Answer by a call; by a second one if a resource is refused and a new map names another one.

        Personalize reports a missing campaign as not found, and one that is being deleted as invalid input.
        """
        try:
            return self._call(request)
        except (ClientError, OutageError) as error:
            if isinstance(error, OutageError) and error.reason != "NotFound":
                raise
            self.maps.forget(request.group)
            again = self._request(request.group, request.route, request.options, request.headers)
            renewed = again.resized(request.results)
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

    def _from_store_in(self, outage: OutageError, request: ReadRequest) -> Answer:
        """Answer from the stored answers during an outage. Raises the outage if none can answer."""
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
            outage.why_no_stored = self.filters.why_none(request)
            raise outage
        put_metrics(Metrics({"DegradedAnswers": 1}, about))
        ignored: Degraded = {"ignored": request.beyond_stored} if request.beyond_stored else {}
        return {**answer, "degraded": {"reason": outage.reason, **answer.get("degraded", {}), **ignored}}

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
        if not request.is_filtered:
            return {**stored, "itemList": items[: request.results]}
        passing, mark = self.filters.passing(request, items, request.results, made_with)
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
