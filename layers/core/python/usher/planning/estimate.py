"""The monthly costs of a group before and after a plan, and the most that the plan may cost, for the ceilings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from usher import aws
from usher.batch.job_input import uploaded_keys
from usher.config.model import JOBS
from usher.config.schedule_expressions import starts
from usher.costs.calculation import PAID_ACTIONS, Size, max_cost, size_of, solution_of
from usher.costs.ceilings import Ceilings, Estimate
from usher.costs.ledger import Past
from usher.costs.monthly import cost_or_nan, existing_cost, planned_costs, recurring_costs
from usher.costs.months import Use, priced_use, sum_uses
from usher.costs.recurring import export_id, repeated_costs
from usher.errors import InputError, Problem
from usher.planning.draft import Proposal
from usher.planning.inputs import Inputs
from usher.prices import PRICES
from usher.resources.billed import Billed, find_billed
from usher.resources.decisions import UNCHANGING
from usher.resources.inventory import Inventory
from usher.resources.plan import Plan
from usher.resources.states import State
from usher.resources.target import Target
from usher.run_record import MonthlyCost
from usher.run_summary import known_dollars
from usher.storage.bucket import Bucket, File

EXISTING_ACTIONS = UNCHANGING | {"update"}
"""Actions on existing resources that are not created anew."""
MAX_INPUT_BYTES = 10**9
"""The most bytes of a batch job's input: service guide, "Quotas"."""
MAX_COUNTED_BYTES = 10 * MAX_INPUT_BYTES
"""The most bytes of a group's files whose lines are counted."""
DAILY = "rate(1 day)"


@dataclass(frozen=True, slots=True)
class PlanCosts:
    """The most that a plan may cost, and the numbers behind it."""

    estimate: Estimate
    size: Size
    above: Sequence[Problem]
    """The problems of the costs that exceed a ceiling."""
    monthly_now: Sequence[MonthlyCost]
    monthly_after: Sequence[MonthlyCost]
    existing: Mapping[str, Billed]
    """The existing resources, by ARN."""


