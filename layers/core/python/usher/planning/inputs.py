"""A group's inputs: its config and its data, loaded from the bucket and checked as a whole before any cost arises."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from usher.aws import digest, now
from usher.clients import PersonalizeClient
from usher.config.model import Config
from usher.datasets import data_rules
from usher.datasets.byte_ranges import is_plain_csv
from usher.datasets.dataset_files import read_files
from usher.datasets.diagnosis import diagnosis_report
from usher.datasets.duplicates import too_many_rows
from usher.datasets.profile import DatasetProfile
from usher.datasets.profile_cache import ProfileCache
from usher.datasets.read_limits import LIMITS, ReadLimits
from usher.datasets.reading import Reading, Source
from usher.datasets.schemas import (
    Schema,
    check_change,
    check_schema,
    envelope,
    fields,
    make_schema,
    types,
    with_added_columns,
)
from usher.errors import InputError, Problem
from usher.planning.config_file import try_load_config
from usher.planning.data_references import check_data_references
from usher.planning.desired import Data
from usher.planning.job_inputs import input_problems, missing_inputs
from usher.planning.misplaced_files import check_group_name, misplaced_files
from usher.planning.recipe_limits import above_recipe_limits, lacking_attributes
from usher.resources.inventory import Inventory
from usher.resources.kinds import GROUP_TAG, KINDS
from usher.resources.lookup import is_being_deleted
from usher.storage.bucket import Bucket, File
from usher.storage.layout import (
    DATASETS,
    data_keys,
    data_location,
    increment_keys,
    is_data,
    suffix_of,
)

MAX_ITEMS = 5_000_000
"""The most items of a catalogue: the most that Personalize trains on (service guide, "Quotas")."""
MAX_FILES = 10_000
"""The most data files of a group: each is opened in every run."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """A group's checked config and data, ready for planning."""

    config: Config
    data: Mapping[str, Data]
    report: Mapping[str, Any]
    """The data as the run's record reports it, per dataset: files, bytes, rows, ids (distinct ones, at most: users of
    interactions), columns, rejected, findings, added (bytes, rows and ids by increment)."""
    notes: Sequence[Problem] = ()
    """Notes on parts of the config that have no effect."""
    sources: Mapping[str, Source] = field(default_factory=dict)
    """The Source of each import, by s3:// address."""


@dataclass(frozen=True, slots=True)
class DatasetCheck:
    """One dataset: the content of its files, and its problems."""

    data: Data
    report: dict[str, Any]
    """The dataset's report, as in Inputs."""
    problems: Sequence[Problem]
    sources: Mapping[str, Source]
    """The dataset's sources, as in Inputs."""
    profile: DatasetProfile
    """The profile of the files, without increments."""


@dataclass(frozen=True, slots=True)
class _Folder:
    """A group's files, by key, and their bucket."""

    bucket: Bucket
    group: str
    files: Mapping[str, File]
    limits: ReadLimits

    @classmethod
    def of(cls, bucket: Bucket, group: str, limits: ReadLimits) -> "_Folder":
        return cls(bucket, group, {file.key: file for file in bucket.files_of(group)}, limits)

    def data_keys(self, dataset: str) -> list[str]:
        return data_keys(list(self.files), self.group, dataset)

    def increment_keys(self, dataset: str) -> list[str]:
        return increment_keys(list(self.files), self.group, dataset)

    def files_of(self, keys: Iterable[str]) -> list[File]:
        return [self.files[key] for key in keys]

    def profile(self, dataset: str, keys: Iterable[str], reading: Reading) -> DatasetProfile:
        return ProfileCache(self.bucket, self.limits).profile(dataset, self.files_of(keys), self.files, reading)


@dataclass(frozen=True, slots=True)
class _SchemaInUse:
    """The schema of a group's dataset in Personalize, if there is one."""

    schema: Schema | None = None
    name: str = ""


