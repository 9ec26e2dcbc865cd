"""A first `usher.yaml` for a group's data files, with comments, and with filters that the data allows."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml
from usher.config.parser import DEFAULT_SOLUTIONS
from usher.datasets.profile import ColumnProfile, DatasetProfile
from usher.datasets.profile_cache import ProfileCache
from usher.datasets.reading import PLAIN, Reading, Unit
from usher.datasets.schemas import NAME, REQUIRED, RESERVED, most_similar
from usher.dollars import dollars
from usher.errors import InputError, Problem, UsherError
from usher.filters.expressions import FilterError
from usher.filters.grammar import parse_filter
from usher.limits import DEFAULT_RESULTS
from usher.prices import PRICES
from usher.storage.layout import DATASETS, data_keys

from usher_cli.folder import Folder

MAX_FILTERS = 5
UNIT_FACTS: Mapping[Unit, str] = {
    "iso": "date",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
}
"""The fact of a cell that is written in a unit."""
HOURS = 720
"""The hours of a month, as in docs/cost.md."""
IDS = {"interactions": "users", "items": "items", "users": "users", "actions": "actions"}
"""The noun for the IDs in a dataset's profile."""


def profiles_of(folder: Folder, group: str) -> dict[str, tuple[Reading, DatasetProfile]]:
    """The datasets of a folder: the best Reading of their files, and their profiles. Raises InputError, UsherError."""
    found = {}
    for dataset in DATASETS:
        if keys := data_keys(list(folder.paths), group, dataset):
            found[dataset] = _read(folder, dataset, keys)
    if "interactions" not in found:
        names = ", ".join(sorted(path.name for path in folder.paths.values())[:5]) or "no file"
        raise UsherError(
            f"There is no interactions.csv among the files ({names}). If one has a user, an item and a time in each "
            "row, rename it to interactions.csv: docs/files.md."
        )
    return found


def _read(folder: Folder, dataset: str, keys: Sequence[str]) -> tuple[Reading, DatasetProfile]:
    files = [file for file in folder.files("") if file.key in keys]

    def profile(reading: Reading) -> DatasetProfile:
        found = ProfileCache(folder).profile(dataset, files, (), reading)
        if found.read_errors:
            raise InputError([Problem(one.key, one.message, one.remedy) for one in found.read_errors])
        return found

    plain = profile(PLAIN)
    reading = Reading(renamed(dataset, list(plain.columns)))
    if reading.is_plain and "TIMESTAMP" not in plain.columns:
        return reading, plain
    named = profile(reading)
    unit = _unit(named.columns.get("TIMESTAMP"))
    if unit == "s":
        return reading, named
    reading = Reading(reading.columns, unit)
    return reading, profile(reading)


def renamed(dataset: str, columns: Sequence[str]) -> dict[str, str]:
    """The names in Personalize of columns that need another one, by their names in the files. Pure."""
    names: dict[str, str] = {}
    for required in REQUIRED[dataset]:
        free = [one for one in columns if one not in {*names, *REQUIRED[dataset]}]
        if required not in columns and (near := most_similar(required, filter(str.isprintable, free))):
            names[near] = required
    taken = {*columns, *names.values()}
    for one in columns:
        if not one.isprintable():
            continue  # usher.yaml can't name it
        if one not in names and not NAME.fullmatch(one):
            names[one] = ""  # it is left out
        elif one not in names and one.upper() in RESERVED[dataset] and one.upper() not in taken:
            names[one] = one.upper()
            taken.add(one.upper())
    return names


def _unit(column: ColumnProfile | None) -> Unit:
    """The unit of most cells of a column of times."""
    rows = {unit: column.facts[fact].rows for unit, fact in UNIT_FACTS.items()} if column else {}
    return max(rows, key=rows.__getitem__) if any(rows.values()) else "s"


def new_config(group: str, found: Mapping[str, tuple[Reading, DatasetProfile]]) -> str:
    """The text of a config for datasets, as `profiles_of` returns them. Pure."""
    return "\n".join(_lines(group, found)) + "\n"


def _lines(group: str, found: Mapping[str, tuple[Reading, DatasetProfile]]) -> Iterator[str]:
    profiles = {dataset: profile for dataset, (_, profile) in found.items()}
    yield f"# The resources of the group {group}: docs/configuration.md. Try it: usher validate, then usher plan."
    for dataset, profile in profiles.items():
        yield f"# {dataset}: {_facts(dataset, profile)}"
    yield from _readings(found)
    yield from _solutions(profiles["interactions"])
    yield from _filters(profiles)
    yield from _exports(profiles["interactions"])
    if "items" in profiles:
        yield from _catalogue(profiles["items"])
    yield "\n# Delete resources that this file no longer names; campaigns cost money as long as they exist:"
    yield "# prune: true"


