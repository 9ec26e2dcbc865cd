"""Draft a run: load the inputs, derive the desired resources, compare them with the existing ones, and price the rest.

Nothing here changes anything in Personalize.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from usher.aws import now
from usher.clients import Clients
from usher.config.model import Config
from usher.costs.budgets import budget_notes, month_record
from usher.costs.calculation import estimate_plan
from usher.costs.ceilings import AboveCeilingError, Ceilings
from usher.costs.ledger import Past
from usher.datasets.read_limits import LIMITS, ReadLimits
from usher.errors import Problem
from usher.planning.adoption import desired_with_adopted, unused_schemas
from usher.planning.cost_advice import cost_advice
from usher.planning.desired import desired_serving, recipe_arn, schedule_resource
from usher.planning.draft import Draft
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
from usher.resources.reconcile import DryRun, dry_run
from usher.resources.states import State
from usher.resources.target import Target
from usher.resources.unmanaged import REPLACED, Unmanaged, find_unmanaged
from usher.run_record import TableEstimate
from usher.serving.serving_map import ServingMap
from usher.storage.bucket import Bucket

RESUME = "resume"
"""The name of the schedule that starts a run when a solution whose training waits may be trained again."""
NOTHING_TO_DO = "Nothing to do until there is {0}/interactions.csv or {0}/interactions/*.csv."
DEFAULTS, NOTHING_YET = Ceilings(), Past()
ResolvePins = Callable[[Sequence[Resource], Mapping[str, str]], tuple[Mapping[str, Pin], Sequence[Problem]]]
"""The pins that hold for desired resources, and problems (Pins.resolve), given each solution's live version."""


def draft(
    bucket: Bucket,
    target: Target,
    clients: Clients,
    serving: ServingMap,
    *,
    tasks: RequestedTasks | None = None,
    resolve_pins: ResolvePins = lambda _desired, _live: ({}, ()),
    retry_failed: bool = True,
    claims: Mapping[str, Mapping[str, str]] | None = None,
    ceilings: Ceilings = DEFAULTS,
    past: Past = NOTHING_YET,
    limits: ReadLimits = LIMITS,
) -> Draft:
    """Draft what a run would do now.

    `serving`: the group's serving map; `retry_failed`: whether the run builds anew what failed before it; `claims`: an
    Inventory's; `past`: what the group has ordered. Raises InputError for a config or data that can't be used, and
    AboveCeilingError for what costs too much.
    """
    check_group_name(target.group)
    tasks = tasks or {}
    inventory = Inventory(clients, target.stack_arn, claims)
    if "remove" in tasks:
        return draft_removal(bucket, target, inventory, past)
    notes = list(ignored_files([file.key for file in bucket.files_of(target.group)]))
    inputs = load_inputs(bucket, target.group, inventory, target.arn_prefix, limits)
    if inputs is None:
        return Draft({"note": NOTHING_TO_DO.format(target.group), "notes": notes})
    _check_ceilings(ceilings, inputs)
    load = table_load(bucket, target.group, inputs)
    notes += load.notes
    config, gone, idle_notes = without_idle(bucket, target.group, inputs.config, tasks)
    notes += idle_notes
    inputs = without_waiting_data(inventory, target, replace(inputs, config=config), tasks)

    desired = desired_with_adopted(inventory, target, inputs, tasks)
    check_group(inventory, desired[0], target.group)
    notes += unused_schemas(inventory, target, inputs.config, desired)
    live = live_versions(serving)
    pins, problems = resolve_pins(desired, live)
    desired = _gated(with_pins(desired, pins), inputs.config, live)

    desired, dry = _dry_run(inventory, target, desired, retry_failed=retry_failed)
    unmanaged = find_unmanaged(inventory, target, desired, dry.states, prune=inputs.config.prune, gone=gone)
    states = _with_replacements(dry.states, unmanaged)
    plan = _plan(inventory, target, inputs, desired, dry)
    existing = count_existing(inventory, target, desired)
    unmanaged = with_room(inventory, plan, states, existing, unmanaged, serving)
    plan = replace(plan, to_delete=[one for one in unmanaged if one.delete])
    notes += route_notes(plan, states, serving)

    past = replace(past, budget=inputs.config.budget)
    estimator = Estimator(bucket, inventory, target, inputs, ceilings, past)
    plan, costs, cost_notes = _within_ceilings(estimator, plan, states, unmanaged, dry.training_hours)
    month = month_record(past, costs.monthly_now, now())
    notes += [*estimator.notes, *cost_notes, *cost_advice(inputs.config, desired, costs.existing, past.traffic)]
    notes += budget_notes(target.group, month)
    findings = {
        "notes": [*inputs.notes, *notes],
        "data": inputs.report,
        "resources": states,
        **_cost_findings(estimator, plan, states, costs, load.estimate),
        "pins": pins,
        **({"problems": problems} if problems else {}),
        "unmanaged": [{"id": one.id, "arn": one.arn, "reason": one.reason, "deleted": one.delete} for one in unmanaged],
    }
    return Draft(findings, plan, inputs.sources, costs.size, costs.estimate, load.plan, inputs.config)


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


