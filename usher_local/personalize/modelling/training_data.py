"""The training data of a model: the events that count, their weights, and the labels of items."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from usher_local.personalize.core.errors import JobFailedError
from usher_local.personalize.core.recipes import ACTIONS, BY_ARN
from usher_local.personalize.core.resources import Backend, Resource, Values
from usher_local.personalize.core.schemas import Field, Schema, parse_schema
from usher_local.personalize.core.use_cases import use_case
from usher_local.personalize.data.backend import DataBackend
from usher_local.personalize.data.datasets import Column, GroupData
from usher_local.personalize.data.interactions import in_order
from usher_local.personalize.modelling.candidates import feature_fields, labels
from usher_local.recommenders.base import Interactions

MIN_INTERACTIONS = 1000
MIN_USERS = 25
MIN_EVENTS = 2
TAKEN = "taken"
NO_ATTRIBUTE = (
    "Did not find any attribute to train on. There may not be any attribute in the items dataset, or all attribute "
    "values either have same or all distinct values."
)
"""The service's words: https://github.com/aws-samples/retail-demo-store/issues/393."""


@dataclass(frozen=True, slots=True)
class EventRule:
    """The weight of events of a type whose value reaches the threshold."""

    threshold: float = -np.inf
    weight: float = 1.0


def prepare_interactions(backend: DataBackend, resource: Resource) -> Interactions:
    """The training data of a solution version or recommender. JobFailedError if it is too small."""
    data, values = backend.data(resource), resource.values
    recipe = BY_ARN[values["recipeArn"]]
    if recipe.type == ACTIONS:
        return _answers(data)
    rules = event_rules(values)
    events = data.interactions.frame()
    weights = _weights(rules, events)
    if rules:
        events, weights = events[weights > 0], weights[weights > 0]
    about_texts = recipe.name == "aws-semantic-similarity"
    if not about_texts:
        check_enough(events, values.get("eventType") or use_case(recipe).learns or " or ".join(rules))
    schema = item_schema(backend, resource)
    items = data.items.table
    features = feature_fields_of(values, schema)
    if recipe.name == "aws-item-attribute-affinity" and not any(
        _groups_items(items.column(field.name)) for field in features if items.has(field.name)
    ):
        raise JobFailedError(NO_ATTRIBUTE)
    learnt = _interactions(events, weights, items.index if about_texts else ())
    row = [items.index.get(item, -1) for item in learnt.item_ids]
    item_labels = [*labels(items, features), []]
    learnt = replace(learnt, labels=[item_labels[position] for position in row])
    textual = next((field.name for field in (schema.fields if schema else ()) if field.textual), None)
    if about_texts and (textual is None or not items.index):
        raise JobFailedError("The recipe aws-semantic-similarity needs an Items dataset with a textual field and data.")
    if textual is None or not about_texts:
        return learnt
    texts = [*items.column(textual).cells, None]
    return replace(learnt, texts=[texts[position] or "" for position in row])


def _groups_items(attribute: Column) -> bool:
    """Whether an attribute has several values, one of which several items share."""
    items = Counter(value for cell in attribute.cells if cell is not None for value in {*str(cell).split("|")})
    return len(items) > 1 and max(items.values()) > 1


def _interactions(events: pd.DataFrame, weights: NDArray[np.float32], known: Iterable[str]) -> Interactions:
    """The interactions, without a text per event: for twenty million, these alone would take gigabytes."""
    user, user_ids = _numbered(events["USER_ID"], ())
    item, item_ids = _numbered(events["ITEM_ID"], known)
    timestamp = events["TIMESTAMP"].to_numpy()
    order = slice(None) if in_order(user, timestamp) else np.lexsort((timestamp, user))
    return Interactions(user[order], item[order], timestamp[order], user_ids, item_ids, weights[order])


def _numbered(column: "pd.Series[str]", known: Iterable[str]) -> tuple[NDArray[np.int32], list[str]]:
    """The number of each row's name (n,), and the names in alphabetical order: the categories in use, and `known`."""
    codes, categories = column.cat.codes.to_numpy(), column.cat.categories.to_numpy()
    used = np.bincount(codes, minlength=len(categories)) > 0
    names = sorted({*categories[used].tolist(), *known})
    number = {name: index for index, name in enumerate(names)}
    numbers = np.array([number.get(name, -1) for name in categories.tolist()], np.int32)
    return numbers[codes], names


