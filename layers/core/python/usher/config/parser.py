"""What a person wants of a group: `usher.yaml`, parsed and checked. All problems are reported at once.

    solutions:
      for-you:
        recipe: aws-user-personalization-v2
        solutionConfig: {...}                  # this and all other members of CreateSolution, verbatim
        campaign: {minProvisionedTPS: 1}       # members of CreateCampaign, verbatim; `false` for none
        retrain: {atMost: 1 day}               # on new data: always (the default), manual, or at most so often
        gate: {metric: precision_at_25, versusLive: 1.0}
    filters:
      genre: INCLUDE ItemID WHERE Items.GENRES IN ($GENRE)
    schemas:
      items: {type: record, ...}               # Avro; without one, the CSV's header decides
    exports:                                   # export_config.py; `false` for none
      for-you: {numResults: 25, filter: unseen}
    schedules:
      retrain: cron(0 2 ? * SUN *)

Names, recipes and this envelope are Usher's; the rest is Personalize's own (of schedules: EventBridge Scheduler's) and
is checked against botocore's model of the service, so that new features of the service need no new release.
"""

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from usher.config.checker import Checker
from usher.config.exports import ExportReader
from usher.config.price_list import PRICES
from usher.config.schedule_expressions import starts
from usher.datasets.schemas import REQUIRED, is_field, types
from usher.errors import InputError
from usher.formats import documents
from usher.names import MAX_NAME_LENGTH, SERVICE_NAME
from usher.recipes import POPULARITY
from usher.storage.layout import DATASETS, OUT, is_plain, job_folders