def _check_ceilings(ceilings: Ceilings, inputs: Inputs) -> None:
    """Raise AboveCeilingError where a single setting of the config is above a ceiling."""
    if above := ceilings.check(inputs.config):
        raise AboveCeilingError(above, inputs.report)


def _gated(desired: Sequence[Resource], config: Config, live: Mapping[str, str]) -> list[Resource]:
    popularity = next((solution.name for solution in config.solutions if solution.recipe == POPULARITY), "")
    return with_gates(desired, {solution.name: solution.gate for solution in config.solutions}, live, popularity)


def _dry_run(
    inventory: Inventory, target: Target, desired: list[Resource], *, retry_failed: bool
) -> tuple[list[Resource], DryRun]:
    """A dry run of the desired resources and, where the training of a solution waits, of what resumes it."""
    dry = dry_run(inventory, desired, retry_failed=retry_failed)
    resume_at = min((state.resume_at for state in dry.states if state.resume_at), default="")
    if not resume_at:
        return desired, dry
    settings = {"ScheduleExpression": f"at({resume_at})", "ActionAfterCompletion": "DELETE"}
    schedule = schedule_resource(target, RESUME, {}, settings)
    states = [*dry.states, *dry_run(inventory, [schedule]).states]
    return [*desired, schedule], replace(dry, states=states)


def _with_replacements(states: Sequence[State], unmanaged: Sequence[Unmanaged]) -> list[State]:
    """The states, in which a creation whose predecessor exists is a replacement."""
    replaced = {one.id for one in unmanaged if one.reason == REPLACED}
    reason = "It has changed: a new one is created; the old one is deleted when it no longer serves."
    return [
        replace(state, action="replace", reason=reason) if state.action == "create" and state.id in replaced else state
        for state in states
    ]


def _plan(
    inventory: Inventory,
    target: Target,
    inputs: Inputs,
    desired: Sequence[Resource],
    dry: DryRun,
) -> Plan:
    config = inputs.config
    recipes = {
        **{solution.name: solution.recipe for solution in config.solutions},
        **{recommender.name: recommender.recipe for recommender in config.recommenders},
    }
    personalize = inventory.clients["personalize"]
    types = {name: recipe_type(personalize, recipe_arn(target, recipe)) for name, recipe in recipes.items()}
    return Plan(
        target.group,
        desired,
        dry.known_failures,
        dry.expected_seconds,
        **desired_serving(config, types),
        events=event_rules(config, desired),
        filter_rules=filter_rules(config, inputs.data),
    )


def _within_ceilings(
    estimator: Estimator,
    plan: Plan,
    states: Sequence[State],
    unmanaged: Sequence[Unmanaged],
    training_hours: Mapping[str, float],
) -> tuple[Plan, PlanCosts, list[Problem]]:
    """A plan within the ceilings, its costs, and notes on it. Raises AboveCeilingError.

    The export that a group has by default is left out where it costs too much, as nobody has asked for it.
    """
    costs = estimator.costs(plan, states, unmanaged, training_hours)
    notes = []
    if costs.above and estimator.inputs.config.exports is None and plan.exports:
        name, above = next(iter(plan.exports)), costs.above[0]
        message = f"is the default export, and is left out: it {above.message}"
        notes.append(Problem(f"{plan.group}/: exports.{name}", message, above.remedy))
        plan = replace(plan, exports={})
        costs = estimator.costs(plan, states, unmanaged, training_hours)
    if costs.above:
        raise AboveCeilingError(costs.above, estimator.inputs.report)
    return plan, costs, notes
