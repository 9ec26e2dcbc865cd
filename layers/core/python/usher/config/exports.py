"""The section `exports` of usher.yaml: recommendations for many at once, by solution.

    exports:
      for-you: {numResults: 25, filter: genre, filterValues: {GENRE: Comedy}, users: {COUNTRY: [DE, AT]}}
      similar: {formats: [csv, parquet], metadata: [TITLE], table: true, schedule: rate(1 day)}
      fans: {attributes: ['ITEMS.GENRES = "Comedy"'], numResults: 1000}

What is not Usher's own is handed to CreateBatchInferenceJob, or CreateBatchSegmentJob, verbatim.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from usher.config.checker import Checker
from usher.errors import InputError, Problem
from usher.filter_values import PLACEHOLDER, as_filter_value, needed
from usher.recipes import BY_USER, is_without_batch, recipe_of

EXPORT = (
    "filter", "filterValues", "users", "items", "attributes", "formats", "escapeFormulas", "metadata", "keep", "table",
    "schedule",
)  # fmt: skip
"""Usher's own keys of an export; all others are those of the job that makes it."""
FILLED_IN = ("jobName", "solutionVersionArn", "filterArn", "jobInput", "jobOutput", "roleArn")
FORMATS = ("csv", "parquet")
KEEP = 7
RESULTS = 25
"""numResults where none is given: Personalize's own default, too."""


UNABLE = "is of a solution whose recipe has no batch jobs in Personalize."


class ExportReader(Checker):
    """Reads the section."""

    def exports(
        self, block: Any, recipes: Mapping[str, str], filters: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Mapping[str, Any]]:
        """What is wanted, by solution. `recipes`: by solution; `filters`: members of CreateFilter."""
        named = {} if block is False else self._mapping(block, "exports")
        return {name: self._export(name, one, recipes, filters) for name, one in named.items()}

    def _export(
        self, name: str, block: Any, recipes: Mapping[str, str], filters: Mapping[str, Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        path = f"exports.{name}"
        self._check_named(name, path, recipes)
        recipe = recipes.get(name, "")
        if is_without_batch(recipe):
            self._note(path, UNABLE, "Remove it; ask the API for what this solution recommends.")
        settings = dict(self._mapping(block, path))
        own = {key: settings.pop(key) for key in EXPORT if key in settings}
        if "context" in settings:
            said = "can't be given: Personalize's batch jobs take no context."
            self._note(f"{path}.context", said, "Remove it; the API takes one.")
            del settings["context"]
        settings["numResults"] = self._at_least_one(settings, "numResults", RESULTS, path)
        batch = recipe_of(recipe).batch
        is_segment = batch is not None and batch.job == "batch_segment_job"
        operation = "CreateBatchSegmentJob" if is_segment else "CreateBatchInferenceJob"
        self._check_members(operation, settings, path, FILLED_IN, EXPORT)
        self._check_kinds(own, path, {"filter": str, "table": bool, "escapeFormulas": bool})
        return {
            "settings": settings,
            "filter": own.get("filter", ""),
            **self._filter_values(own, path, filters),
            "users": {
                column: self._texts(values, f"{path}.users.{column}")
                for column, values in self._mapping(own.get("users", {}), f"{path}.users").items()
            },
            **{
                option: self._texts(own[option], f"{path}.{option}") if option in own else []
                for option in ("items", "attributes", "metadata")
            },
            "formats": self._formats(own.get("formats", ["csv"]), f"{path}.formats"),
            "escapeFormulas": own.get("escapeFormulas") is True,
            "keep": self._at_least_one(own, "keep", KEEP, path),
            "table": own.get("table") is True,
            "scheduled": "schedule" in own,
        }

    def _filter_values(
        self, own: Mapping[str, Any], path: str, filters: Mapping[str, Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """The values as Personalize wants them in a line, and those that a line needs."""
        name, path_of_values = own.get("filter", ""), f"{path}.filterValues"
        self._check_named(name or None, f"{path}.filter", filters)
        values = self._mapping(own.get("filterValues", {}), path_of_values)
        if values and not name:
            self._note(path_of_values, "is without a filter.", "Name the filter, too.")
        needs: list[str] = []
        if isinstance(name, str) and name in filters:
            expression = str(filters[name].get("filterExpression"))
            needs = needed(expression)
            for one in values:
                self._check_named(one, path_of_values, PLACEHOLDER.findall(expression))
        own_lines = not any(map(own.get, ("users", "items", "attributes")))  # they may bring values
        for one in needs:
            if one not in values and not own_lines:
                self._note(path_of_values, f"has no value for ${one}.", "Give it one: the filter needs it.")
        texts = {one: self._texts(value, f"{path_of_values}.{one}", plain=False) for one, value in values.items()}
        return {"filterValues": {one: as_filter_value(given) for one, given in texts.items()}, "needs": needs}

    def _texts(self, value: Any, path: str, *, plain: bool = True) -> list[Any]:
        """One or several texts or numbers, as a list; `plain`: of texts."""
        given = value if isinstance(value, list) else [value]
        if not given or any(isinstance(one, bool) or not isinstance(one, str | int | float) for one in given):
            self._note(path, f"is {str(value)[:99]}.", "Give a text, or a list of them.")
            return []
        return list(map(str, given)) if plain else given

    def _formats(self, value: Any, path: str) -> list[str]:
        return [self._one_of(one, path, FORMATS) for one in self._texts(value, path)]

    def _at_least_one(self, block: Mapping[str, Any], name: str, default: int, path: str) -> int:
        value = block.get(name, default)
        if type(value) is int and value >= 1:
            return value
        self._note(f"{path}.{name}", f"is {value!r}.", "Give it a number of 1 at least.")
        return default


def wished(
    given: Mapping[str, Mapping[str, Any]] | None,
    recipes: Mapping[str, str],
    types: Mapping[str, str],
    scheduled: Collection[str] = (),
) -> dict[str, dict[str, Any]]:
    """The exports that a group is to have, each with its recipe. Pure.

    `given`: as the config has them; None: the first solution that recommends to users. `recipes`, `types`: of its
    solutions. `scheduled`: the tasks that the group has schedules for. Raises InputError for what can't be.
    """
    exports = given
    if exports is None:
        able = (name for name, recipe in recipes.items() if recipe_of(recipe, types[name]).batch is BY_USER)
        first = next(able, "")
        exports = ExportReader("").exports({first: {}} if first else {}, recipes, {})
    if problems := list(_misfits(exports, recipes, types)):
        raise InputError(problems)
    later = "export" in scheduled
    return {
        name: {**one, "recipe": recipes[name], "scheduled": one["scheduled"] or later} for name, one in exports.items()
    }


def _misfits(
    exports: Mapping[str, Mapping[str, Any]], recipes: Mapping[str, str], types: Mapping[str, str]
) -> Iterator[Problem]:
    """What exports ask of recipes that can't do it."""
    for name, export in exports.items():
        place = f"usher.yaml: exports.{name}"
        shape = recipe_of(recipes[name], types[name]).batch
        if shape is None:
            yield Problem(place, UNABLE, "Remove it.")
            continue
        for option in ("users", "items", "attributes", "metadata", "table"):
            if export[option] and option not in shape.options:
                said = f"is not for exports of {recipes[name]}."
                allowed = ", ".join(shape.options)
                yield Problem(f"{place}.{option}", said, f"Remove it; such an export may have: {allowed}.")