def _facts(dataset: str, profile: DatasetProfile) -> str:
    of = f", {profile.max_distinct_ids:,d} {IDS[dataset]}" if dataset in IDS and dataset != "items" else ""
    columns = ", ".join(_comment(name) for name in profile.columns)
    return f"{profile.rows:,d} rows{of}; columns {columns}"


def _comment(text: str) -> str:
    """Text from a file in the form of a comment: on one line."""
    return text if text.isprintable() else json.dumps(text)


def _readings(found: Mapping[str, tuple[Reading, DatasetProfile]]) -> Iterator[str]:
    columns = {
        dataset: {name: target or False for name, target in reading.columns.items()}
        for dataset, (reading, _) in found.items()
        if reading.columns
    }
    units = {dataset: reading.timestamps for dataset, (reading, _) in found.items() if reading.timestamps != "s"}
    if columns:
        yield "\n# The names of your columns in Personalize; false leaves a column out."
        yield f"columns: {_flow(columns)}"
    if units:
        yield "\n# Times are not in Unix seconds: ms, us and ns are milli-, micro- and nanoseconds, iso are dates."
        yield f"timestamps: {_flow(units)}"


def _solutions(interactions: DatasetProfile) -> Iterator[str]:
    types = interactions.columns["EVENT_TYPE"].values if "EVENT_TYPE" in interactions.columns else None
    yield "\n# The models, in order of preference. Each has a campaign, which answers the API."
    yield "solutions:"
    for name, solution in DEFAULT_SOLUTIONS.items():
        is_v2 = solution["recipe"].endswith("-v2")
        monthly = f"${HOURS * 3.6 * PRICES['requestThousandV2' if is_v2 else 'requestThousand']:,.0f} a month"
        price = f"you pay for requests; even idle perhaps {monthly}" if is_v2 else f"it costs {monthly}, even idle"
        yield f"  {name}: {{recipe: {solution['recipe']}}}  # {price}"
    yield "  # popular: {recipe: aws-popularity-count, campaign: false}  # popular items, for exports and gates"
    if types:
        most = ", ".join(f"{_comment(name)} ({rows:,d})" for name, rows in types.most_common(5) if name)
        yield f"# Events are of these types: {most}."
        yield "# To train on one of them: add eventType to a solution."
    yield "# To train on new data at most once a day: retrain: {atMost: 1 day}."
    yield "# To keep worse models from going live: gate: {metric: precision_at_25, versusLive: 0.95}."


def filters_of(profiles: Mapping[str, DatasetProfile]) -> dict[str, str]:
    """Filters that the data allows: items that a user has met already, and items by category. Pure."""
    types = profiles["interactions"].columns.get("EVENT_TYPE")
    filters = {}
    if types and types.values:
        most = max(types.values, key=lambda name: types.values[name] if types.values else 0)
        filters["unseen"] = f"EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ({json.dumps(most, ensure_ascii=False)})"
    items = profiles.get("items")
    for name, column in items.columns.items() if items else ():
        if name not in RESERVED["items"] and column.suggested_type(items.rows if items else 0) == "categorical":
            filters[f"by-{name.lower().replace('_', '-')[:30]}"] = (
                f"INCLUDE ItemID WHERE Items.{name} IN (${name[:50].strip('_') or 'VALUE'})"
            )
    return {name: text for name, text in list(filters.items())[:MAX_FILTERS] if _is_filter(text)}


def _is_filter(expression: str) -> bool:
    if not expression.isprintable():
        return False  # usher.yaml can't have it
    try:
        parse_filter(expression)
    except FilterError:
        return False
    return True


def _filters(profiles: Mapping[str, DatasetProfile]) -> Iterator[str]:
    if filters := filters_of(profiles):
        yield "\n# To use one of these: usher recommend <group> <user> --filter <name>. They cost nothing."
        yield "filters:"
        for name, text in filters.items():
            yield f"  {_flow(name)}: {_flow(text)}"


def _exports(interactions: DatasetProfile) -> Iterator[str]:
    first, solution = next(iter(DEFAULT_SOLUTIONS.items()))
    price = PRICES["batchThousandV2" if solution["recipe"].endswith("-v2") else "batchThousand"]
    once = interactions.max_distinct_ids / 1000 * price
    yield f"\n# Recommendations for all users as files, every night, for about {dollars(max(once, 0.01))}. false: none."
    yield f"exports: {{{first}: {{numResults: {DEFAULT_RESULTS}}}}}"


def _catalogue(items: DatasetProfile) -> Iterator[str]:
    columns = [name for name in items.columns if name not in RESERVED["items"] and NAME.fullmatch(name)]
    if columns:
        yield "\n# Columns that the API returns with items: usher recommend <group> <user> --details true."
        yield f"catalogue: {_flow(columns[:10])}"


def _flow(value: Any) -> str:
    """A value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")
