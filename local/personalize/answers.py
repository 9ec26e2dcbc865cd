"""The operations of the runtime: find the campaign, its model and its filter, and ask."""

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from local.personalize.checks import same_group
from local.personalize.exceptions import InvalidInputError
from local.personalize.filters import parse
from local.personalize.recipes import BY_ARN
from local.personalize.serving import DEFAULT_RESULTS, Answer, Filter, Model

if TYPE_CHECKING:
    from local.personalize.models import PersonalizeBackend
    from local.personalize.resources import Resource, Values

MAX_RESULTS = 500


def recommend(backend: "PersonalizeBackend", params: "Values") -> "Values":
    """GetRecommendations."""
    if ("campaignArn" in params) == ("recommenderArn" in params):
        raise InvalidInputError("Exactly one of campaignArn and recommenderArn is required")
    if "recommenderArn" in params:
        backend.active("Recommender", params["recommenderArn"])
    campaign, model = _campaign(backend, params["campaignArn"])
    results = params.get("numResults") or DEFAULT_RESULTS
    if results > MAX_RESULTS:
        raise InvalidInputError(f"numResults must be at most {MAX_RESULTS}, not {results}")
    user, item = params.get("userId"), params.get("itemId")
    answer = model.recommend(backend.data(campaign), user, item, results, _filter(backend, campaign, params))
    return {"itemList": list(_entries(answer)), "recommendationId": f"RID-{uuid.uuid4()}"}


def rank(backend: "PersonalizeBackend", params: "Values") -> "Values":
    """GetPersonalizedRanking."""
    campaign, model = _campaign(backend, params["campaignArn"])
    if not 0 < len(params["inputList"]) <= MAX_RESULTS:
        raise InvalidInputError(f"inputList must have 1 to {MAX_RESULTS} items, not {len(params['inputList'])}")
    filtered = _filter(backend, campaign, params)
    answer = model.rank(backend.data(campaign), params["userId"], params["inputList"], filtered)
    return {"personalizedRanking": list(_entries(answer)), "recommendationId": f"RID-{uuid.uuid4()}"}


def _campaign(backend: "PersonalizeBackend", arn: str) -> "tuple[Resource, Model]":
    campaign = backend.active("Campaign", arn)
    version = backend.get("SolutionVersion", campaign.values["solutionVersionArn"])
    return campaign, backend.models.of(version, BY_ARN[version.values["recipeArn"]])


def _filter(backend: "PersonalizeBackend", campaign: "Resource", params: "Values") -> Filter | None:
    if "filterArn" not in params:
        return None
    found = same_group(backend, params["filterArn"], campaign)
    return Filter(parse(found.values["filterExpression"]), params.get("filterValues", {}))


def _entries(answer: Answer) -> "Iterator[Values]":
    if answer.scores is None:
        yield from ({"itemId": item} for item in answer.items)
    else:
        for item, score in zip(answer.items, answer.scores, strict=True):
            yield {"itemId": item, "score": score}
