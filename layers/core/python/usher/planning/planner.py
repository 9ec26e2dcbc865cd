"""Draw up a run's plan: read what is wanted, look at what is there, decide. Changes nothing in Personalize."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from usher.config.model import Config
from usher.config.schedule_expressions import starts
from usher.costs import prices
from usher.costs.ceilings import AboveCeilingError, Ceilings, Estimate
from usher.costs.ledger import Past
from usher.datasets.read_limits import LIMITS, ReadLimits
from usher.errors import InputError, Problem
from usher.planning.adoption import adoptable, is_schema_in_use
from usher.planning.desired import Data, desired_resources, desired_serving, recipe_arn, schedule_resource
from usher.planning.estimate import count_lines, estimate
from usher.planning.inputs import Inputs, check_group_name, load_config, load_inputs, recipe_type
from usher.planning.misplaced_files import ignored_files
from usher.planning.tasks import RequestedTasks
from usher.planning.version_pins import Pin, with_pins
from usher.recipes import POPULARITY
from usher.resources.gate import with_gates
from usher.resources.inventory import Inventory
from usher.resources.kinds import KINDS, Clients, Resource
from usher.resources.ownership import check_group
from usher.resources.reconcile import dry_run
from usher.resources.states import State
from usher.resources.target import Target
from usher.resources.unmanaged import REPLACED, Unmanaged, find_all_of_group, find_unmanaged
from usher.storage.bucket import Bucket, File
from usher.storage.layout import DATASETS

RESUME = "resume"
"""The schedule that comes back when a solution may be trained again."""
NOTHING = "Nothing to do until there is {0}/interactions.csv or {0}/interactions/*.csv."
GONE = "The group is removed, with its exports. Its own files and the records of its runs stay."
PARTLY_GONE = (
    "The group is removed, with its exports, but for what this stack did not make and what that needs: {1}. "
    "Its own files and the records of its runs stay."
)
MISSING = (
    "There is no dataset group of {0} in Personalize. If it was taken over under another name, put the usher.yaml that "
    "says so (adopt) back, and ask again."
)
IDLE = {"reuse", "hold"}
"""Actions that change nothing."""
DAILY = "rate(1 day)"
DEFAULTS, NOTHING_YET = Ceilings(), Past()
ResolvePins = Callable[[Sequence[Resource], Mapping[str, str]], Mapping[str, Pin]]


@dataclass(frozen=True, slots=True)
class Draft:
    """What a run would do."""

    findings: Mapping[str, Any]
    """What its record tells."""
    plan: Mapping[str, Any] | None
    """What plan.json is to hold; None where there is nothing to plan with."""
    sources: Mapping[str, Sequence[File]] = field(default_factory=dict)
    """An Inputs's."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """Of what batch jobs and exports answer, by resource id."""
    estimate: Estimate | None = None
    users: int = 0
    """That have interacted."""

    @property
    def is_work(self) -> bool:
        """Whether there is anything to do."""
        states = self.findings.get("resources", [])
        deletions = self.plan and (self.plan["to_delete"] or "removal" in self.plan)
        return any(state.action not in IDLE for state in states) or bool(deletions)


