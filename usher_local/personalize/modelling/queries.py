"""Requests to a model, and the entries of its lists."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from usher.filters.expressions import Expression

DEFAULT_RESULTS = 25


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter with the request's values."""

    expression: Expression
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Promotion:
    """A share of the places for items that pass a filter of their own."""

    name: str | None
    percent: int
    filter: Filter | None


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a campaign, recommender or batch job for its lists."""

    exploration: float = 0.3
    """The rate of new items, 0 to 1."""
    age: float = 30.0
    """The maximum age of a new item, in days before the newest interaction."""
    influence: Mapping[str, float] = field(default_factory=dict)
    """Weights, 0 to 1, of POPULARITY and FRESHNESS."""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Settings":
        """The settings in a campaignConfig, recommenderConfig or batchInferenceJobConfig."""
        given = config.get("itemExplorationConfig", {})
        weight, age = given.get("explorationWeight", "0.3"), given.get("explorationItemAgeCutOff", "30.0")
        return cls(float(weight), float(age), config.get("rankingInfluence", {}))


@dataclass(frozen=True, slots=True)
class Request:
    """The user and item of a request, and the settings of its list."""

    user: str | None = None
    item: str | None = None
    results: int = DEFAULT_RESULTS
    filter: Filter | None = None
    promotion: Promotion | None = None
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True, slots=True)
class Entry:
    """One place in a list."""

    id: str
    score: float | None = None
    promotion: str | None = None
    reason: str | None = None
