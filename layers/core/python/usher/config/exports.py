"""The section `exports` of usher.yaml: recommendations for many at once, by solution.

    exports:
      for-you: {numResults: 25, filter: genre, filterValues: {GENRE: Comedy}, users: {COUNTRY: [DE, AT]}}
      similar: {formats: [csv, parquet], metadata: [TITLE], table: true, schedule: rate(1 day)}
      fans: {attributes: ['ITEMS.GENRES = "Comedy"'], numResults: 1000}

Keys that are not Usher's own are members of CreateBatchInferenceJob, or of CreateBatchSegmentJob.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from usher.config.keys import DEFAULT_KEEP, EXPORT, FORMATS, OPERATIONS
from usher.config.model import DesiredExport, Export
from usher.config.problems import Problems, quotes
from usher.datasets.reading import Reading
from usher.errors import InputError, Problem
from usher.filter_values import as_filter_value
from usher.filters.expressions import Expression, FilterError, needed, placeholders
from usher.filters.grammar import parse_filter
from usher.limits import DEFAULT_RESULTS
from usher.recipes import BY_USER, is_without_batch, recipe_of

Filters = Mapping[str, Mapping[str, Any]]
"""Members of CreateFilter, by filter name."""
UNABLE = "is for a solution whose recipe has no batch jobs in Personalize."
OPTIONS = ("users", "items", "attributes", "metadata", "table")
"""The keys of an export that not every recipe allows: see BatchShape.options."""


NO_READINGS: Mapping[str, Reading] = {}


def read_exports(problems: Problems, block: object, recipes: Mapping[str, str], filters: Filters) -> dict[str, Export]:
    """The exports of a config, by solution. `recipes`: by name of the solution."""
    named = {} if block is False else problems.mapping(block, "exports")
    return {name: _export(problems, name, one, recipes, filters) for name, one in named.items()}


def desired_exports(
    configured: Mapping[str, Export] | None,
    recipes: Mapping[str, str],
    types: Mapping[str, str],
    scheduled: Collection[str] = (),
    readings: Mapping[str, Reading] = NO_READINGS,
) -> dict[str, DesiredExport]:
    """The exports that a group is to have. Raises InputError if a recipe does not allow an option of its export.

    `configured`: None: the first solution that recommends items to users is exported. `recipes`, `types`: by name of
    the solution. `scheduled`: the tasks with schedules of their own. `readings`: the Reading of each dataset.
    """
    exports = configured
    if exports is None:
        able = (name for name, recipe in recipes.items() if recipe_of(recipe, types[name]).batch is BY_USER)
        first = next(able, "")
        exports = read_exports(Problems(""), {first: {}} if first else {}, recipes, {})
    if problems := list(disallowed_options(exports, recipes, types)):
        raise InputError([Problem(f"usher.yaml: {path}", message, remedy) for path, message, remedy in problems])
    return {
        name: {
            **export,
            "recipe": recipes[name],
            "scheduled": export["scheduled"] or "export" in scheduled,
            "readings": readings,
        }
        for name, export in exports.items()
    }


def disallowed_options(
    exports: Mapping[str, Export], recipes: Mapping[str, str], types: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    """The path, message and remedy of each option that its recipe does not allow. `recipes`, `types`: by name of the
    solution.
    """
    for name, export in exports.items():
        place = f"exports.{name}"
        shape = recipe_of(recipes[name], types[name]).batch
        if shape is None:
            yield place, UNABLE, "Remove it."
            continue
        options: Mapping[str, object] = {**export}
        for option in (option for option in OPTIONS if options[option] and option not in shape.options):
            message = f"is not allowed in exports of {recipes[name]}."
            yield f"{place}.{option}", message, f"Remove it; allowed are: {', '.join(shape.options)}."


def _export(problems: Problems, name: str, block: object, recipes: Mapping[str, str], filters: Filters) -> Export:
    path = f"exports.{name}"
    problems.check_reference(name, path, recipes)
    recipe = recipes.get(name, "")
    if is_without_batch(recipe):
        problems.note(path, UNABLE, "Remove it; ask the API for this solution's recommendations.")
    settings = problems.mapping(block, path)
    own = {key: settings.pop(key) for key in EXPORT if key in settings}
    if "context" in settings:
        message = "is not possible: Personalize's batch jobs take no context."
        problems.note(f"{path}.context", message, "Remove it; the API takes one.")
        del settings["context"]
    settings["numResults"] = _positive(problems, settings, "numResults", DEFAULT_RESULTS, path)
    batch = recipe_of(recipe).batch
    section = "segments" if batch and batch.job == "batch_segment_job" else "batch"
    problems.check_members(OPERATIONS[section], settings, path, EXPORT)
    problems.check_types(own, path, EXPORT)
    values, needs = _filter_values(problems, own, path, filters)
    users = problems.mapping(own.get("users", {}), f"{path}.users")
    return Export(
        settings=settings,
        filter=own.get("filter", ""),
        filterValues=values,
        needs=needs,
        users={column: _texts(problems, value, f"{path}.users.{column}") for column, value in users.items()},
        items=_optional_texts(problems, own, "items", path),
        attributes=_optional_texts(problems, own, "attributes", path),
        formats=[
            problems.one_of(text, f"{path}.formats", FORMATS)
            for text in _texts(problems, own.get("formats", ["csv"]), f"{path}.formats")
        ],
        escapeFormulas=own.get("escapeFormulas") is True,
        metadata=_optional_texts(problems, own, "metadata", path),
        keep=_positive(problems, own, "keep", DEFAULT_KEEP, path),
        table=own.get("table") is True,
        scheduled="schedule" in own,
    )


def _filter_values(
    problems: Problems, own: Mapping[str, Any], path: str, filters: Filters
) -> tuple[dict[str, str], list[str]]:
    """The values of a filter's placeholders in the form of a job's lines, and the placeholders that need a value."""
    name, path_of_values = own.get("filter", ""), f"{path}.filterValues"
    problems.check_reference(name or None, f"{path}.filter", filters)
    values = problems.mapping(own.get("filterValues", {}), path_of_values)
    if values and not name:
        problems.note(path_of_values, "needs a filter.", "Name the filter, too.")
    expression = parsed(filters, name)
    needs = needed(expression)
    for placeholder in values if expression.clauses else ():
        problems.check_reference(placeholder, path_of_values, placeholders(expression))
    may_have_own_lines = not any(map(own.get, ("users", "items", "attributes")))  # such lines may bring values
    for placeholder in needs:
        if placeholder not in values and not may_have_own_lines:
            problems.note(path_of_values, f"has no value for ${placeholder}.", "Give it one: the filter needs it.")
    lists = {name: _values(problems, value, f"{path_of_values}.{name}") for name, value in values.items()}
    return {name: as_filter_value(some) for name, some in lists.items()}, needs


def parsed(filters: Filters, name: object) -> Expression:
    """A filter's expression; one without clauses if there is no such filter, or it can't be read."""
    try:
        return (
            parse_filter(str(filters[name]["filterExpression"]))
            if isinstance(name, str) and name in filters
            else Expression(())
        )
    except FilterError:
        return Expression(())


def _optional_texts(problems: Problems, own: Mapping[str, Any], key: str, path: str) -> list[str]:
    return _texts(problems, own[key], f"{path}.{key}") if key in own else []


def _texts(problems: Problems, value: object, path: str) -> list[str]:
    return list(map(str, _values(problems, value, path)))


def _values(problems: Problems, value: object, path: str) -> list[str | float]:
    """One or several texts or numbers, as a list."""
    values: list[Any] = value if isinstance(value, list) else [value]
    if not values or any(isinstance(one, bool) or not isinstance(one, str | int | float) for one in values):
        problems.note(path, f"is {str(value)[:99]}.", f"Give a text{quotes(value, (str,))}, or a list of them.")
        return []
    return values


def _positive(problems: Problems, block: Mapping[str, object], name: str, default: int, path: str) -> int:
    value = block.get(name, default)
    if type(value) is int and value >= 1:
        return value
    problems.note(f"{path}.{name}", f"is {value!r}.", f"Give it a number of 1 at least{quotes(value, (int,))}.")
    return default
