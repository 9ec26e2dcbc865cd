"""The config's references to the group's data: datasets, columns and fields. Pure."""

import re
from collections.abc import Iterator, Mapping

from usher.config.exports import parsed
from usher.config.model import Config, Export, Solution
from usher.config.problems import nearest
from usher.datasets.schemas import REQUIRED, Field
from usher.errors import Problem
from usher.filters.expressions import FilterError, plain
from usher.filters.grammar import parse_attributes
from usher.filters.rules import attribute_errors, filter_errors, group_errors
from usher.recipes import RECIPES

Columns = Mapping[str, Mapping[str, Field]]
"""The columns by name, by dataset."""
METRIC = re.compile(r"SAMPLECOUNT\(\)|SUM\((Interactions|Items)\.(\w+)\)", re.IGNORECASE)
"""Service guide, "Measuring impact of recommendations": the expressions of a metric attribution."""
NOT_EXCLUDED = "EVENT_TYPE"
"""The column that training always uses."""


def check_data_references(config: Config, columns: Columns, group: str) -> Iterator[Problem]:
    """The problems of names in a config that the data does not have. `config`: its readable part."""
    of_columns = _Checks(config, columns, group)
    yield from of_columns.filters()
    for solution in config.solutions:
        yield from of_columns.solution(solution)
    for recommender in config.recommenders:
        config_of = recommender.settings.get("recommenderConfig")
        yield from of_columns.training_columns(f"recommenders.{recommender.name}.recommenderConfig", config_of)
    for name, export in (config.exports or {}).items():
        yield from of_columns.export(f"exports.{name}", export)
    yield from of_columns.catalogue()
    yield from of_columns.metrics()