def load_inputs(
    bucket: Bucket, group: str, inventory: Inventory, arn_prefix: str, limits: ReadLimits = LIMITS
) -> Inputs | None:
    """Load and check a group's inputs; None while it has no interactions yet. Raises InputError with every problem."""
    check_group_name(group)
    folder = _Folder.of(bucket, group, limits)
    loaded = try_load_config(bucket, group, folder.files, inventory.clients["personalize"])
    config, problems = loaded.usable, [*misplaced_files(folder.files, group), *loaded.problems]
    if not problems and not folder.data_keys("interactions"):
        return None
    _check_number_of_files(folder, problems)
    checks: dict[str, DatasetCheck] = {}
    for dataset in filter(folder.data_keys, DATASETS):
        in_use = _schema_in_use(inventory, arn_prefix, group, config, dataset)
        checks[dataset] = _check_dataset(folder, dataset, config, in_use)
    report = _report(checks, config, group)
    problems += [problem for check in checks.values() for problem in check.problems]
    missing = missing_inputs(bucket, loaded.config)
    problems += [missing[job.input] for job in loaded.config.jobs if job.input in missing and not job.optional]
    problems += _reference_problems(folder, loaded.config, checks, missing, inventory, arn_prefix)
    if "items" in checks:
        problems += lacking_attributes(loaded.config, checks["items"].profile, checks["items"].data.schema)
        problems += too_many_items(loaded.config, checks["items"].report["rows"])
    else:
        problems += lacking_attributes(loaded.config)
    if problems:
        raise InputError(problems, report)
    sources = {location: files for check in checks.values() for location, files in check.sources.items()}
    config = replace(config, jobs=tuple(job for job in config.jobs if job.input not in missing))
    data = {dataset: check.data for dataset, check in checks.items()}
    notes = [*loaded.notes, *missing.values(), *_unused_columns(bucket, config, checks)]
    return Inputs(config, data, report, notes, sources)


def _reference_problems(
    folder: _Folder,
    config: Config,
    checks: Mapping[str, DatasetCheck],
    missing: Collection[str],
    inventory: Inventory,
    arn_prefix: str,
) -> list[Problem]:
    """The problems of a config and of jobs' inputs that do not fit the data. `missing`: the inputs that do
    not exist.
    """

    def problems_with(schemas: Mapping[str, Schema]) -> list[Problem]:
        columns = {dataset: fields(schema) for dataset, schema in {**schemas, **configured}.items()}
        return [
            *check_data_references(config, columns, folder.group),
            *input_problems(folder.bucket, config, missing, columns),
        ]

    configured = {dataset: schema for dataset, schema in config.schemas.items() if schema and dataset in checks}
    schemas = {dataset: check.data.schema for dataset, check in checks.items()}
    problems, in_use = problems_with(schemas), {}
    for dataset in DATASETS if problems else ():
        if dataset not in schemas and (
            schema := _schema_in_use(inventory, arn_prefix, folder.group, config, dataset).schema
        ):
            in_use[dataset] = schema
    return problems_with({**schemas, **in_use}) if in_use else problems


def too_many_items(config: Config, rows: int) -> Iterator[Problem]:
    """The problem of a catalogue with more items than it takes. `rows`: of the items."""
    if config.catalogue.has_items and rows > MAX_ITEMS:
        message = f"would have about {rows:,d} items; the most are {MAX_ITEMS:,d}."
        yield Problem(f"{config.file}: catalogue", message, "Remove it, or items that should not be recommended.")


def recipe_type(personalize: PersonalizeClient, recipe_arn: str) -> str:
    """The type of a recipe, such as USER_PERSONALIZATION."""
    return str(personalize.describe_recipe(recipeArn=recipe_arn)["recipe"]["recipeType"])


