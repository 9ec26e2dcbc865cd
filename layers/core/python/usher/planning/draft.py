"""The draft of a run: the plan and its findings, before any change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from usher.catalogue.load_plan import LoadPlan
from usher.config.model import Config
from usher.costs.calculation import NO_DATA, Size
from usher.costs.ceilings import Estimate
from usher.datasets.reading import Source
from usher.resources.decisions import UNCHANGING
from usher.resources.plan import Plan
from usher.resources.states import State
from usher.resources.unmanaged import Unmanaged


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plan, and the results of its dry run."""

    plan: Plan
    states: Sequence[State]
    """The states of the plan's resources."""
    unmanaged: Sequence[Unmanaged]
    """The existing resources that are not desired."""
    training_hours: Mapping[str, float]
    """The training hours of the dry run (DryRun)."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The draft of a run: its plan, and the members that the plan adds to the run's record."""

    findings: Mapping[str, Any]
    """Members of the run's record (run_record.RunChanges), not yet as JSON."""
    plan: Plan | None = None
    """None if there is nothing to plan with."""
    sources: Mapping[str, Source] = field(default_factory=dict)
    """The files that each import reads (Inputs.sources)."""
    size: Size = NO_DATA
    """The size of the data, and of the input of jobs and exports."""
    estimate: Estimate | None = None
    load: LoadPlan | None = None
    """The load into the table; None if it is up to date."""
    config: Config | None = None
    """None if there is nothing to plan with."""

    @property
    def states(self) -> Sequence[State]:
        """The states of the desired resources after the dry run."""
        states: Sequence[State] = self.findings.get("resources", [])
        return states

    @property
    def is_work(self) -> bool:
        """Whether the run would change anything."""
        has_deletions = self.plan is not None and (bool(self.plan.to_delete) or self.plan.removal)
        return bool(self.load) or has_deletions or any(state.action not in UNCHANGING for state in self.states)

    @property
    def imports_data(self) -> bool:
        """Whether the run would import anything, or data waits for its schedule."""
        return any(state.id.startswith("dataset_import_job/") and state.action != "reuse" for state in self.states)
