"""Drafts a run: loads the inputs, derives the desired resources, compares them with the existing ones, and prices the
rest.

Nothing here changes anything in Personalize.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from usher.aws import now
from usher.config.model import Recommender, Solution
from usher.costs.budgets import budget_notes, month_record
from usher.costs.calculation import estimate_plan
from usher.costs.ceilings import AboveCeilingError, Ceilings
from usher.costs.ledger import Past
from usher.datasets.read_limits import LIMITS, ReadLimits
from usher.errors import Problem
from usher.planning.adoption import desired_with_adopted, unused_schemas
from usher.planning.cost_advice import cost_advice
from usher.planning.desired import desired_serving, recipe_arn, schedule_resource
from usher.planning.draft import Draft, Proposal
from usher.planning.estimate import Estimator, PlanCosts
from usher.planning.event_rules import event_rules
from usher.planning.filter_rules import filter_rules
from usher.planning.idle_campaigns import without_idle
from usher.planning.inputs import Inputs, load_inputs, recipe_type
from usher.planning.misplaced_files import check_group_name, ignored_files
from usher.planning.pins import Pin, live_versions, with_pins
from usher.planning.quota_check import count_existing, with_room
from usher.planning.removal import draft_removal
from usher.planning.route_notes import route_notes
from usher.planning.scheduled_imports import without_waiting_data
from usher.planning.table_load import table_load
from usher.planning.tasks import RequestedTasks
from usher.recipes import POPULARITY
from usher.resources.gate import with_gates
from usher.resources.inventory import Inventory
from usher.resources.kinds import Resource
from usher.resources.ownership import check_group
from usher.resources.plan import Plan
from usher.resources.reconcile import dry_run
from usher.resources.states import State
from usher.resources.target import Target
from usher.resources.unmanaged import REPLACED, Unmanaged, find_unmanaged
from usher.run_record import TableEstimate
from usher.serving.serving_map import ServingMap
from usher.storage.bucket import Bucket

RESUME = "resume"
"""The name of the schedule that starts the next run when postponed trainings are allowed (min_retrain_interval)."""
NOTHING_TO_DO = "Nothing to do until there is {0}/interactions.csv or {0}/interactions/*.csv."
DEFAULTS, NOTHING_YET = Ceilings(), Past()
ResolvePins = Callable[[Sequence[Resource], Mapping[str, str]], tuple[Mapping[str, Pin], Sequence[Problem]]]
"""The pins that hold for desired resources, and problems (Pins.resolve), given each solution's live version."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Drafts a run of a group from its files, the existing resources and the requested tasks."""

    bucket: Bucket
    target: Target
    inventory: Inventory
    serving: ServingMap
    """The group's serving map."""
    tasks: RequestedTasks = field(default_factory=dict)
    resolve_pins: ResolvePins = lambda _desired, _live: ({}, ())
    retry_failed: bool = True
    """Whether the run rebuilds resources that failed before it."""
    ceilings: Ceilings = DEFAULTS
    past: Past = NOTHING_YET
    """The group's spending."""
    limits: ReadLimits = LIMITS

    def draft(self) -> Draft:
        """Draft a run as of now.

        Raises InputError for a config or data that can't be used, and AboveCeilingError for costs above a ceiling.
        """
        bucket, target, inventory = self.bucket, self.target, self.inventory
        check_group_name(target.group)
        if "remove" in self.tasks:
            return draft_removal(bucket, target, inventory, self.past)
        ignored = list(ignored_files([file.key for file in bucket.files_of(target.group)]))
        loaded = load_inputs(bucket, target.group, inventory, target.arn_prefix, self.limits)
        if loaded is None:
            return Draft({"note": NOTHING_TO_DO.format(target.group), "notes": ignored})
        if above := self.ceilings.check(loaded.config):
            raise AboveCeilingError(above, loaded.report)
        load = table_load(bucket, target.group, loaded)
        config, gone, idle_notes = without_idle(bucket, target.group, loaded.config, self.tasks)
        inputs = without_waiting_data(inventory, target, replace(loaded, config=config), self.tasks)

        desired, pins, problems = self._desired(inputs)
        possible = self._with_room(self._compared(inputs, desired, gone))
        past = replace(self.past, budget=config.budget)
        estimator = Estimator(bucket, inventory, target, inputs, self.ceilings, past)
        proposal, costs, export_notes = _within_ceilings(estimator, possible)

        plan, states = proposal.plan, proposal.states
        notes = [
            *inputs.notes,
            *ignored,
            *load.notes,
            *idle_notes,
            *unused_schemas(inventory, target, config, desired),
            *route_notes(plan, states, self.serving),
            *estimator.notes,
            *export_notes,
            *cost_advice(config, desired, costs.existing, past.traffic),
            *budget_notes(target.group, month_record(past, costs.monthly_now, now())),
        ]
        findings = {
            "notes": notes,
            "data": inputs.report,
            "resources": states,
            **_cost_findings(estimator, plan, states, costs, load.estimate),
            "pins": pins,
            **({"problems": problems} if problems else {}),
            "unmanaged": [
                {"id": one.id, "arn": one.arn, "reason": one.reason, "deleted": one.delete}
                for one in proposal.unmanaged
            ],
        }
        return Draft(findings, plan, inputs.sources, costs.size, costs.estimate, load.plan, config)

    def _desired(self, inputs: Inputs) -> tuple[list[Resource], Mapping[str, Pin], Sequence[Problem]]:
        """The desired resources, with their gates and pins; the pins, and the problems of those that can't hold."""
        desired = desired_with_adopted(self.inventory, self.target, inputs, self.tasks)
        check_group(self.inventory, desired[0], self.target.group)
        live = live_versions(self.serving)
        pins, problems = self.resolve_pins(desired, live)
        solutions = inputs.config.solutions
        popularity = next((one.name for one in solutions if one.recipe == POPULARITY), "")
        rules = {one.name: one.gate for one in solutions}
        return with_gates(with_pins(desired, pins), rules, live, popularity), pins, problems

    def _compared(self, inputs: Inputs, desired: Sequence[Resource], gone: Collection[str]) -> Proposal:
        """The plan for the desired resources, after a dry run. `gone`: ids of the campaigns that the config removes."""
        dry = dry_run(self.inventory, desired, retry_failed=self.retry_failed)
        resume = self._resuming(dry.states)
        resources, states = [*desired, *resume], [*dry.states, *dry_run(self.inventory, resume).states]
        config, personalize = inputs.config, self.inventory.clients["personalize"]
        unmanaged = find_unmanaged(self.inventory, self.target, resources, states, prune=config.prune, gone=gone)
        models: list[Solution | Recommender] = [*config.solutions, *config.recommenders]
        types = {one.name: recipe_type(personalize, recipe_arn(self.target, one.recipe)) for one in models}
        plan = Plan(
            self.target.group,
            resources,
            dry.known_failures,
            dry.expected_seconds,
            **desired_serving(config, types),
            events=event_rules(config, resources),
            filter_rules=filter_rules(config, inputs.data),
        )
        return Proposal(plan, _with_replacements(states, unmanaged), unmanaged, dry.training_hours)

    def _resuming(self, states: Sequence[State]) -> list[Resource]:
        """The schedule that starts a run when the first of the waiting solutions may be trained again, if any waits."""
        resume_at = min((state.resume_at for state in states if state.resume_at), default="")
        settings = {"ScheduleExpression": f"at({resume_at})", "ActionAfterCompletion": "DELETE"}
        return [schedule_resource(self.target, RESUME, {}, settings)] if resume_at else []

    def _with_room(self, proposal: Proposal) -> Proposal:
        """The proposal, with the deletions that make room in the quotas. Raises InputError if none can."""
        plan, states = proposal.plan, proposal.states
        existing = count_existing(self.inventory, self.target, plan.resources)
        unmanaged = with_room(self.inventory, plan, states, existing, proposal.unmanaged, self.serving)
        to_delete = [one for one in unmanaged if one.delete]
        return replace(proposal, plan=replace(plan, to_delete=to_delete), unmanaged=unmanaged)


