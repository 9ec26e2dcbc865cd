"""A run's plan: the resources for `reconcile`, and the facts for the steps after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from usher.resources.kinds import Resource
from usher.resources.unmanaged import Unmanaged


@dataclass(frozen=True, slots=True)
class Plan:
    """The content of plan.json. The runs of the pipeline, exports and evaluations have one each."""

    group: str
    """The name of the dataset group. An evaluation's own one differs from its folder's name."""
    resources: Sequence[Resource] = ()
    """The desired resources, each after those that it needs."""
    known_failures: Mapping[str, str] = field(default_factory=dict)
    """The failures that existed before the run (decisions.failure_id), by ARN. They are retried once."""
    expected_seconds: Mapping[str, float] = field(default_factory=dict)
    """The last duration of each resource, by id."""
    to_delete: Sequence[Unmanaged] = ()
    """The resources to delete, in this order, once the API no longer answers through them."""
    removal: bool = False
    """Whether the whole group is removed."""
    solutions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The serving map's facts by solution: `recipe`, its `type`, whether there is a `campaign` and `metadata`."""
    recommenders: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The `recipe` of the use case, and its `type`, by recommender."""
    context: Mapping[str, str] = field(default_factory=dict)
    """The source of each context field that requests supply automatically (usher.serving.automatic_context)."""
    filters: Sequence[str] = ()
    """The names of the filters that requests may use."""
    filter_rules: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """The compiled filters by name (usher.filters.compiled.Rules)."""
    exports: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The settings of each solution's export, for the serving map."""
    events: Mapping[str, Any] = field(default_factory=dict)
    """The rules for checking events, for the serving map (EventRules)."""
    export: Mapping[str, Any] | None = None
    """The contents of an export's run (export_job.Facts)."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The options of an evaluation's run."""
    contenders: Sequence[Mapping[str, Any]] = ()
    """The compared models of an evaluation's run."""
    files: Sequence[str] = ()
    """The keys of the interactions that an evaluation's run splits."""
    header: Sequence[str] = ()
    """The columns of an evaluation's interactions."""
