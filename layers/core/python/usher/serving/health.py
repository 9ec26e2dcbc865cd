"""The health of the sources of answers, as this process knows it, without ARNs."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from usher.serving.breaker import Breakers
from usher.serving.catalogue_check import FAILURES
from usher.serving.popular_lists import PopularList
from usher.serving.reading import Reader
from usher.serving.serving_map import Entry, ServingMap, answering


def group_health(reader: Reader, group: str) -> dict[str, Any]:
    """The health of a group's sources. Raises RequestError for an unknown group, and botocore's errors
    without a map.
    """
    content = reader.maps.cached(group)
    solutions = _solutions(content, reader.campaigns.breakers)
    try:
        popular = reader.popular.cached(group)
    except (BotoCoreError, ClientError):
        popular = PopularList()
    return {
        "status": _status(solutions.values()),
        "mapAgeSeconds": round(reader.maps.copies.age(group) or 0.0, 1),
        "solutions": solutions,
        "exports": [name for name, spec in content.get("exports", {}).items() if spec.get("table")],
        "popular": {**popular, "items": len(popular.get("items", ()))},
        "filters": _filters(reader, group, content),
    }


def _filters(reader: Reader, group: str, content: ServingMap) -> dict[str, list[str]]:
    """The fields of each filter that are unknown for stored answers; without filters that are wholly unknown."""
    rules = {name: content.get("filterRules", {}).get(arn) for name, arn in content.get("filters", {}).items()}
    try:
        return {name: reader.filters.unknown_fields(group, one) for name, one in rules.items() if one is not None}
    except FAILURES:
        return {}


def all_health(reader: Reader) -> dict[str, Any]:
    """The health of the groups in this process's cache, without their names.

    Raises botocore's errors if the table does not answer.
    """
    reader.maps.groups()
    breakers = reader.campaigns.breakers
    answers = [one for content in reader.maps.copies.contents() for one in _solutions(content, breakers).values()]
    return {"status": _status(answers), "breakers": Counter(one["breaker"] for one in answers if "breaker" in one)}


def _status(answers: Iterable[Mapping[str, Any]]) -> str:
    return "ok" if all(one.get("breaker", "closed") == "closed" for one in answers) else "degraded"


def _solutions(content: ServingMap, breakers: Breakers) -> dict[str, dict[str, Any]]:
    """The sources of answers of each solution or recommender, and the state of its breaker."""
    entries: dict[str, Entry] = {**content.get("solutions", {}), **content.get("recommenders", {})}
    return {name: _answering(entry, breakers) for name, entry in entries.items()}


def _answering(entry: Entry, breakers: Breakers) -> dict[str, Any]:
    arn = answering(entry)
    if not arn:
        return {"source": "export"}
    state, reason = breakers.state(arn), breakers.reason(arn)
    return {
        "source": "campaign" if entry.get("campaignArn") else "recommender",
        **({"answeredBy": entry["answeredBy"]} if "answeredBy" in entry else {}),
        "breaker": state,
        **({"reason": reason} if reason else {}),
        **({"retryAfterSeconds": round(breakers.seconds_until_call(arn), 1)} if state == "open" else {}),
    }
