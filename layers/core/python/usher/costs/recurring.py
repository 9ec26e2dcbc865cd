"""The recurring costs of a group's config: its schedules, and the stack's schedule of exports. Pure."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from usher.config.model import JOBS, Config, Job, Schedule, Solution
from usher.config.schedule_expressions import DAY_MINUTES, DEFAULT_TRAINING_RATE, MONTH_DAYS, starts
from usher.costs.calculation import Size, max_cost
from usher.recipes import recipe_of
from usher.resources.decisions import ONLY_ON_REQUEST
from usher.resources.kinds import Resource

Price = Callable[[Resource, Mapping[str, Any], Size], float]
"""The cost of creating a resource, in US dollars: `max_cost` or the like."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """A recurring cost."""

    place: str
    """The path in the config, or the stack's parameter, that causes the cost."""
    times: float
    """The number of times in 30 days."""
    dollars: float
    """US dollars each time."""
    schedule: str = ""
    """The id of the schedule; empty if it is the stack's."""

    @property
    def a_month(self) -> float:
        """US dollars in 30 days."""
        return self.times * self.dollars


def repeated_costs(
    config: Config,
    exports: Mapping[str, Mapping[str, Any]],
    size: Size,
    export_schedule: str,
    price: Price = max_cost,
) -> Iterator[Repeated]:
    """The costs of schedules. `exports`: a plan's; `export_schedule`: the stack's, or empty.

    `size`: with the lines of jobs and, under export_id, of exports; `price`: of each time.
    """
    costs = _Costs(config, exports, size, price)
    for schedule in config.schedules:
        if schedule.settings.get("State") != "DISABLED":
            place, times = place_of(schedule), starts(schedule.settings["ScheduleExpression"]).a_month
            for dollars, often in costs.ordered(schedule.input, times):
                yield Repeated(place, often, dollars, schedule=f"schedule/{schedule.name}")
    left = [name for name, one in exports.items() if not one["scheduled"]]
    if export_schedule and left:
        yield Repeated("ExportSchedule", starts(export_schedule).a_month, math.fsum(map(costs.export, left)))


def automatic_trainings(solution: Mapping[str, Any]) -> float:
    """The number of automatic trainings of a solution in 30 days. `solution`: Create's or Describe's members."""
    if not solution.get("performAutoTraining"):
        return 0
    automatic = solution.get("solutionConfig", {}).get("autoTrainingConfig", {})
    return starts(automatic.get("schedulingExpression", DEFAULT_TRAINING_RATE)).a_month


def place_of(schedule: Schedule) -> str:
    """The path of a schedule in the config."""
    match schedule.input:
        case {"task": "retrain", "solution": name, "trainingMode": mode}:
            return f"solutions.{name}.schedules.{mode}"
        case {"task": "export", "solution": name}:
            return f"exports.{name}.schedule"
        case {"task": section, "job": name}:
            return f"{section}.{name}.schedule"
    return f"schedules.{schedule.input['task']}"


def export_id(name: str, recipe: str) -> str:
    """The id with which an export is priced as a batch job. Names of jobs have no dot, so their ids differ."""
    batch = recipe_of(recipe).batch
    return f"{batch.job if batch else 'batch_inference_job'}/exports.{name}"


@dataclass(frozen=True, slots=True)
class _Costs:
    config: Config
    exports: Mapping[str, Mapping[str, Any]]
    size: Size
    price: Price

    def ordered(self, task: Mapping[str, str], times: float) -> Iterator[tuple[float, float]]:
        """The costs of a schedule that starts `times` times: dollars, and the number of times.

        Trainings follow an import of new data, unless they wait for a request.
        """
        solutions = [one for one in self.config.solutions if task.get("solution", one.name) == one.name]
        match task["task"]:
            case "retrain":
                yield math.fsum(map(self.version, solutions)), times
            case "import":
                yield self.imports(), times
                for one in solutions:
                    interval = one.min_retrain_interval
                    rests = MONTH_DAYS * DAY_MINUTES * 60 / interval if interval else times
                    if interval < ONLY_ON_REQUEST:
                        yield self.version(one), min(times, rests)
            case "export":
                named = [task["solution"]] if "solution" in task else self.exports
                yield math.fsum(map(self.export, named)), times
            case section:
                jobs = (one for one in self.config.jobs if (one.kind, one.name) == (JOBS[section], task["job"]))
                yield math.fsum(map(self.job, jobs)), times

    def imports(self) -> float:
        """The cost of importing all data."""
        kind = "dataset_import_job"
        return math.fsum(
            self.price(Resource(f"{kind}/{name}", kind, "import"), {}, self.size) for name in self.size.bytes
        )

    def version(self, solution: Solution) -> float:
        """The cost of a training, and of the batch jobs that follow it."""
        resource = Resource(f"solution_version/{solution.name}", "solution_version", "train")
        jobs = (one for one in self.config.jobs if one.solution == solution.name and not one.scheduled)
        return self.price(resource, _members(solution), self.size) + math.fsum(map(self.job, jobs))

    def export(self, name: str) -> float:
        """The cost of an export of a solution; 0 if it has none."""
        if name not in self.exports:
            return 0
        one = self.exports[name]
        return self._batch(export_id(name, one["recipe"]), name, one["settings"])

    def job(self, job: Job) -> float:
        """The cost of a batch job."""
        return self._batch(f"{job.kind}/{job.name}", job.solution, job.settings)

    def _batch(self, id_: str, solution: str, settings: Mapping[str, Any]) -> float:
        members = next((_members(one) for one in self.config.solutions if one.name == solution), {})
        return self.price(Resource(id_, id_.partition("/")[0], "train", settings), members, self.size)


def _members(solution: Solution) -> dict[str, Any]:
    return {**solution.settings, "recipeArn": solution.recipe}
