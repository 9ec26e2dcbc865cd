"""The operations of the runtime API: find the campaign or recommender, its model and its filters, and predict."""

import uuid
from collections.abc import Iterator, Sequence

from usher_local.personalize.core.errors import InvalidInputError
from usher_local.personalize.core.request_checks import same_group
from usher_local.personalize.core.resources import Resource, Values
from usher_local.personalize.core.use_cases import use_case
from usher_local.personalize.data.datasets import GroupData
from usher_local.personalize.filters.checks import parse_filter
from usher_local.personalize.modelling import action_lists, item_lists
from usher_local.personalize.modelling.model import Model
from usher_local.personalize.modelling.model_store import ModelBackend
from usher_local.personalize.modelling.queries import DEFAULT_RESULTS, Entry, Filter, Promotion, Request, Settings
from usher_local.personalize.modelling.training_data import item_schema

MAX_RESULTS, MAX_WITH_METADATA = 500, 50
DEFAULT_ACTIONS, MAX_ACTIONS = 5, 100
MAX_COLUMNS = 10


def recommend(backend: ModelBackend, params: Values) -> Values:
    """GetRecommendations."""
    source, model = _source(backend, params)
    columns = _columns(backend, source, model, params)
    limit = MAX_WITH_METADATA if columns else MAX_RESULTS
    data, request = backend.data(source), _request(backend, source, params, DEFAULT_RESULTS, limit)
    entries = model.answer(item_lists.recommend(model, data, request))
    return {"itemList": list(_items(entries, data, columns))} | _id()


def rank(backend: ModelBackend, params: Values) -> Values:
    """GetPersonalizedRanking."""
    source, model = _source(backend, params)
    columns = _columns(backend, source, model, params)
    limit = MAX_WITH_METADATA if columns else MAX_RESULTS
    if not 0 < len(params["inputList"]) <= limit:
        raise InvalidInputError(f"inputList must have 1 to {limit} items, not {len(params['inputList'])}")
    data = backend.data(source)
    entries = model.answer(
        item_lists.rank(model, data, _request(backend, source, params, limit, limit), params["inputList"])
    )
    return {"personalizedRanking": list(_items(entries, data, columns))} | _id()


def recommend_actions(backend: ModelBackend, params: Values) -> Values:
    """GetActionRecommendations."""
    source, model = _source(backend, params)
    if "userId" not in params:
        raise InvalidInputError("userId is required")
    entries = action_lists.recommend_actions(
        model, backend.data(source), _request(backend, source, params, DEFAULT_ACTIONS, MAX_ACTIONS)
    )
    return {"actionList": [{"actionId": entry.id, "score": entry.score} for entry in entries]} | _id()


def _id() -> Values:
    return {"recommendationId": f"RID-{uuid.uuid4()}"}


def _source(backend: ModelBackend, params: Values) -> tuple[Resource, Model]:
    """The campaign or recommender of a request, and its model."""
    if ("campaignArn" in params) == ("recommenderArn" in params):
        raise InvalidInputError("Exactly one of campaignArn and recommenderArn is required")
    if "recommenderArn" in params:
        recommender = backend.active("Recommender", params["recommenderArn"])
        return recommender, backend.models.of(backend, recommender)
    campaign = backend.active("Campaign", params["campaignArn"])
    version = backend.get("SolutionVersion", campaign.values["solutionVersionArn"])
    return campaign, backend.models.of(backend, version)


def _config(source: Resource) -> Values:
    config: Values = source.values.get("campaignConfig") or source.values.get("recommenderConfig") or {}
    return config


def _request(backend: ModelBackend, source: Resource, params: Values, default: int, limit: int) -> Request:
    results = params.get("numResults") or default
    if results > limit:
        raise InvalidInputError(f"numResults must be at most {limit}, not {results}")
    promotions = params.get("promotions", [])
    return Request(
        params.get("userId"),
        params.get("itemId"),
        results,
        _filter(backend, source, params),
        _promotion(backend, source, promotions[0]) if promotions else None,
        Settings.of(_config(source)),
    )


def _filter(backend: ModelBackend, source: Resource, params: Values) -> Filter | None:
    if "filterArn" not in params:
        return None
    found = same_group(backend, params["filterArn"], source)
    return Filter(parse_filter(found.values["filterExpression"]), params.get("filterValues", {}))


def _promotion(backend: ModelBackend, source: Resource, raw: Values) -> Promotion:
    percent = raw.get("percentPromotedItems")
    if percent is None:
        raise InvalidInputError("percentPromotedItems is required for a promotion")
    return Promotion(raw.get("name"), percent, _filter(backend, source, raw))


def _columns(backend: ModelBackend, source: Resource, model: Model, params: Values) -> list[str]:
    """The item fields that the answer must have as metadata."""
    requested: dict[str, list[str]] = params.get("metadataColumns", {})
    columns = requested.get("ITEMS", [])
    if requested.keys() - {"ITEMS"}:
        raise InvalidInputError("metadataColumns can only name columns of ITEMS")
    if len(columns) > MAX_COLUMNS:
        raise InvalidInputError(f"metadataColumns must have at most {MAX_COLUMNS} columns, not {len(columns)}")
    if not columns:
        return []
    if not (use_case(model.recipe).explains or _config(source).get("enableMetadataWithRecommendations")):
        raise InvalidInputError(f"{source.arn} is not enabled to return metadata with recommendations")
    schema = item_schema(backend, source)
    unknown = [name for name in columns if schema is None or schema.field(name) is None]
    if unknown:
        raise InvalidInputError(f"The Items dataset has no columns {', '.join(unknown)}")
    return columns


def _items(entries: Sequence[Entry], data: GroupData, columns: Sequence[str]) -> Iterator[Values]:
    table = data.items.table
    for entry in entries:
        item: Values = {"itemId": entry.id}
        if entry.score is not None:
            item["score"] = entry.score
        if entry.promotion is not None:
            item["promotionName"] = entry.promotion
        if entry.reason is not None:
            item["reason"] = [entry.reason]
        if columns:
            cells = {name: table.cell(entry.id, name) for name in columns}
            item["metadata"] = {name: cell for name, cell in cells.items() if cell is not None}
        yield item