def _cost_findings(
    estimator: Estimator, plan: Plan, states: Sequence[State], costs: PlanCosts, table: TableEstimate | None
) -> dict[str, Any]:
    """The members of the run's record about costs."""
    past, prices = estimator.past, estimator.inputs.config.prices
    estimate = estimate_plan(plan.resources, states, costs.size, prices, plan.expected_seconds, costs.monthly_after)
    if table:
        estimate["table"] = table
    ordered = replace(past, ordered_in_month=past.ordered_in_month + costs.estimate.of_run)
    return {
        "costsNow": costs.monthly_now,
        "estimate": estimate,
        "ceilings": estimator.ceilings.facts(costs.estimate),
        "month": month_record(ordered, costs.monthly_after, now()),
    }


def _with_replacements(states: Sequence[State], unmanaged: Sequence[Unmanaged]) -> list[State]:
    """The states, with a creation changed to a replacement if its predecessor exists."""
    replaced = {one.id for one in unmanaged if one.reason == REPLACED}
    reason = "It has changed: a new one is created; the old one is deleted when it no longer serves."
    return [
        replace(state, action="replace", reason=reason) if state.action == "create" and state.id in replaced else state
        for state in states
    ]


def _within_ceilings(estimator: Estimator, proposal: Proposal) -> tuple[Proposal, PlanCosts, list[Problem]]:
    """A proposal within the ceilings, its costs, and notes on it. Raises AboveCeilingError.

    The default export of a group is left out if it costs too much, as nobody has requested it.
    """
    costs, notes, exports = estimator.costs(proposal), [], proposal.plan.exports
    if costs.above and estimator.inputs.config.exports is None and exports:
        name, above = next(iter(exports)), costs.above[0]
        message = f"is the default export, and is left out: it {above.message}"
        notes.append(Problem(f"{proposal.plan.group}/: exports.{name}", message, above.remedy))
        proposal = replace(proposal, plan=replace(proposal.plan, exports={}))
        costs = estimator.costs(proposal)
    if costs.above:
        raise AboveCeilingError(costs.above, estimator.inputs.report)
    return proposal, costs, notes