class _Checks:
    def __init__(self, config: Config, columns: Columns, group: str) -> None:
        self.config, self.columns, self.group = config, columns, group
        self.fields = {dataset.upper(): list(some.values()) for dataset, some in columns.items()}

    def problem(self, path: str, message: str, remedy: str) -> Problem:
        return Problem(f"{self.config.file}: {path}", message, remedy)

    def filters(self) -> Iterator[Problem]:
        expressions = {name: parsed(self.config.filters, name) for name in self.config.filters}
        for name, expression in expressions.items():
            for error in filter_errors(expression, self.fields):
                yield self.problem(f"filters.{name}", f"can't be made: {error}.", error.remedy)
        for error in group_errors(expressions.values()):
            yield self.problem("filters", f"can't all be made: {error}.", error.remedy)

    def solution(self, solution: Solution) -> Iterator[Problem]:
        path, recipe = f"solutions.{solution.name}", RECIPES.get(solution.recipe)
        for dataset in (one for one in (recipe.needs if recipe else ()) if one not in self.columns):
            message = f"needs {self.group}/{dataset}.csv, which does not exist."
            yield self.problem(path, message, "Put it there, or use another recipe.")
        items = self.columns.get("items", {})
        if recipe and recipe.needs_text and items and not any(column.textual for column in items.values()):
            remedy = "Mark one in schemas.items: {name: DESCRIPTION, type: string, textual: true}."
            yield self.problem(path, "needs a textual column of the items.", remedy)
        settings = solution.settings.get("solutionConfig")
        yield from self.training_columns(f"{path}.solutionConfig", settings)
        objective = settings.get("optimizationObjective") if isinstance(settings, Mapping) else None
        takes_objective = recipe is None or recipe.takes_objective
        if takes_objective and isinstance(objective, Mapping) and "itemAttribute" in objective:
            attribute = str(objective["itemAttribute"])
            numbers = [name for name, one in items.items() if one.numeric and not one.nullable]
            if attribute not in numbers:
                place = f"{path}.solutionConfig.optimizationObjective.itemAttribute"
                message = f"is {attribute[:99]}, which is not a number that every item has."
                remedy = nearest(attribute, numbers) if numbers else "Give schemas.items a number that can't be null."
                yield self.problem(place, message, remedy)

    def training_columns(self, path: str, settings: object) -> Iterator[Problem]:
        """The problems of the columns that a training is to use or to leave out."""
        config = settings.get("trainingDataConfig") if isinstance(settings, Mapping) else None
        for member in ("excludedDatasetColumns", "includedDatasetColumns"):
            named = config.get(member) if isinstance(config, Mapping) else None
            for dataset, names in named.items() if isinstance(named, Mapping) else ():
                place = f"{path}.trainingDataConfig.{member}.{dataset}"
                if str(dataset).lower() not in self.columns:
                    message = "is not a dataset of this group."
                    yield self.problem(place, message, nearest(str(dataset), [*map(str.title, self.columns)]))
                    continue
                for name in names if isinstance(names, list) else ():
                    yield from self.column(place, str(name), str(dataset).lower())
                    if member.startswith("excluded") and plain(str(name)) == plain(NOT_EXCLUDED):
                        yield self.problem(place, f"names {name}, which Personalize always uses.", "Remove it.")

    def export(self, path: str, export: Export) -> Iterator[Problem]:
        for option, dataset, names in (
            ("users", "users", list(export["users"])), ("metadata", "items", export["metadata"])
        ):  # fmt: skip
            if names and dataset not in self.columns:
                message = f"needs {self.group}/{dataset}.csv, which does not exist."
                yield self.problem(f"{path}.{option}", message, f"Put it there, or remove {option}.")
            for name in names if dataset in self.columns else ():
                yield from self.column(f"{path}.{option}", name, dataset)
        for text in export["attributes"]:
            try:
                for error in attribute_errors(parse_attributes(text), self.fields):
                    yield self.problem(f"{path}.attributes", f"can't be used: {error}.", error.remedy)
            except FilterError as error:
                yield self.problem(f"{path}.attributes", f"can't be read: {error}.", error.remedy)

    def catalogue(self) -> Iterator[Problem]:
        catalogue = self.config.catalogue
        for path, dataset, names in (
            ("columns", "items", catalogue.columns),
            ("available", "items", [catalogue.available] if catalogue.available else []),
            ("users", "users", catalogue.user_columns),
        ):
            if names and dataset not in self.columns:
                message = f"needs {self.group}/{dataset}.csv, which does not exist."
                yield self.problem(f"catalogue.{path}", message, f"Put it there, or remove {path}.")
            for name in names if dataset in self.columns else ():
                yield from self.column(f"catalogue.{path}", name, dataset)

    def metrics(self) -> Iterator[Problem]:
        metrics = (self.config.metric_attribution or {}).get("metrics")
        for number, metric in enumerate(metrics if isinstance(metrics, list) else ()):
            expression = metric.get("expression") if isinstance(metric, Mapping) else None
            if isinstance(expression, str):
                yield from self._metric(f"metricAttribution.metrics[{number}].expression", expression)

    def _metric(self, place: str, expression: str) -> Iterator[Problem]:
        found = METRIC.fullmatch(expression.replace(" ", ""))
        if not found:
            message = f"is {expression[:99]}, which is not a sum or count."
            yield self.problem(place, message, "Write SAMPLECOUNT(), or SUM(Items.PRICE) with a column of numbers.")
        elif found[1]:
            columns = self.columns.get(found[1].lower(), {})
            numbers = [name for name, column in columns.items() if column.numeric]
            if plain(found[2]) not in map(plain, numbers):
                message = f"names {found[1]}.{found[2]}, which is not a column of numbers."
                yield self.problem(place, message, nearest(found[2], numbers))

    def column(self, place: str, name: str, dataset: str) -> Iterator[Problem]:
        """The problem of a column that a dataset does not have."""
        if name not in self.columns[dataset]:
            others = [one for one in self.columns[dataset] if one not in REQUIRED[dataset]]
            yield self.problem(place, f"names {name[:99]}, which is not a column of {dataset}.", nearest(name, others))
