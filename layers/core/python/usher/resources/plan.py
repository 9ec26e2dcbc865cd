"""A run's plan: what `reconcile` carries out, and what the steps after it need to know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from usher.resources.kinds import Resource
from usher.resources.unmanaged import Unmanaged


@dataclass(frozen=True, slots=True)
class Plan:
    """The content of plan.json. The runs of the pipeline, exports and evaluations have one each."""

    group: str
    """The name of the dataset group. An evaluation has one of its own, whose name is not that of its folder."""
    resources: Sequence[Resource] = ()
    """The desired resources, each after those that it needs."""
    known_failures: Mapping[str, str] = field(default_factory=dict)
    """By ARN, the failures that existed before the run (decisions.failure_id). They are retried once."""
    expected_seconds: Mapping[str, float] = field(default_factory=dict)
    """By resource id, how long it took last time."""
    to_delete: Sequence[Unmanaged] = ()
    """What is deleted once the API no longer answers through it, in this order."""
    removal: bool = False
    """Whether the whole group is removed."""
    solutions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By name, what the serving map needs: `recipe`, its `type`, whether there is a `campaign` and `metadata`."""
    recommenders: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By name, the `recipe` of the use case, and its `type`."""
    context: Mapping[str, str] = field(default_factory=dict)
    """By field, what each request supplies of it by itself (usher.serving.automatic_context)."""
    filters: Sequence[str] = ()
    """The names of the filters that requests may use."""
    filter_rules: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """By name of a filter, what it says (usher.filters.compiled.Rules)."""
    exports: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By solution, the settings of its export, for the serving map."""
    events: Mapping[str, Any] = field(default_factory=dict)
    """What events are checked by, for the serving map (EventRules)."""
    export: Mapping[str, Any] | None = None
    """Of an export's run: what it exports (export_job.Facts)."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of an evaluation's run: its options."""
    contenders: Sequence[Mapping[str, Any]] = ()
    """Of an evaluation's run: the models that are compared."""
    files: Sequence[str] = ()
    """Of an evaluation's run: the keys of the interactions that are split."""
    header: Sequence[str] = ()
    """Of an evaluation's run: the columns of the interactions."""
