"""Reads `usher.yaml`, the desired state of a group, and reports all its problems at once.

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
    exports:                                   # exports.py; `false` for none
      for-you: {numResults: 25, filter: unseen}
    catalogue: [TITLE, PRICE]                  # or {columns: [...], available: IN_STOCK}; `false` for none
    schedules:                                 # schedules.py
      retrain: cron(0 2 ? * SUN *)

Names, recipes and the keys of keys.py are Usher's own. All others are members of operations of Personalize, or of
EventBridge Scheduler; they are checked against botocore's model, so that new ones need no release of Usher.
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from usher.config.exports import read_exports
from usher.config.keys import (
    BUDGET,
    CATALOGUE,
    CONTEXT_SOURCES,
    GATE,
    IDLE_MODES,
    JOB,
    MAX_BUDGET,
    MAX_PRICE_FACTOR,
    OPERATIONS,
    PRICE_KEYS,
    RECOMMENDER,
    SECTIONS,
    SOLUTION,
    TRAINING_MODES,
)
from usher.config.model import JOBS, Budget, Catalogue, Config, Job, Recommender, Solution, follows_latest
from usher.config.problems import Problems
from usher.config.readings import read_readings
from usher.config.references import check_references
from usher.config.schedules import read_schedules
from usher.datasets.schemas import NAME as COLUMN_NAME
from usher.datasets.schemas import REQUIRED, is_field, types
from usher.errors import InputError, Problem
from usher.filters.expressions import FilterError
from usher.filters.grammar import parse_filter
from usher.formats import documents
from usher.names import MAX_NAME_LENGTH, SERVICE_NAME
from usher.prices import PRICES
from usher.storage.layout import DATASETS, OUT, is_plain, job_folders

DEFAULT_SOLUTIONS = {
    "user-personalization": {"recipe": "aws-user-personalization-v2"},
    "similar-items": {"recipe": "aws-similar-items"},
    "personalized-ranking": {"recipe": "aws-personalized-ranking-v2"},
}
NAMED = ("solutions", "recommenders", "filters", *JOBS)
"""The sections that have blocks by name."""
EMPTY: Mapping[str, Any] = {
    **{name: {} for name in (*NAMED, "schemas", "group", "schedules", "prices", "adopt", "context")},
    "metricAttribution": False,
    "catalogue": {},
    "tags": [],
    "prune": False,
}
"""The default of each section, except `exports`."""
UNITS = {"minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400}
"""Seconds of each unit."""
AUTOMATIC = re.compile(r"rate\(([0-9]{1,9}) days?\)")
MAX_AUTOMATIC_DAYS = 30
"""Service guide, "Configuring automatic training"."""
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
PERIOD = re.compile(rf"([1-9][0-9]{{0,5}}) ({'|'.join(UNITS)})s?")


def parse_config(content: bytes, file: str, group: str, recipes: Collection[str]) -> Config:
    """The config of a group from its file. `recipes`: all of Personalize. Raises InputError with every problem."""
    return read_config(documents.read_document(content, file) or {}, file, group, recipes)


def read_config(content: object, file: str, group: str, recipes: Collection[str]) -> Config:
    """The config of a group from values of YAML or JSON. Raises ConfigError with every problem."""
    problems = Problems(file)
    config = _Reader(problems, group, recipes).config(content)
    check_references(problems, config, group)
    if problems.noted:
        raise ConfigError(problems.noted, config)
    return config


class ConfigError(InputError):
    """A config has problems. `config`: its readable part, for checks of other kinds at the same time."""

    def __init__(self, problems: Sequence[Problem], config: Config) -> None:
        super().__init__(problems)
        self.config = config


def default_config() -> Config:
    """The config of a group without a file: three solutions, each with a campaign."""
    recipes = [solution["recipe"] for solution in DEFAULT_SOLUTIONS.values()]
    return read_config({}, "usher.yaml", "", recipes)


@dataclass(frozen=True, slots=True)
class _Reader:
    problems: Problems
    group: str
    recipes: Collection[str]

    def config(self, content: object) -> Config:
        """Read every section, and note the problems of each."""
        given = self.problems.mapping(content, "", SECTIONS)
        ordinary = {} if "recommenders" in given else {"solutions": DEFAULT_SOLUTIONS}
        sections: dict[str, Any] = {**EMPTY, **ordinary, **given}
        sections |= {name: self.problems.named_blocks(sections[name], name) for name in NAMED}
        schemas = self.problems.mapping(sections["schemas"], "schemas", DATASETS)
        solutions = tuple(self._solution(name, block) for name, block in sections["solutions"].items())
        filters = {name: self._filter(name, block) for name, block in sections["filters"].items()}
        recipes = {solution.name: solution.recipe for solution in solutions}
        return Config(
            solutions=solutions,
            filters=filters,
            schemas={name: self._schema(name, block) for name, block in schemas.items()},
            exports=read_exports(self.problems, given["exports"], recipes, filters) if "exports" in given else None,
            group=self.problems.members(OPERATIONS["group"], sections["group"], "group"),
            recommenders=tuple(self._recommender(*named) for named in sections["recommenders"].items()),
            jobs=tuple(self._job(section, *named) for section in JOBS for named in sections[section].items()),
            metric_attribution=self._metric_attribution(sections["metricAttribution"]),
            schedules=tuple(read_schedules(self.problems, self.group, sections)),
            catalogue=self._catalogue(sections["catalogue"]),
            context=self._context(sections["context"]),
            tags=self._tags(sections["tags"]),
            prune=self.problems.one_of(sections["prune"], "prune", (True, False)),
            prices=self._prices(sections["prices"]),
            budget=self._budget(given["budget"]) if "budget" in given else None,
            readings=read_readings(self.problems, given),
            adopt=self._adopted_names(sections["adopt"]),
            file=self.problems.file,
        )

    def _solution(self, name: str, block: object) -> Solution:
        path = f"solutions.{name}"
        own, settings = self._divided(name, block, path, SOLUTION)
        recipe = self._recipe(own, path)
        if name == OUT:
            message = f"can't be a solution's name: only Usher may write below {self.group}/export/{OUT}/."
            self.problems.note(path, message, "Rename it.")
        campaign = own.get("campaign", {})
        if campaign is not False:
            campaign = self.problems.members(OPERATIONS["campaign"], campaign, f"{path}.campaign")
        self.problems.check_members(OPERATIONS["solutions"], settings, path, SOLUTION)
        self._check_training(settings, path)
        return Solution(
            name,
            recipe,
            settings,
            None if campaign is False else campaign,
            self._min_retrain_interval(own.get("retrain", "always"), f"{path}.retrain"),
            self._gate(own["gate"], f"{path}.gate", campaign) if "gate" in own else {},
            training_mode=self.problems.one_of(own.get("trainingMode", "FULL"), f"{path}.trainingMode", TRAINING_MODES),
            idle=self.problems.one_of(own.get("idle", "keep"), f"{path}.idle", IDLE_MODES),
        )

    def _recommender(self, name: str, block: object) -> Recommender:
        path = f"recommenders.{name}"
        own, settings = self._divided(name, block, path, RECOMMENDER)
        recipe = self._recipe(own, path)
        self.problems.check_members(OPERATIONS["recommenders"], settings, path, RECOMMENDER)
        return Recommender(name, recipe, settings)

    def _job(self, section: str, name: str, block: object) -> Job:
        path = f"{section}.{name}"
        own, settings = self._divided(name, block, path, JOB)
        self.problems.check_members(OPERATIONS[section], settings, path, JOB)
        self.problems.check_types(own, path, JOB)
        file = str(own.get("input", f"{self.group}/{section}/{name}.jsonl"))
        is_own = self._is_input(file, f"{path}.input")
        return Job(
            name,
            JOBS[section],
            str(own.get("solution", "")),
            str(own.get("filter", "")),
            settings,
            "schedule" in own,
            file if is_own else "",
            own.get("optional") is True,
        )

    def _divided(
        self, name: str, block: object, path: str, own_keys: Collection[str]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """A named block's own keys, and the members of its operation."""
        if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii() or len(name) > MAX_NAME_LENGTH:
            remedy = f"Use up to {MAX_NAME_LENGTH} letters, digits, - and _."
            self.problems.note(path, "is not a usable name.", remedy)
        members = self.problems.mapping(block, path)
        return {key: members.pop(key) for key in own_keys if key in members}, members

    def _recipe(self, block: Mapping[str, object], path: str) -> str:
        recipe = str(block.get("recipe", "")).rpartition("/")[2]
        if recipe not in self.recipes:
            message = f"names the recipe {recipe!r}, which Personalize does not have." if recipe else "names no recipe."
            self.problems.note(f"{path}.recipe", message, self.problems.suggestion(recipe, self.recipes))
        return recipe

    def _check_training(self, settings: Mapping[str, Any], path: str) -> None:
        if settings.get("performAutoML"):
            remedy = "Remove it; usher evaluate compares recipes."
            self.problems.note(
                f"{path}.performAutoML", "asks Personalize to choose the recipe, which it no longer does.", remedy
            )
        automatic: Any = settings
        for member in ("solutionConfig", "autoTrainingConfig", "schedulingExpression"):
            automatic = automatic.get(member) if isinstance(automatic, Mapping) else None
        if automatic is not None:
            place = f"{path}.solutionConfig.autoTrainingConfig.schedulingExpression"
            days = AUTOMATIC.fullmatch(str(automatic))
            if not days or not 1 <= int(days[1]) <= MAX_AUTOMATIC_DAYS:
                message = f"is {str(automatic)[:99]}, which is not a schedule of automatic training."
                self.problems.note(place, message, f"Write rate(1 day) to rate({MAX_AUTOMATIC_DAYS} days).")
        config = settings.get("solutionConfig")
        threshold = config.get("eventValueThreshold") if isinstance(config, Mapping) else None
        place = f"{path}.solutionConfig.eventValueThreshold"
        if isinstance(threshold, str) and not NUMBER.fullmatch(threshold):
            self.problems.note(place, f"is {threshold[:99]}, which is not a number.", 'Write a number in quotes: "3".')
        elif threshold is not None and "eventType" not in settings:
            self.problems.note(place, "needs an eventType.", "Name the type of the events whose values it is about.")

    def _min_retrain_interval(self, value: object, path: str) -> float:
        if value in ("always", "manual"):
            return 0 if value == "always" else math.inf
        period = self.problems.mapping(value, path, ("atMost",)).get("atMost") if isinstance(value, Mapping) else None
        match = PERIOD.fullmatch(period) if isinstance(period, str) else None
        if not match:
            self.problems.note(path, f"is {str(value)[:99]}.", "Write always, manual, or {atMost: 1 day}.")
            return 0
        return int(match[1]) * UNITS[match[2]]

    def _gate(self, block: object, path: str, campaign: Any) -> Mapping[str, Any]:
        gate = self.problems.mapping(block, path, GATE)
        self.problems.check_types(gate, path, GATE)
        if "metric" not in gate or len(gate) == 1:
            self.problems.note(path, "lacks a metric, or a value to compare it with.", "See docs/configuration.md.")
        if campaign is not False and follows_latest(campaign):
            remedy = "Remove the gate, or let Usher deploy the campaign."
            self.problems.note(path, "can't block a campaign that follows the latest version by itself.", remedy)
        return gate

    def _is_input(self, key: str, path: str) -> bool:
        """Whether a job's input is one of the group's own files; a problem is noted if not."""
        folder = next((folder for folder in job_folders(self.group) if key.startswith(folder)), "")
        if not folder or not is_plain(key) or key.removeprefix(folder).startswith("out/"):
            message = f"is {key[:99]!r}, which is not a file of this group."
            remedy = f"Put it below {self.group}/, but not below {self.group}/out/, and write its whole key."
            self.problems.note(path, message, remedy)
            return False
        return True

    def _filter(self, name: str, block: object) -> Mapping[str, Any]:
        path = f"filters.{name}"
        _, members = self._divided(name, block if isinstance(block, Mapping) else {"filterExpression": block}, path, ())
        expression = members.get("filterExpression")
        if not isinstance(expression, str) or not expression.strip():
            remedy = "Write it as one text, such as: EXCLUDE ItemID WHERE ..."
            self.problems.note(path, "is not a filter expression.", remedy)
            return {"filterExpression": ""}
        members["filterExpression"] = " ".join(expression.split())
        try:
            parse_filter(members["filterExpression"])
        except FilterError as error:
            self.problems.note(path, f"can't be read: {error}.", error.remedy)
        return self.problems.members(OPERATIONS["filters"], members, path)

    def _schema(self, dataset: str, block: object) -> Mapping[str, Any]:
        path = f"schemas.{dataset}"
        schema = self.problems.mapping(block, path)
        fields = schema.get("fields")
        if not isinstance(fields, list) or not all(map(is_field, fields)):
            remedy = 'Write each as {name: AGE, type: ["null", int]}; the quotes matter.'
            self.problems.note(f"{path}.fields", "is not a list of Avro fields.", remedy)
            return {}
        for name in (name for name in REQUIRED[dataset] if name not in types(schema)):
            self.problems.note(f"{path}.fields", f"lacks {name}.", "Personalize requires it: add it.")
        return schema

    def _metric_attribution(self, block: object) -> Mapping[str, Any] | None:
        if block is False:
            return None
        return self.problems.members(OPERATIONS["metricAttribution"], block, "metricAttribution")

    def _catalogue(self, block: object) -> Catalogue:
        if block is False:
            return Catalogue(users=False)
        given = {"columns": block} if isinstance(block, list) else self.problems.mapping(block, "catalogue", CATALOGUE)
        self.problems.check_types(given, "catalogue", CATALOGUE)
        columns = self._columns(given.get("columns", []), "catalogue.columns", "items, such as [TITLE, PRICE]")
        of_users = self._columns(given.get("users", []), "catalogue.users", "users, such as [AGE]")
        return Catalogue(columns, str(given.get("available", "")), of_users)

    def _columns(self, names: object, path: str, remedy: str) -> tuple[str, ...]:
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            return tuple(dict.fromkeys(names))
        self.problems.note(path, f"is {str(names)[:99]}.", f"List the names of columns of the {remedy}.")
        return ()

    def _context(self, block: object) -> Mapping[str, str]:
        context = self.problems.mapping(block, "context")
        for name, source in context.items():
            if not COLUMN_NAME.fullmatch(name):
                self.problems.note(f"context.{name}"[:99], "is not the name of a field.", "Use letters, digits and _.")
            if source not in CONTEXT_SOURCES:
                remedy = f"Write one of {', '.join(CONTEXT_SOURCES)}."
                self.problems.note(f"context.{name}"[:99], f"is {str(source)[:99]}.", remedy)
        return context

    def _tags(self, block: object) -> tuple[Mapping[str, str], ...]:
        self.problems.check_members("TagResource", {"tags": block}, "tags")
        return tuple(block) if isinstance(block, list) else ()

    def _prices(self, block: object) -> Mapping[str, float]:
        prices = self.problems.mapping(block, "prices", PRICE_KEYS)
        self.problems.check_types(prices, "prices", PRICE_KEYS)
        for name, price in prices.items():
            maximum = MAX_PRICE_FACTOR * PRICES[name]
            if isinstance(price, int | float) and not 0 <= price <= maximum:
                self.problems.note(f"prices.{name}", "is out of range.", f"Give it dollars, from 0 to {maximum:g}.")
        return prices

    def _budget(self, block: object) -> Budget | None:
        budget = self.problems.mapping(block, "budget", BUDGET)
        self.problems.check_types(budget, "budget", BUDGET)
        for name, limit in (("monthly", MAX_BUDGET), ("warnAt", 1), ("stopAt", 1)):
            value = budget.get(name, 1)
            if isinstance(value, int | float) and not (0 < value <= limit or (name != "monthly" and value == 0)):
                what = f"Give it dollars, up to {limit:,.0f}." if name == "monthly" else "Give it a share, from 0 to 1."
                self.problems.note(f"budget.{name}", f"is {str(value)[:99]}.", what)
        if not isinstance(block, Mapping):
            return None
        if "monthly" not in budget:
            self.problems.note("budget", "lacks monthly.", "Write {monthly: 300}: US dollars in a calendar month.")
            return None
        shares = {"warn_at": budget.get("warnAt", 0.8), "stop_at": budget.get("stopAt", 1.0)}
        return Budget(budget["monthly"], **shares)

    def _adopted_names(self, block: object) -> Mapping[str, str]:
        names = self.problems.mapping(block, "adopt")
        self.problems.check_types(names, "adopt", {id_: {"type": "string"} for id_ in names})
        for id_, name in names.items():
            if isinstance(name, str) and not SERVICE_NAME.fullmatch(name):
                remedy = "Use up to 63 letters, digits, - and _, starting with a letter or a digit."
                self.problems.note(f"adopt.{id_}", f"is {name[:99]}, which is not a name in Personalize.", remedy)
        return names