def draft(
    bucket: Bucket,
    target: Target,
    clients: Clients,
    serving: Mapping[str, Any],
    *,
    tasks: RequestedTasks | None = None,
    resolve_pins: ResolvePins = lambda _wanted, _live: {},
    retry_failed: bool = True,
    claims: Mapping[str, Mapping[str, str]] | None = None,
    ceilings: Ceilings = DEFAULTS,
    past: Past = NOTHING_YET,
    limits: ReadLimits = LIMITS,
) -> Draft:
    """What a run would do now. Raises InputError for config or data that can't be used, or that cost too much.

    `serving`: the group's serving map; `resolve_pins`: tells which pins hold; `retry_failed`: whether what failed
    before is built again; `claims`: an Inventory's; `past`: what the group has ordered.
    """
    check_group_name(target.group)
    tasks = tasks or {}
    inventory = Inventory(clients, target.stack_arn, claims)
    if "remove" in tasks:
        return _removal(bucket, target, inventory)
    notes = list(ignored_files([file.key for file in bucket.files_of(target.group)]))
    inputs = load_inputs(bucket, target.group, inventory, target.arn_prefix, limits)
    if inputs is None:
        return Draft({"note": NOTHING.format(target.group), "notes": notes}, None)
    inputs = _with_inputs(bucket, inputs)
    if above := ceilings.check(inputs.config):
        raise AboveCeilingError(above, inputs.report)
    if not tasks.get("import") and any(one.name == "import" for one in inputs.config.schedules):
        inputs = replace(inputs, data=_waiting(inventory, target, inputs, tasks))
    live = {name: str(one["solutionVersionArn"]) for name, one in serving.get("solutions", {}).items()}
    wanted = _adopted(inventory, target, inputs, tasks)
    check_group(inventory, wanted[0], target.group)
    notes += _unused_schemas(inventory, target, inputs.config, wanted)
    pins = resolve_pins(wanted, live)
    wanted = _guarded(with_pins(wanted, pins), inputs.config, live)
    dry = dry_run(inventory, wanted, retry_failed=retry_failed)
    states = dry.states
    if later := _resumption(target, states):
        wanted, states = [*wanted, later], [*states, *dry_run(inventory, [later]).states]
    unwanted = find_unmanaged(inventory, target, wanted, states, prune=inputs.config.prune)
    states = _with_replacements(states, unwanted)
    named = {one.name: one.recipe for one in inputs.config.solutions}
    named |= {one.name: one.recipe for one in inputs.config.recommenders}
    types = {name: recipe_type(clients["personalize"], recipe_arn(target, one)) for name, one in named.items()}
    plan = {
        "group": target.group,
        "resources": wanted,
        "known_failures": dry.known_failures,
        "expected_seconds": dry.expected_seconds,
        "to_delete": [one for one in unwanted if one.delete],
        **desired_serving(inputs.config, types),
    }
    export_schedule, uncounted = _countable(target.export_schedule)
    notes += uncounted

    def weigh() -> tuple[Estimate, prices.Size, list[Problem]]:
        """What the plan costs at most, and what of that is above a ceiling."""
        lines = count_lines(bucket, target.group, inputs, plan, ceilings.export_lines)
        above = [problem for place, count in lines.values() for problem in ceilings.check_lines(place, count)]
        size = prices.size_of(inputs.report, dry.training_hours, {id_: count for id_, (_, count) in lines.items()})
        costs = estimate(inventory, inputs.config, plan, states, unwanted, size, export_schedule, past)
        return costs, size, [*above, *ceilings.check_estimate(target.group, costs)]

    estimated, size, above = weigh()
    if above and inputs.config.exports is None and plan["exports"]:
        said = f"is left out, though every group has one as long as no config says otherwise: {above[0].message}"
        notes.append(Problem(f"{target.group}/: exports.{next(iter(plan['exports']))}", said, above[0].remedy))
        plan["exports"] = {}
        estimated, size, above = weigh()
    if above:
        raise AboveCeilingError(above, inputs.report)
    estimated_plan = prices.estimate_plan(wanted, states, size, inputs.config.prices, dry.expected_seconds)
    told = [{"id": one.id, "arn": one.arn, "reason": one.reason, "deleted": one.delete} for one in unwanted]
    findings = {
        "notes": [*inputs.notes, *notes],
        "data": inputs.report,
        "resources": states,
        "estimate": estimated_plan,
        "ceilings": ceilings.facts(estimated),
        "pins": pins,
        "unmanaged": told,
    }
    return Draft(findings, plan, inputs.sources, size.lines, estimated, size.users)


def _countable(schedule: str) -> tuple[str, list[Problem]]:
    """The stack's schedule of exports, or another where it can't be counted, and a note of that."""
    try:
        if schedule:
            starts(schedule)
    except ValueError:
        said = f"is {schedule}, which Usher can't read. The ceilings count it as once a day."
        return DAILY, [Problem("ExportSchedule", said, "Write it like cron(0 3 * * ? *) or rate(1 day), and deploy.")]
    return schedule, []


def _removal(bucket: Bucket, target: Target, inventory: Inventory) -> Draft:
    """What deletes the whole group, under whatever name it was taken over. InputError where its config can't tell."""
    try:
        config = load_config(bucket, target.group, inventory.clients["personalize"])
    except InputError as error:
        said = "can't be removed as long as its config, which may give the dataset group another name, can't be read."
        remedy = "Correct the config, and the removal goes on; or delete it, and ask again."
        raise InputError([*error.problems, Problem(f"{target.group}/", said, remedy)]) from None
    group, adopted = _taken_over(target, config, inventory)
    check_group(inventory, group, target.group)
    unwanted = find_all_of_group(inventory, target, adopted)
    plan = {"group": target.group, "resources": [], "known_failures": {}, "to_delete": unwanted, "removal": True}
    is_there = any(one.kind == "dataset_group" for one in unwanted)
    stays = ", ".join(one.id for one in unwanted if not one.delete)
    note = (PARTLY_GONE if stays else GONE if is_there else MISSING).format(target.group, stays)
    return Draft({"note": note, "resources": [], "removal": True}, plan)