def _answers(data: GroupData) -> Interactions:
    """The interactions with actions, with weight 1 for taken ones."""
    actions = data.actions.table.index
    if not actions:
        raise JobFailedError("The recipe aws-next-best-action needs an Actions dataset with data.")
    events = data.action_interactions.frame()
    return _interactions(events, (events["EVENT_TYPE"].str.lower() == TAKEN).to_numpy().astype(np.float32), actions)


def event_rules(values: Values) -> dict[str, EventRule]:
    """The rules of the events that count for a solution or recommender, by type in lower case; empty: all count."""
    config: Values = values.get("solutionConfig", {})
    configured = config.get("eventsConfig", {}).get("eventParametersList", [])
    if configured:
        mean = float(np.mean([row.get("weight", 1.0) for row in configured])) or 1.0
        return {
            row["eventType"].lower(): EventRule(row.get("eventValueThreshold", -np.inf), row.get("weight", 1.0) / mean)
            for row in configured
            if "eventType" in row
        }
    kind = values.get("eventType") or use_case(BY_ARN[values["recipeArn"]]).learns
    return {kind.lower(): EventRule(float(config.get("eventValueThreshold", "-inf")))} if kind else {}


def weigh(
    rules: Mapping[str, EventRule], types: Sequence[str | None], amounts: Sequence[float | None]
) -> NDArray[np.float32]:
    """The weights (n,) of events, given by type and value; 0 for those that do not count."""
    if not rules:
        return np.ones(len(types), np.float32)
    nothing = EventRule(weight=0)

    def weight(kind: str | None, amount: float | None) -> float:
        rule = rules.get(kind.lower() if isinstance(kind, str) else "", nothing)
        # No number is at least NaN, the value of an event without one.
        reached = rule.threshold == -np.inf or (amount is not None and amount >= rule.threshold)
        return rule.weight if reached else 0.0

    return np.fromiter(map(weight, types, amounts), np.float32, len(types))


def _weights(rules: Mapping[str, EventRule], events: pd.DataFrame) -> NDArray[np.float32]:
    """The weights of very many events, computed type by type."""
    if not rules:
        return np.ones(len(events), np.float32)
    types, values = events["EVENT_TYPE"].cat, events["EVENT_VALUE"].to_numpy()
    weights = np.zeros(len(events), np.float32)
    for code, kind in enumerate(types.categories):
        rule = rules.get(kind.lower())
        if rule:
            enough = (values >= rule.threshold) | (rule.threshold == -np.inf)
            weights[(types.codes == code).to_numpy() & enough] = rule.weight
    return weights


def check_enough(events: pd.DataFrame, event_type: str) -> None:
    """Raise JobFailedError, in the service's words, if there are too few events or users."""
    if len(events) < MIN_INTERACTIONS:
        after = f" after filtering by event type: {event_type}" if event_type else ""
        raise JobFailedError(f"Dataset has fewer than {MIN_INTERACTIONS} interactions{after}")
    if int((np.bincount(events["USER_ID"].cat.codes) >= MIN_EVENTS).sum()) < MIN_USERS:
        raise JobFailedError(f"Dataset has fewer than {MIN_USERS} users with at least {MIN_EVENTS} interactions each.")


def item_schema(backend: Backend, resource: Resource) -> Schema | None:
    """The schema of the items in a resource's group, or None."""
    found = backend.find("Dataset", backend.group_of(resource), datasetType="ITEMS")
    return parse_schema(backend.get("Schema", found[0].values["schemaArn"]).values["schema"]) if found else None


def feature_fields_of(values: Values, schema: Schema | None) -> list[Field]:
    """The item fields that a solution or recommender uses, by its trainingDataConfig."""
    config = (values.get("solutionConfig") or values.get("recommenderConfig") or {}).get("trainingDataConfig", {})
    named = ({name.upper(): columns for name, columns in config.get(f"{kind}DatasetColumns", {}).items()}
             for kind in ("excluded", "included"))  # fmt: skip
    excluded, included = (one.get("ITEMS", []) for one in named)
    return feature_fields(schema, excluded, included)
