"""Take in what lies in the bucket for a group: its config and its data, checked as a whole before anything is spent."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from usher.config.aws_solution import translate
from usher.config.parser import Config, defaults, parse, read
from usher.datasets import profile, profile_cache, rules
from usher.datasets.diagnosis import Diagnosis
from usher.datasets.diagnosis import report as diagnose
from usher.datasets.schemas import Schema, check_change, check_schema, envelope, grown, make_schema, types
from usher.errors import InputError, Problem
from usher.formats.documents import MOST_BYTES
from usher.planning.desired import Data
from usher.resources.inventory import Inventory
from usher.resources.kinds import GROUP_TAG, KINDS, is_leaving
from usher.storage.bucket import Bucket, File
from usher.storage.layout import (
    CONFIGS,
    DATASETS,
    GROUP_NAME,
    INCREMENTS,
    RESERVED_FOLDERS,
    as_own_key,
    data_keys,
    data_location,
    group_folders,
    increment_keys,
    is_config,
    is_data,
    is_solution_config,
    is_unrecognized,
)

MAX_FILES = 10_000
"""CSVs of a group: each is opened in every run."""
KNOWN_NAMES = (*CONFIGS, *(f"{dataset}.csv" for dataset in DATASETS))


@dataclass(frozen=True, slots=True)
class Inputs:
    """A group's config and data, fit to be planned with."""

    config: Config
    data: Mapping[str, Data]
    report: Mapping[str, Any]
    """What the run's record tells about the data, per dataset: files, bytes, rows, ids (different ones, at most:
    users of interactions), columns, rejected, findings, added (bytes, rows and ids by increment)."""
    notes: Sequence[Problem] = ()
    """What the config says in vain."""
    sources: Mapping[str, Sequence[File]] = field(default_factory=dict)
    """The files of each import as they were checked, by s3:// address."""


def load_inputs(bucket: Bucket, group: str, inventory: Inventory, arn_prefix: str) -> Inputs | None:
    """Read and check everything; None while there are no interactions yet. Raises InputError with every problem."""
    check_group_name(group)
    there = {file.key: file for file in bucket.files_of(group)}
    keys = list(there)
    problems = [*_twofold(keys, group), *_misplaced(keys)]
    config, notes = defaults(), list[Problem]()
    try:
        config, notes = _read_config(bucket, group, keys, inventory.clients["personalize"])
    except InputError as error:
        problems += error.problems
    if not problems and not data_keys(keys, group, "interactions"):
        return None
    tables = sum(map(is_data, keys))
    if tables > MAX_FILES:
        said = f"has {tables} CSVs; Usher reads {MAX_FILES}."
        raise InputError([*problems, Problem(f"{group}/", said, "Put the rows of several files into one.")])
    ready: dict[str, Data] = {}
    report: dict[str, Any] = {}
    known: dict[str, Diagnosis] = {}
    sources: dict[str, Sequence[File]] = {}
    for dataset in DATASETS:
        files = data_keys(keys, group, dataset)
        if not files:
            continue
        location = data_location(group, dataset, files)
        table = profile_cache.table(bucket, dataset, [there[key] for key in files], there)
        in_use, schema_name = _schema_in_use(inventory, arn_prefix, group, config, dataset)
        schema = _schema(table, config.schemas.get(dataset), in_use)
        found = rules.check(table, schema, location)
        errors = [one for one in found if one.severity == "error"]
        report[dataset] = {
            "files": files,
            "bytes": table.size,
            "rows": table.rows,
            "ids": table.most_ids,
            "columns": list(table.columns),
            "rejected": sum(one.rows for one in errors),
            "findings": found,
        }
        single = f"{location.removesuffix('/')}.csv"
        if single in files and len(files) > 1:
            said = f"stands beside the folder {location}."
            problems.append(Problem(single, said, "Keep either the file or the folder."))
        problems += (
            [one.problem for one in errors]
            or check_schema(dataset, schema, location, config.group.get("domain"))
            or check_change(dataset, in_use, schema, location)
            or _untrainable(config, table)
        )
        added = {
            key: profile_cache.table(bucket, dataset, [there[key]], there)
            for key in increment_keys(keys, group, dataset)
        }
        if added:
            report[dataset]["added"] = {
                key.rpartition("/")[2]: {"bytes": one.size, "rows": one.rows, "ids": one.most_ids}
                for key, one in added.items()
            }
        increments, wrong = _increments(bucket, added, schema)
        problems += wrong
        sources[bucket.url(location)] = [there[key] for key in files]
        sources |= {bucket.url(key): [there[key]] for key in added}
        name = schema_name if schema == in_use else ""
        ready[dataset] = Data(bucket.url(location), table.digest, schema, increments, name)
        known[dataset] = table.diagnosis
    if "interactions" in known:
        report["interactions"]["diagnosis"] = diagnose(known["interactions"], known.get("items"), known.get("users"))
    if problems:
        raise InputError(problems, report)
    return Inputs(config, ready, report, notes, sources)


def check_group_name(group: str) -> None:
    """Raise InputError where a folder's name can be no group's."""
    if not GROUP_NAME.match(group):
        remedy = "Use up to 35 letters, digits, - and _, starting with a letter or a digit."
        raise InputError([Problem(f"{group}/", "can't be the name of a dataset group.", remedy)])
    if group in RESERVED_FOLDERS:
        said = "can't be a group's folder: the AWS Solution's groups have theirs inside."
        remedy = f"Move its files to a folder of another name, or to {group}/<group>/."
        raise InputError([Problem(f"{group}/", said, remedy)])


def load_config(bucket: Bucket, group: str, personalize: Any) -> Config:
    """A group's config alone. Raises InputError where it can't be read."""
    return _read_config(bucket, group, _keys(bucket, group), personalize)[0]