def _taken_over(target: Target, config: Config, inventory: Inventory) -> tuple[Resource, list[Resource]]:
    """The dataset group; and the same again, if it is one that was taken over, with the schemas that were."""
    data = {dataset: Data("", "") for dataset in DATASETS}
    wanted = desired_resources(target, config, data)
    kept = adoptable(inventory, wanted[:1], config.adopt)
    group = wanted[0] if kept else desired_resources(target, replace(config, adopt={}), data)[0]
    schemas = [one for one in wanted if one.kind == "schema" and one.id in config.adopt]
    used = [one for one in schemas if is_schema_in_use(inventory, group.arn, one)]
    return group, [*([group] if kept else []), *used]


def _with_inputs(bucket: Bucket, inputs: Inputs) -> Inputs:
    """Without the jobs that have nothing to work on: those that may be left out are noted, others refused."""
    missing = [job for job in inputs.config.jobs if job.input not in bucket.keys(job.input)]
    remedy = "Put the job's input there, one JSON per line."
    problems = {
        job.name: Problem(job.input, f"is not there, but the job {job.name} needs it.", remedy) for job in missing
    }
    if refused := [problems[job.name] for job in missing if not job.optional]:
        raise InputError(refused)
    jobs = tuple(job for job in inputs.config.jobs if job not in missing)
    return replace(inputs, config=replace(inputs.config, jobs=jobs), notes=[*inputs.notes, *problems.values()])


def _waiting(inventory: Inventory, target: Target, inputs: Inputs, tasks: RequestedTasks) -> Mapping[str, Data]:
    """The data as far as it was imported already, if newer data has to wait for its schedule."""
    arns: dict[str, str] = {}
    data: dict[str, Data] = {}
    for resource in desired_resources(target, inputs.config, inputs.data, tasks):
        if resource.stage != "import" or resource.kind == "schedule":
            continue
        found = inventory.find(resource, arns)
        arns[resource.id] = found.arn if found else ""
        kind, _, name = resource.id.partition("/")
        if kind != "dataset_import_job":
            continue
        dataset, _, file = name.partition("/")
        if not file:
            newer = found is not None and found.usable and found.inputs != resource.inputs
            given = inputs.data[dataset]
            data[dataset] = replace(given, there=found.inputs, increments={}) if found and newer else given
        elif found is None and arns[f"dataset_import_job/{dataset}"]:
            kept = {at: one for at, one in data[dataset].increments.items() if at.rpartition("/")[2] != file}
            data[dataset] = replace(data[dataset], increments=kept)
    return data


def _adopted(inventory: Inventory, target: Target, inputs: Inputs, tasks: RequestedTasks) -> list[Resource]:
    """The wanted resources, with what is to be adopted as long as it is as wanted."""
    config, data = inputs.config, inputs.data
    wanted = desired_resources(target, config, data, tasks)
    kept = adoptable(inventory, wanted, config.adopt)
    if kept == config.adopt:
        return wanted
    return desired_resources(target, replace(config, adopt=kept), data, tasks)


def _unused_schemas(inventory: Inventory, at: Target, config: Config, wanted: Sequence[Resource]) -> Iterator[Problem]:
    """The lines of `adopt` for schemas that are there, and not in use by the group's dataset."""
    kind = KINDS["schema"]
    for one in wanted:
        name = config.adopt.get(one.id, "") if one.kind == kind.name else ""
        adopted = replace(one, arn=f"{at.arn_prefix}:{kind.arn.format(name=name)}")
        if name and inventory.describe(kind, adopted.arn) and not is_schema_in_use(inventory, wanted[0].arn, adopted):
            said = f"names the schema {name}, which this group's dataset does not use."
            yield Problem(f"{at.group}/: adopt.{one.id}", said, "Take the line out: Usher makes a schema of its own.")


def _guarded(wanted: Sequence[Resource], config: Config, live: Mapping[str, str]) -> list[Resource]:
    popular = next((one.name for one in config.solutions if one.recipe == POPULARITY), "")
    return with_gates(wanted, {one.name: one.gate for one in config.solutions}, live, popular)


def _resumption(target: Target, states: Sequence[State]) -> Resource | None:
    """A schedule for when the first of the solutions that rest may be trained again; None where none rests."""
    due = min((state.resume_at for state in states if state.resume_at), default="")
    if not due:
        return None
    settings = {"ScheduleExpression": f"at({due})", "ActionAfterCompletion": "DELETE"}
    return schedule_resource(target, RESUME, {}, settings)


def _with_replacements(states: Sequence[State], unwanted: Sequence[Unmanaged]) -> list[State]:
    replaced = {one.id for one in unwanted if one.reason == REPLACED}
    why = "It has changed; a new one is made, and the former goes once nothing serves through it."
    return [
        replace(state, action="replace", reason=why) if state.action == "create" and state.id in replaced else state
        for state in states
    ]