def _check_number_of_files(folder: _Folder, problems: Sequence[Problem]) -> None:
    """Raise InputError, with the problems so far, if a group has more data files than a run can open."""
    number = sum(map(is_data, folder.files))
    if number > MAX_FILES:
        message = f"has {number} data files; Usher reads up to {MAX_FILES}."
        raise InputError([*problems, Problem(f"{folder.group}/", message, "Put the rows of several files into one.")])


def _check_dataset(folder: _Folder, dataset: str, config: Config, in_use: _SchemaInUse) -> DatasetCheck:
    """Profile a dataset's files and compare them with the rules, its schema, and the solutions that train on it."""
    keys = folder.data_keys(dataset)
    location = data_location(folder.group, dataset, keys)
    reading = config.reading(dataset)
    whole = folder.profile(dataset, keys, reading)
    added = {key: folder.profile(dataset, [key], reading) for key in folder.increment_keys(dataset)}
    schema = _choose_schema(whole, config.schemas.get(dataset), in_use.schema)
    seconds = now().timestamp()
    findings = data_rules.check_dataset(whole, schema, location, inferred=dataset not in config.schemas, now=seconds)
    errors = [finding for finding in findings if finding.severity == "error"]
    url = folder.bucket.url
    return DatasetCheck(
        data=Data(
            url(location),
            _digest(whole, keys, reading),
            schema,
            {url(key): _digest(table, [key], reading) for key, table in added.items()},
            in_use.name if schema == in_use.schema else "",
            _event_types([whole, *added.values()]),
        ),
        report=_dataset_report(keys, whole, added, findings),
        problems=[
            *_file_beside_folder(keys, location),
            *(
                [finding.problem for finding in errors]
                or check_schema(dataset, schema, location, config.group.get("domain"))
                or check_change(dataset, in_use.schema, schema, location)
                or _missing_event_types(config, whole)
            ),
            *_increment_problems(added, schema),
            *(
                problem
                for key, table in {location: whole, **added}.items()
                if reading.deduplicate
                for problem in too_many_rows(key, table.rows, folder.limits)
            ),
        ],
        sources={
            url(one): Source(folder.files_of(some), reading)
            for one, some in {location: keys, **{key: [key] for key in added}}.items()
        },
        profile=whole,
    )


def _event_types(tables: Iterable[DatasetProfile]) -> list[str] | None:
    """The event types of some files, in lower case; None if there are more than are counted."""
    columns = [table.columns["EVENT_TYPE"].values for table in tables if "EVENT_TYPE" in table.columns]
    return None if None in columns else sorted({one.lower() for values in columns for one in values or ()})


def _digest(table: DatasetProfile, keys: Sequence[str], reading: Reading) -> str:
    """The digest of an import: of the files and of their Reading, unless Personalize takes them as they are."""
    plain = all(is_plain_csv(key, reading) for key in keys)
    return table.digest if plain else digest([table.digest, reading.facts(), [suffix_of(key) for key in keys]], 64)


def _dataset_report(
    keys: Sequence[str],
    whole: DatasetProfile,
    added: Mapping[str, DatasetProfile],
    findings: Sequence[data_rules.Finding],
) -> dict[str, Any]:
    increments = {
        key.rpartition("/")[2]: {"bytes": table.size, "rows": table.rows, "ids": table.max_distinct_ids}
        for key, table in added.items()
    }
    return {
        "files": list(keys),
        "bytes": whole.size,
        "rows": whole.rows,
        "ids": whole.max_distinct_ids,
        "columns": list(whole.columns),
        "rejected": sum(finding.rows for finding in findings if finding.severity == "error"),
        "findings": findings,
        **({"added": increments} if increments else {}),
    }


