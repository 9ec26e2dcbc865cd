"""The service's algorithms and feature transformations: their parameters, defaults and ranges."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from usher_local.personalize.core.recipes import RECIPES

REGISTRY = "personalize.amazonaws.com"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A hyperparameter: a number from `low` to `high`, or one of `values`. A search may set it if it is `tunable`."""

    default: str
    kind: str
    low: float = 0
    high: float = 0
    values: tuple[str, ...] = ()
    tunable: bool = True

    def range(self, name: str) -> dict[str, Any]:
        """The range in the form of HyperParameterRanges."""
        if self.kind == "categorical":
            return {"name": name, "values": list(self.values)}
        number = int if self.kind == "integer" else float
        return {"name": name, "minValue": number(self.low), "maxValue": number(self.high)}


def _integer(default: int, low: int, high: int, tunable: bool = True) -> Parameter:
    return Parameter(str(default), "integer", low, high, tunable=tunable)


def _flag(tunable: bool = True) -> Parameter:
    return Parameter("true", "categorical", values=("true", "false"), tunable=tunable)


Parameters = Mapping[str, Parameter]
_WINDOW: Parameters = {"bptt": _integer(32, 2, 32), "recency_mask": _flag()}
_SEQUENCE: Parameters = {"hidden_dimension": _integer(149, 32, 256), **_WINDOW}
_HRNN: Parameters = {"hidden_dimension": _integer(43, 32, 256), **_WINDOW}
_SECOND: Parameters = {"apply_recency_bias": _flag(tunable=False)}
_SEGMENT: Parameters = {"hidden_dimension": _integer(149, 32, 256, tunable=False)}
PARAMETERS: Mapping[str, Parameters] = {
    "aws-user-personalization-v2": _SECOND,
    "aws-personalized-ranking-v2": _SECOND,
    "aws-user-personalization": _SEQUENCE,
    "aws-personalized-ranking": _SEQUENCE,
    "aws-hrnn": _HRNN,
    "aws-hrnn-metadata": _HRNN,
    "aws-hrnn-coldstart": _SEQUENCE,
    "aws-similar-items": {
        "popularity_discount_factor": Parameter("0.0", "continuous", 0, 1),
        "item_id_hidden_dim": _integer(100, 30, 200),
        "item_metadata_hidden_dim": _integer(100, 30, 200),
    },
    "aws-sims": {
        "popularity_discount_factor": Parameter("0.5", "continuous", 0, 1),
        "min_cointeraction_count": _integer(3, 0, 10),
    },
    "aws-next-best-action": {"action_optimization_period": _integer(14, 7, 28, tunable=False)},
    "aws-item-affinity": _SEGMENT,
    "aws-item-attribute-affinity": _SEGMENT,
}
"""The parameters of each algorithm; one without a row has none."""

TRANSFORMATIONS: Mapping[str, Mapping[str, str]] = {
    "JSON-percentile-filtering": {
        "min_user_history_length_percentile": "0.0",
        "max_user_history_length_percentile": "0.99",
    },
    "aws-user-personalization": {
        "min_user_history_length_percentile": "0.0",
        "max_user_history_length_percentile": "0.99",
    },
    "aws-sims": {
        "min_user_history_length_percentile": "0.005",
        "max_user_history_length_percentile": "0.995",
        "min_item_interaction_count_percentile": "0.01",
        "max_item_interaction_count_percentile": "0.9",
    },
    "aws-trending-now": {"trend_discovery_frequency": "2 hours"},
    "featurize_coldstart": {
        "cold_start_max_interactions": "15",
        "cold_start_max_duration": "5.0",
        "cold_start_relative_from": "latestItem",
    },
}
"""The default parameters of each feature transformation; one without a row has none."""


def ranges(algorithm: str) -> dict[str, list[dict[str, Any]]]:
    """The ranges of a search by default, in the members of `HyperParameterRanges`."""
    found = _ranges(PARAMETERS.get(algorithm, {}))
    return {kind: [r for r in rows if r.pop("isTunable")] for kind, rows in found.items()}


def _ranges(parameters: Parameters) -> dict[str, list[dict[str, Any]]]:
    return {
        f"{kind}HyperParameterRanges": [
            p.range(name) | {"isTunable": p.tunable} for name, p in parameters.items() if p.kind == kind
        ]
        for kind in ("integer", "continuous", "categorical")
    }


def algorithms() -> Iterator[dict[str, Any]]:
    """The members of DescribeAlgorithm for each algorithm."""
    for arn in sorted({recipe.values["algorithmArn"] for recipe in RECIPES}):
        name = arn.rsplit("/", 1)[1]
        parameters = PARAMETERS.get(name, {})
        yield {
            "name": name,
            "algorithmArn": arn,
            "algorithmImage": {"name": name, "dockerURI": f"{REGISTRY}/{name}:latest"},
            "defaultHyperParameters": {key: parameter.default for key, parameter in parameters.items()},
            "defaultHyperParameterRanges": _ranges(parameters),
            "defaultResourceConfig": {"maxNumberOfTrainingJobs": "40", "maxParallelTrainingJobs": "10"},
            "trainingInputMode": "File",
        }


def transformations() -> Iterator[dict[str, Any]]:
    """The members of DescribeFeatureTransformation for each transformation."""
    for arn in sorted({recipe.values["featureTransformationArn"] for recipe in RECIPES}):
        name = arn.rsplit("/", 1)[1]
        yield {"name": name, "featureTransformationArn": arn, "defaultParameters": dict(TRANSFORMATIONS.get(name, {}))}