DEFAULT_SOLUTIONS = {
    "user-personalization": {"recipe": "aws-user-personalization-v2"},
    "similar-items": {"recipe": "aws-similar-items"},
    "personalized-ranking": {"recipe": "aws-personalized-ranking-v2"},
}
SECTIONS = (
    "group", "schemas", "solutions", "recommenders", "filters", "exports", "batch", "segments", "metricAttribution",
    "schedules", "tags", "prune", "prices", "adopt",
)  # fmt: skip
SOLUTION = ("recipe", "campaign", "retrain", "gate", "trainingMode", "schedules")
"""Usher's own keys of a solution; all others are CreateSolution's."""
JOBS = {"batch": "batch_inference_job", "segments": "batch_segment_job"}
JOB = ("solution", "filter", "schedule", "input", "optional")
"""Usher's own keys of a job; all others are CreateBatchInferenceJob's or CreateBatchSegmentJob's."""
GATE = {"metric": str, "atLeast": float, "versusLive": float, "versusPopularity": float}
SCHEDULES = ("import", "retrain", "export")
SCHEDULE = ("ScheduleExpression", "ScheduleExpressionTimezone", "State")
"""Members of EventBridge Scheduler's CreateSchedule that a schedule may have."""
TRAINING_MODES = ("FULL", "UPDATE")
SCHEDULE_LENGTH = 64
"""EventBridge Scheduler's limit; Usher's names are `<group>.<name>`."""
UNITS = {"minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400}
PERIOD = re.compile(rf"([1-9][0-9]{{0,5}}) ({'|'.join(UNITS)})s?")
DEAREST = 1000
"""Times the price of the table: what `prices` may say at most."""


@dataclass(frozen=True, slots=True)
class Solution:
    """One solution that is wanted, with its campaign."""

    name: str
    recipe: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Further members of CreateSolution."""
    campaign: Mapping[str, Any] | None = field(default_factory=dict)
    """Further members of CreateCampaign; None: no campaign is wanted."""
    rest_seconds: float = 0
    """The least time between two trainings on new data; infinite: only when asked."""
    gate: Mapping[str, Any] = field(default_factory=dict)
    """metric, and any of atLeast, versusLive, versusPopularity; empty: every version is deployed."""
    training_mode: str = "FULL"
    """How versions after the first are trained: FULL or UPDATE."""


@dataclass(frozen=True, slots=True)
class Recommender:
    """One recommender of a domain dataset group."""

    name: str
    recipe: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Further members of CreateRecommender."""


@dataclass(frozen=True, slots=True)
class Job:
    """A batch inference or batch segment job: for each new version of its solution, or on a schedule."""

    name: str
    kind: str
    solution: str
    filter: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Further members of the Create operation."""
    scheduled: bool = False
    input: str = ""
    """Key of its input in the bucket."""
    optional: bool = False
    """Whether the job is left out while its input is not there."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is started on a timer."""

    name: str
    input: Mapping[str, str]
    """What the state machine is started with, besides the group."""
    settings: Mapping[str, Any]
    """Members of EventBridge Scheduler's CreateSchedule."""


@dataclass(frozen=True, slots=True)
class Config:
    """A group's desired state."""

    solutions: tuple[Solution, ...]
    filters: Mapping[str, Mapping[str, Any]]
    """Members of CreateFilter."""
    schemas: Mapping[str, Mapping[str, Any]]
    exports: Mapping[str, Mapping[str, Any]] | None
    """By solution, as export_config reads them; None: those of the first solution that recommends to users."""
    group: Mapping[str, Any] = field(default_factory=dict)
    """Members of CreateDatasetGroup."""
    recommenders: tuple[Recommender, ...] = ()
    jobs: tuple[Job, ...] = ()
    metric_attribution: Mapping[str, Any] | None = None
    """Members of CreateMetricAttribution; None: none is wanted."""
    schedules: tuple[Schedule, ...] = ()
    tags: tuple[Mapping[str, str], ...] = ()
    """tagKey, tagValue: of every resource without tags of its own."""
    prune: bool = False
    """Whether what this file no longer names is deleted."""
    prices: Mapping[str, float] = field(default_factory=dict)
    adopt: Mapping[str, str] = field(default_factory=dict)
    """Names in Personalize of what was there before Usher, by resource id, such as `solution/for-you`."""


def parse(content: bytes, file: str, group: str, recipes: Collection[str]) -> Config:
    """Read a group's config. `recipes`: the names that Personalize knows. Raises InputError with every problem."""
    return read(documents.read(content, file) or {}, file, group, recipes)


def read(content: Any, file: str, group: str, recipes: Collection[str]) -> Config:
    """Check a group's config, given as YAML's or JSON's values. Raises InputError with every problem."""
    reader = _Reader(file, group, recipes)
    config = reader.config(content)
    if reader.problems:
        raise InputError(reader.problems)
    return config


def defaults() -> Config:
    """What is wanted where there is no config: three solutions, each with a campaign."""
    return read({}, "", "", [solution["recipe"] for solution in DEFAULT_SOLUTIONS.values()])


class _Reader(Checker):
    """Reads a whole config."""

    def __init__(self, file: str, group: str, recipes: Collection[str]) -> None:
        super().__init__(file)
        self.group = group
        self.recipes = recipes

    def config(self, content: Any) -> Config:
        if isinstance(content, Mapping) and "export" in content:
            self._note("export", "is now a section by solution.", "Write exports: {for-you: {...}}, or exports: false.")
            content = {name: block for name, block in content.items() if name != "export"}
        sections = self._mapping(content, "", SECTIONS)
        ordinary = {} if "recommenders" in sections else DEFAULT_SOLUTIONS
        solutions = self._named(sections.get("solutions", ordinary), "solutions")
        recommenders = self._named(sections.get("recommenders", {}), "recommenders")
        filters = self._named(sections.get("filters", {}), "filters")
        schemas = self._mapping(sections.get("schemas", {}), "schemas", DATASETS)
        jobs = {section: self._named(sections.get(section, {}), section) for section in JOBS}
        attribution = sections.get("metricAttribution", False)
        wanted = tuple(self._solution(name, block) for name, block in solutions.items())
        filtering = {name: self._filter(name, block) for name, block in filters.items()}
        config = Config(
            solutions=wanted,
            filters=filtering,
            schemas={name: self._schema(name, block) for name, block in schemas.items()},
            exports=self._exports(sections["exports"], wanted, filtering) if "exports" in sections else None,
            group=self._members("CreateDatasetGroup", sections.get("group", {}), "group", ("name",)),
            recommenders=tuple(self._recommender(name, block) for name, block in recommenders.items()),
            jobs=tuple(self._job(section, *one) for section, blocks in jobs.items() for one in blocks.items()),
            metric_attribution=None if attribution is False else self._attribution(attribution),
            schedules=tuple(self._schedules(sections, solutions, jobs)),
            tags=self._tags(sections.get("tags", [])),
            prune=self._flag(sections.get("prune", False), "prune"),
            prices=self._prices(sections.get("prices", {})),
            adopt=self._adopted(sections.get("adopt", {})),
        )
        self._check_whole(config)
        return config

    def _solution(self, name: str, block: Any) -> Solution:
        path = f"solutions.{name}"
        self._check_name(name, path)
        if name == OUT:
            self._note(path, f"can't be its name: nobody may put files into {self.group}/export/{OUT}/.", "Rename it.")
        settings = dict(self._mapping(block, path))
        own = {key: settings.pop(key) for key in SOLUTION if key in settings}
        recipe = self._recipe(own.get("recipe", ""), path)
        campaign = own.get("campaign", {})
        if campaign is not False:
            filled_in = ("name", "solutionVersionArn")
            campaign = self._members("CreateCampaign", campaign, f"{path}.campaign", filled_in)
        self._check_members("CreateSolution", settings, path, ("name", "datasetGroupArn", "recipeArn"))
        self._check_training(settings, path)
        return Solution(
            name,
            recipe,
            settings,
            None if campaign is False else campaign,
            self._rest(own.get("retrain", "always"), f"{path}.retrain"),
            self._gate(own["gate"], f"{path}.gate", campaign) if "gate" in own else {},
            self._one_of(own.get("trainingMode", "FULL"), f"{path}.trainingMode", TRAINING_MODES),
        )

    def _check_training(self, settings: Mapping[str, Any], path: str) -> None:
        if settings.get("performAutoML"):
            remedy = "Remove it; usher evaluate compares recipes."
            self._note(f"{path}.performAutoML", "has Personalize choose the recipe, which this file names.", remedy)
        automatic: Any = settings
        for member in ("solutionConfig", "autoTrainingConfig", "schedulingExpression"):
            automatic = automatic.get(member) if isinstance(automatic, Mapping) else None
        if automatic is not None:
            self._is_schedule(automatic, f"{path}.solutionConfig.autoTrainingConfig.schedulingExpression")

    def _recommender(self, name: str, block: Any) -> Recommender:
        path = f"recommenders.{name}"
        self._check_name(name, path)
        settings = dict(self._mapping(block, path))
        recipe = self._recipe(settings.pop("recipe", ""), path)
        self._check_members("CreateRecommender", settings, path, ("name", "datasetGroupArn", "recipeArn"))
        return Recommender(name, recipe, settings)

    def _recipe(self, given: Any, path: str) -> str:
        recipe = str(given).rpartition("/")[2]
        if recipe not in self.recipes:
            said = f"names the recipe {recipe!r}, which Personalize does not have." if recipe else "names no recipe."
            self._note(f"{path}.recipe", said, self._choose(recipe, self.recipes))
        return recipe

    def _job(self, section: str, name: str, block: Any) -> Job:
        path = f"{section}.{name}"
        self._check_name(name, path)
        settings = dict(self._mapping(block, path))
        own = {key: settings.pop(key) for key in JOB if key in settings}
        filled_in = ("jobName", "solutionVersionArn", "filterArn", "jobInput", "jobOutput", "roleArn")
        self._check_members(
            f"Create{''.join(map(str.capitalize, JOBS[section].split('_')))}", settings, path, filled_in
        )
        self._check_kinds(own, path, {"input": str, "optional": bool})
        file = str(own.get("input", f"{self.group}/{section}/{name}.jsonl"))
        self._check_input(file, f"{path}.input")
        return Job(
            name,
            JOBS[section],
            str(own.get("solution", "")),
            str(own.get("filter", "")),
            settings,
            "schedule" in own,
            file,
            own.get("optional") is True,
        )

    def _check_input(self, key: str, path: str) -> None:
        """Whether a job's input is one of the group's own files."""
        home = next((home for home in job_folders(self.group) if key.startswith(home)), "")
        if not home or not is_plain(key) or key.removeprefix(home).startswith("out/"):
            said = f"is {key[:99]!r}, which is no file of the group's own."
            self._note(
                path, said, f"Put it below {self.group}/, but not below {self.group}/out/, and write its whole key."
            )

    def _filter(self, name: str, block: Any) -> Mapping[str, Any]:
        path = f"filters.{name}"
        self._check_name(name, path)
        members = dict(block) if isinstance(block, Mapping) else {"filterExpression": block}
        expression = members.get("filterExpression")
        if not isinstance(expression, str) or not expression.strip():
            remedy = "Write it as one text, such as: EXCLUDE ItemID WHERE ..."
            self._note(path, "is not a filter expression.", remedy)
            return {"filterExpression": ""}
        members["filterExpression"] = " ".join(expression.split())
        return self._members("CreateFilter", members, path, ("name", "datasetGroupArn"))

    def _schema(self, dataset: str, block: Any) -> Mapping[str, Any]:
        path = f"schemas.{dataset}"
        schema = self._mapping(block, path)
        fields = schema.get("fields")
        if not isinstance(fields, list) or not all(map(is_field, fields)):
            remedy = 'Write each as {name: AGE, type: ["null", int]}; the quotes matter.'
            self._note(f"{path}.fields", "is not a list of Avro fields.", remedy)
            return {}
        for name in (name for name in REQUIRED[dataset] if name not in types(schema)):
            self._note(f"{path}.fields", f"lacks {name}.", "Personalize requires it: add it.")
        return schema

    def _exports(
        self, block: Any, solutions: Iterable[Solution], filters: Mapping[str, Mapping[str, Any]]
    ) -> Mapping[str, Mapping[str, Any]]:
        reader = ExportReader(self.file)
        exports = reader.exports(block, {one.name: one.recipe for one in solutions}, filters)
        self.problems += reader.problems
        return exports

    def _attribution(self, block: Any) -> Mapping[str, Any]:
        filled_in = ("name", "datasetGroupArn", "metricsOutputConfig")
        return self._members("CreateMetricAttribution", block, "metricAttribution", filled_in)

    def _schedules(
        self, sections: Mapping[str, Any], solutions: Mapping[str, Any], jobs: Mapping[str, Mapping[str, Any]]
    ) -> Iterator[Schedule]:
        for task, block in self._mapping(sections.get("schedules", {}), "schedules", SCHEDULES).items():
            yield self._schedule(task, {"task": task}, block, f"schedules.{task}")
        for name, solution in solutions.items():
            given = solution.get("schedules", {}) if isinstance(solution, Mapping) else {}
            path = f"solutions.{name}.schedules"
            for mode, block in self._mapping(given, path, TRAINING_MODES).items():
                wish = {"task": "retrain", "solution": name, "trainingMode": mode}
                yield self._schedule(f"{name}-{mode.lower()}", wish, block, f"{path}.{mode}")
        for section, blocks in jobs.items():
            for name, job in blocks.items():
                if isinstance(job, Mapping) and "schedule" in job:
                    path = f"{section}.{name}.schedule"
                    yield self._schedule(f"{section}-{name}", {"task": section, "job": name}, job["schedule"], path)
        exports = sections.get("exports")
        for name, export in exports.items() if isinstance(exports, Mapping) else ():
            if isinstance(export, Mapping) and "schedule" in export:
                asked = {"task": "export", "solution": str(name)}
                yield self._schedule(f"exports-{name}", asked, export["schedule"], f"exports.{name}.schedule")

    def _schedule(self, name: str, task: Mapping[str, str], block: Any, path: str) -> Schedule:
        members = dict(block) if isinstance(block, Mapping) else {"ScheduleExpression": block}
        expression = members.get("ScheduleExpression")
        if not self._is_schedule(expression, path):
            return Schedule(name, task, {})
        if len(f"{self.group}.{name}") > SCHEDULE_LENGTH:
            self._note(path, "has too long a name for a schedule.", "Shorten the name above it.")
        settings = self._mapping(members, path, SCHEDULE)
        filled_in = ("Name", "Target", "FlexibleTimeWindow")
        return Schedule(name, task, self._members("CreateSchedule", settings, path, filled_in))

    def _is_schedule(self, expression: Any, path: str) -> bool:
        try:
            starts(expression if isinstance(expression, str) else "")
        except ValueError:
            remedy = "Write rate(1 day), cron(0 3 * * ? *), where one kind of days is a ?, or at(2030-01-31T03:00:00)."
            self._note(path, f"is {str(expression)[:99]}, which is no schedule.", remedy)
            return False
        return True

    def _rest(self, given: Any, path: str) -> float:
        if given in ("always", "manual"):
            return 0 if given == "always" else math.inf
        period = self._mapping(given, path, ("atMost",)).get("atMost") if isinstance(given, Mapping) else None
        match = PERIOD.fullmatch(period) if isinstance(period, str) else None
        if not match:
            self._note(path, f"is {str(given)[:99]}.", "Write always, manual, or {atMost: 1 day}.")
            return 0
        return int(match[1]) * UNITS[match[2]]

    def _gate(self, block: Any, path: str, campaign: Any) -> Mapping[str, Any]:
        gate = self._mapping(block, path, GATE)
        self._check_kinds(gate, path, GATE)
        if "metric" not in gate or len(gate) == 1:
            self._note(path, "lacks a metric, or what it is to be compared with.", "See docs/configuration.md.")
        if campaign is not False and follows_latest(campaign):
            self._note(path, "can't hold what syncs itself.", "Remove the gate, or let Usher deploy the campaign.")
        return gate

    def _tags(self, block: Any) -> tuple[Mapping[str, str], ...]:
        self._check_members("TagResource", {"tags": block}, "tags", ("resourceArn",))
        return tuple(block) if isinstance(block, list) else ()

    def _prices(self, block: Any) -> Mapping[str, float]:
        prices = self._mapping(block, "prices", PRICES)
        self._check_kinds(prices, "prices", dict.fromkeys(PRICES, float))
        for name, value in prices.items():
            if isinstance(value, int | float) and not 0 <= value <= DEAREST * PRICES[name]:
                remedy = f"Give it dollars, from 0 to {DEAREST * PRICES[name]:g}."
                self._note(f"prices.{name}", "is no price that can be.", remedy)
        return prices

    def _adopted(self, block: Any) -> Mapping[str, str]:
        names = self._mapping(block, "adopt")
        self._check_kinds(names, "adopt", dict.fromkeys(names, str))
        for id_, name in names.items():
            if isinstance(name, str) and not SERVICE_NAME.fullmatch(name):
                remedy = "Use up to 63 letters, digits, - and _, starting with a letter or a digit."
                self._note(f"adopt.{id_}", f"is {name[:99]}, which is no name in Personalize.", remedy)
        return names

    def _check_whole(self, config: Config) -> None:
        """What parts of the file say of each other."""
        solutions, filters = [one.name for one in config.solutions], list(config.filters)
        for job in config.jobs:
            path = f"{next(section for section, kind in JOBS.items() if kind == job.kind)}.{job.name}"
            self._check_named(job.solution, f"{path}.solution", solutions)
            self._check_named(job.filter or None, f"{path}.filter", filters)
        for one in config.recommenders:
            if one.name in solutions:
                self._note(f"recommenders.{one.name}", "is the name of a solution, too.", "Rename one of the two.")
        if config.recommenders and "domain" not in config.group:
            remedy = "Give group: {domain: ECOMMERCE} or VIDEO_ON_DEMAND."
            self._note("recommenders", "names recommenders, which only a domain dataset group can have.", remedy)
        popular = any(one.recipe == POPULARITY for one in config.solutions)
        self._check_adopted(config)
        for solution in config.solutions:
            path = f"solutions.{solution.name}.gate.versusPopularity"
            if "versusPopularity" in solution.gate and not popular:
                self._note(path, "names no solution to compare with.", f"Add a solution with the recipe {POPULARITY}.")
            elif "versusPopularity" in solution.gate and solution.recipe == POPULARITY:
                self._note(path, "compares popularity with itself.", "Remove it.")

    def _check_adopted(self, config: Config) -> None:
        """Whether each line takes something over for what this file wants."""
        campaigns = (one.name for one in config.solutions if one.campaign is not None)
        wanted: dict[str, Iterable[str]] = {
            "dataset_group": [self.group],
            "schema": DATASETS,
            "filter": config.filters,
            "solution": (one.name for one in config.solutions),
            "campaign": campaigns,
            "recommender": (one.name for one in config.recommenders),
        }
        known = [f"{kind}/{name}" for kind, names in wanted.items() for name in names]
        for name in config.adopt:
            if name not in known:
                self._note(f"adopt.{name}", "is nothing that this file asks for.", self._choose(name, known))

    def _check_name(self, name: str, path: str) -> None:
        if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii() or len(name) > MAX_NAME_LENGTH:
            self._note(path, "is not a usable name.", f"Use up to {MAX_NAME_LENGTH} letters, digits, - and _.")


def follows_latest(campaign: Mapping[str, Any]) -> bool:
    """Whether Personalize itself moves a campaign to each new version."""
    settings = campaign.get("campaignConfig")
    return isinstance(settings, Mapping) and settings.get("syncWithLatestSolutionVersion") is True