def _report(checks: Mapping[str, DatasetCheck], config: Config, group: str) -> dict[str, Any]:
    """The report on every dataset, with the diagnosis of the interactions and warnings about the limits of recipes."""
    report = {dataset: check.report for dataset, check in checks.items()}
    if "interactions" in checks:
        known = {dataset: check.profile.diagnosis for dataset, check in checks.items()}
        report["interactions"]["diagnosis"] = diagnosis_report(
            known["interactions"], known.get("items"), known.get("users")
        )
    recipes = {*(one.recipe for one in config.solutions), *(one.recipe for one in config.recommenders)}
    for dataset, finding in above_recipe_limits(report, recipes, group):
        report[dataset]["findings"].append(finding)
    return report


def _file_beside_folder(keys: Sequence[str], location: str) -> list[Problem]:
    """The problem of a dataset with a file of its own and other files."""
    folder = f"{location.removesuffix('/')}/"
    own = [key for key in keys if not key.startswith(folder)]
    if not own or len(keys) == 1:
        return []
    other = next((key for key in own if key != own[0]), f"the folder {folder}")
    return [Problem(own[0], f"conflicts with {other}.", "Keep one of the two.")]


def _unused_columns(bucket: Bucket, config: Config, checks: Mapping[str, DatasetCheck]) -> list[Problem]:
    """Notes on names in `columns` that no file has; all files of a dataset have the same columns."""
    headers = {
        dataset: list(next(read_files(bucket, next(iter(check.sources.values())).files)).columns)
        for dataset, check in checks.items()
        if config.reading(dataset).columns
    }
    named = {name for dataset in headers for name in config.reading(dataset).columns}
    known = {name for dataset, header in headers.items() for name in config.reading(dataset).columns if name in header}
    remedy = f"Use some of: {', '.join(dict.fromkeys(name for header in headers.values() for name in header))}."
    return [
        Problem(f"{config.file}: columns.{name}", "is not the name of a column of the files.", remedy)
        for name in sorted(named - known)
    ]


def _increment_problems(added: Mapping[str, DatasetProfile], schema: Schema) -> list[Problem]:
    findings = [
        finding for key, table in added.items() for finding in data_rules.check_dataset(table, schema, key, whole=False)
    ]
    return [finding.problem for finding in findings if finding.severity == "error"]


def _missing_event_types(config: Config, table: DatasetProfile) -> list[Problem]:
    """The problems of solutions that train on an event type with too few interactions."""
    if table.dataset != "interactions":
        return []
    return [
        problem
        for solution in config.solutions
        if "eventType" in solution.settings
        for problem in data_rules.check_event_type(
            table, solution.settings["eventType"], f"{config.file}: solutions.{solution.name}.eventType"
        )
    ]


def _schema_in_use(inventory: Inventory, arn_prefix: str, group: str, config: Config, dataset: str) -> _SchemaInUse:
    """The schema of the group's dataset; none if there is no dataset, or the dataset group is another's."""
    name = config.adopt.get(f"dataset_group/{group}", group)
    details = inventory.describe(KINDS["dataset"], f"{arn_prefix}:dataset/{name}/{dataset.upper()}")
    dataset_group = inventory.describe(KINDS["dataset_group"], details["datasetGroupArn"]) if details else {}
    if not dataset_group or is_being_deleted(dataset_group):
        return _SchemaInUse()
    if inventory.tags(dataset_group["datasetGroupArn"]).get(GROUP_TAG) != group:
        return _SchemaInUse()
    schema = inventory.describe(KINDS["schema"], details["schemaArn"])
    return _SchemaInUse(json.loads(schema["schema"]), schema["name"])


def _choose_schema(table: DatasetProfile, configured: Schema | None, in_use: Schema | None) -> Schema:
    """The schema to import with: the config's; else the one in use, with the columns that the data adds."""
    if configured:
        return {**envelope(table.dataset), **configured}
    if in_use and list(types(in_use)) == list(table.columns):
        return in_use
    required = dict.fromkeys(table.missing_columns, "string")
    own = make_schema(
        table.dataset, required | {name: column.suggested_type(table.rows) for name, column in table.columns.items()}
    )
    return with_added_columns(in_use, own) if in_use else own