@dataclass(frozen=True, slots=True)
class Estimator:
    """Prices the plans of a group, without changing anything."""

    bucket: Bucket
    inventory: Inventory
    target: Target
    inputs: Inputs
    ceilings: Ceilings
    past: Past

    def costs(self, proposal: Proposal) -> PlanCosts:
        """Price a plan. Raises InputError if files are too large to count their lines."""
        plan, states = proposal.plan, proposal.states
        lines = self._count_lines(plan)
        size = size_of(self.inputs.report, proposal.training_hours, {id_: count for id_, (_, count) in lines.items()})
        prices = {**PRICES, **self.inputs.config.prices}
        recurring = self._recurring(plan, size, prices)
        _, most = self._standing(proposal, size, PRICES)
        now, after = self._standing(proposal, size, prices)
        more = known_dollars(after) - known_dollars(now)
        run = self._run(plan, states, size)
        estimate = Estimate(
            run,
            {one["id"] if one["desired"] else one["arn"]: one["atMost"] or 0 for one in most},
            {one["id"]: one["atMost"] or 0 for one in recurring},
            self.past.ordered,
            max(0.0, self.past.month.forecast(0, more, aws.now())),
            self.past.spent,
            self.inputs.config.budget,
            _uses(run, size),
        )
        above = [problem for place, count in lines.values() for problem in self.ceilings.check_lines(place, count)]
        above += self.ceilings.check_estimate(self.target.group, estimate)
        by_id = {one.id: one for one in plan.resources}
        there = [by_id[state.id] for state in states if state.action in EXISTING_ACTIONS]
        arns = {one.arn for one in there} | ({""} if any(one.kind == "solution_version" for one in there) else set())
        recurring_now = [one for one in recurring if one["arn"] in arns]
        return PlanCosts(estimate, size, above, [*now, *recurring_now], [*after, *recurring], self._existing(plan))

    @property
    def notes(self) -> list[Problem]:
        """A note if the stack's schedule of exports can't be read."""
        if self._export_schedule == self.target.export_schedule:
            return []
        message = f"is {self.target.export_schedule}, which Usher can't read. The ceilings count it as once a day."
        return [Problem("ExportSchedule", message, "Write it like cron(0 3 * * ? *) or rate(1 day), and deploy.")]

    @property
    def _export_schedule(self) -> str:
        """The stack's schedule of exports; a daily one if it can't be read; empty if there is none."""
        schedule = self.target.export_schedule
        try:
            if schedule:
                starts(schedule)
        except ValueError:
            return DAILY
        return schedule

    def _count_lines(self, plan: Plan) -> dict[str, tuple[str, int]]:
        """The place in the config, and the number of lines, of each batch job and export, by id.

        Counting ends beyond the ceiling on the lines of one.
        """
        bucket, group, jobs = self.bucket, self.target.group, self.inputs.config.jobs
        keys = {job.input for job in jobs}
        files = [file for key in keys for file in bucket.files(key) if file.key == key]
        listed = bucket.files(f"{group}/") if plan.exports else []
        uploaded = {name: uploaded_keys([file.key for file in listed], group, name) for name in plan.exports}
        counted = {key for keys in uploaded.values() for key in keys}
        check_input_sizes(group, [*files, *(file for file in listed if file.key in counted)])
        lines = {f"{job.kind}/{job.name}": (job.input, self._lines_of([job.input])) for job in jobs}
        for name, export in plan.exports.items():
            lines[export_id(name, export["recipe"])] = (
                f"{self.inputs.config.file}: exports.{name}",
                self._lines_of(uploaded[name]) if uploaded[name] else self._number_of_recipients(plan, name),
            )
        return lines

    def _lines_of(self, keys: Sequence[str]) -> int:
        return sum(self.bucket.count_lines(key, self.ceilings.export_lines) for key in keys)

    def _number_of_recipients(self, plan: Plan, name: str) -> int:
        """The most recipients of an export without lines of the group's own."""
        export = plan.exports[name]
        if named := export["items"] or export["attributes"]:
            return len(named)
        if export["users"]:
            return int(self.inputs.report.get("users", {}).get("ids", 0))
        size = size_of(self.inputs.report, {})
        return size.items if plan.solutions[name]["type"] == "RELATED_ITEMS" else size.users

    def _run(self, plan: Plan, states: Sequence[State], size: Size) -> dict[str, float]:
        """The most that carrying a plan out costs, by id."""
        by_id = {resource.id: resource for resource in plan.resources}
        paid = [by_id[state.id] for state in states if state.action in PAID_ACTIONS]
        return {resource.id: max_cost(resource, solution_of(resource, by_id), size) for resource in paid}

    def _standing(
        self, proposal: Proposal, size: Size, prices: Mapping[str, float]
    ) -> tuple[list[MonthlyCost], list[MonthlyCost]]:
        """The costs of existing resources in every 30 days before and after the run."""
        plan, unmanaged = proposal.plan, proposal.unmanaged
        ids = {one.arn: one.id for one in unmanaged} | {one.arn: one.id for one in plan.resources}
        desired = {one.arn for one in plan.resources}
        existing = self._existing(plan)
        costs = (
            existing_cost(one, ids.get(arn, arn), size, prices, desired=arn in desired) for arn, one in existing.items()
        )
        now = {cost["arn"]: cost for cost in costs if cost}
        kept = [now[one.arn] for one in unmanaged if one.arn in now and not one.delete]
        return list(now.values()), [*planned_costs(plan.resources, proposal.states, size, prices, existing), *kept]

    def _existing(self, plan: Plan) -> dict[str, Billed]:
        group_arn = next(one.arn for one in plan.resources if one.kind == "dataset_group")
        return {one.arn: one for one in find_billed(self.inventory, group_arn)}

    def _recurring(self, plan: Plan, size: Size, prices: Mapping[str, float]) -> list[MonthlyCost]:
        """The costs of schedules in every 30 days."""
        known, most = (
            list(repeated_costs(self.inputs.config, plan.exports, size, self._export_schedule, price))
            for price in (partial(cost_or_nan, prices=prices), max_cost)
        )
        return recurring_costs(known, most, {one.id: one.arn for one in plan.resources})


def _uses(run: Mapping[str, float], size: Size) -> dict[str, Use]:
    """The uses that a run orders and the service has no figures of. `run`: its costs by resource id."""
    parts: list[dict[str, Use]] = []
    for id_, dollars in run.items():
        kind, _, name = id_.partition("/")
        if kind == "dataset_import_job":
            parts.append({"imports": priced_use(size.bytes.get(name, 0) / 1e9, dollars)})
        elif kind in JOBS.values():
            parts.append({"batch": priced_use(size.lines.get(id_, 0), dollars)})
    return sum_uses(*parts)


def check_input_sizes(group: str, files: Sequence[File]) -> None:
    """Raise InputError if a file, or all together, are too large to count their lines. Pure."""
    remedy = "Ask for less, in files of their own."
    problems = [
        Problem(file.key, "is larger than 1 GB, the most that a batch job takes.", remedy)
        for file in files
        if file.size > MAX_INPUT_BYTES
    ]
    if not problems and sum(file.size for file in files) > MAX_COUNTED_BYTES:
        problems = [Problem(f"{group}/", "has more than 10 GB of lines for batch jobs and exports.", remedy)]
    if problems:
        raise InputError(problems)