def ignored_files(bucket: Bucket, group: str) -> Iterator[Problem]:
    """Files that nobody reads, for all their names: they lie in a wrong folder, or too deep in a right one."""
    for key in filter(is_unrecognized, _keys(bucket, group)):
        _, folder, *deeper = as_own_key(key).split("/")
        home = key.removesuffix("/".join([folder, *deeper]))
        if folder in DATASETS and deeper[1:]:
            yield Problem(key, "is not read.", f"Move it up to {home}{folder}/, or to {home}{folder}/{INCREMENTS}/.")
        elif folder not in DATASETS and deeper and deeper[-1] in KNOWN_NAMES:
            yield Problem(key, "is not read.", f"Move it up to {home}.")
        elif not deeper and folder.endswith(".csv") and (named := _dataset_in(folder)):
            yield Problem(key, "is not read.", f"Name it {home}{named}.csv, or move it into {home}{named}/.")


def _dataset_in(name: str) -> str:
    """The dataset that a file's name begins with, whatever follows: `action_interactions` before `actions`, or none."""
    return next((one for one in sorted(DATASETS, key=len, reverse=True) if name.lower().startswith(one)), "")


def _keys(bucket: Bucket, group: str) -> list[str]:
    return [file.key for file in bucket.files_of(group)]


def _increments(
    bucket: Bucket, tables: Mapping[str, profile.Table], schema: Schema
) -> tuple[dict[str, str], list[Problem]]:
    """The digests of what is added to a dataset, by address, and what is wrong with it."""
    found = [one for key, table in tables.items() for one in rules.check(table, schema, key, whole=False)]
    problems = [one.problem for one in found if one.severity == "error"]
    return {bucket.url(key): table.digest for key, table in tables.items()}, problems


def _twofold(keys: list[str], group: str) -> Iterator[Problem]:
    """Whether a group has files both in its own folder and in one of the AWS Solution's."""
    own, solutions = group_folders(group)
    used = {key.startswith(own) for key in keys if is_config(key) or is_data(key)}
    if len(used) > 1:
        yield Problem(solutions, f"stands beside {own}.", "Keep either of the two folders.")


def _misplaced(keys: list[str]) -> Iterator[Problem]:
    """Files that a person believes to be looked at, or that Personalize would import, under names unknown to Usher."""
    for key in filter(is_unrecognized, keys):
        match as_own_key(key).split("/"):
            case [_, folder, _] if folder in DATASETS:
                remedy = "Move it out of the folder, or name it .csv."
                yield Problem(key, "is no .csv file, but Personalize imports all of a folder.", remedy)
            case [_, name] if name.partition(".")[0].lower() in ("usher", *DATASETS):
                yield Problem(key, "is no name that Usher knows.", f"Use one of: {', '.join(KNOWN_NAMES)}.")


def _untrainable(config: Config, table: profile.Table) -> list[Problem]:
    """Solutions whose event type the interactions hardly have."""
    return [
        problem
        for one in config.solutions
        if table.dataset == "interactions" and "eventType" in one.settings
        for problem in rules.check_event_type(
            table, one.settings["eventType"], f"usher.yaml: solutions.{one.name}.eventType"
        )
    ]


def recipe_type(personalize: Any, recipe_arn: str) -> str:
    """What a recipe is for, such as USER_PERSONALIZATION."""
    return str(personalize.describe_recipe(recipeArn=recipe_arn)["recipe"]["recipeType"])


def _read_config(bucket: Bucket, group: str, keys: list[str], personalize: Any) -> tuple[Config, list[Problem]]:
    """The config, and notes on what it says in vain."""
    given = sorted(filter(is_config, keys), reverse=True)
    if len(given) > 1:
        raise InputError([Problem(given[0], f"stands beside {given[1]}.", "Keep one of the two.")])
    if not given:
        return defaults(), []
    pages = personalize.get_paginator("list_recipes").paginate()
    recipes = [recipe["name"] for page in pages for recipe in page["recipes"]]
    with closing(bucket.open(given[0])) as stream:
        content = stream.read(MOST_BYTES + 1)
    if not is_solution_config(given[0]):
        return parse(content, given[0], group, recipes), []
    translated, notes = translate(content, given[0], group)
    return read(translated, given[0], group, recipes), notes


def _schema_in_use(
    inventory: Inventory, arn_prefix: str, group: str, config: Config, dataset: str
) -> tuple[Schema | None, str]:
    """The schema of the group's dataset, and its name; None where there is none, or the dataset group is another's."""
    name = config.adopt.get(f"dataset_group/{group}", group)
    details = inventory.describe(KINDS["dataset"], f"{arn_prefix}:dataset/{name}/{dataset.upper()}")
    home = inventory.describe(KINDS["dataset_group"], details["datasetGroupArn"]) if details else {}
    tags = inventory.tags(home["datasetGroupArn"]) if home and not is_leaving(home) else {}
    if tags.get(GROUP_TAG) != group:
        return None, ""
    schema = inventory.describe(KINDS["schema"], details["schemaArn"])
    return json.loads(schema["schema"]), schema["name"]


def _schema(table: profile.Table, given: Schema | None, in_use: Schema | None) -> Schema:
    """The schema to import with: the config's; else the data's own, as far as one in use does not say otherwise."""
    if given:
        return {**envelope(table.dataset), **given}
    if in_use and list(types(in_use)) == list(table.columns):
        return in_use
    required = dict.fromkeys(profile.missing_columns(table), "string")
    own = make_schema(table.dataset, required | {name: one.kind(table.rows) for name, one in table.columns.items()})
    return grown(in_use, own) if in_use else own
