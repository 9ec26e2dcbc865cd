"""Take in what lies in the bucket for a group: its config and its data, checked as a whole before anything is spent."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from usher import data
from usher.bucket import CONFIGS, DATASETS, GROUP_NAME, Bucket, config_keys, data_keys, data_location, is_foreign
from usher.config import Config, defaults, parse
from usher.errors import InputError, Problem
from usher.plan import Data
from usher.resources import KINDS, describe
from usher.schemas import Schema, check_change, envelope, make_schema, types

KNOWN_NAMES = (*CONFIGS, *(f"{dataset}.csv" for dataset in DATASETS))


@dataclass(frozen=True, slots=True)
class Intake:
    """A group's config and data, fit to be planned with."""

    config: Config
    data: Mapping[str, Data]
    report: Mapping[str, Any]
    """What the run's record tells about the data, per dataset."""


def take_in(bucket: Bucket, group: str, personalize: Any, arn_prefix: str) -> Intake | None:
    """Read and check everything; None while there are no interactions yet. Raises InputError with every problem."""
    if not GROUP_NAME.match(group):
        remedy = "Use up to 35 letters, digits, - and _, starting with a letter or a digit."
        raise InputError([Problem(f"{group}/", "can't be the name of a dataset group.", remedy)])
    keys = bucket.keys(f"{group}/")
    problems = list(_misplaced(keys))
    config = defaults()
    try:
        config = _read_config(bucket, group, keys, personalize)
    except InputError as error:
        problems += error.problems
    if not problems and not data_keys(keys, group, "interactions"):
        return None
    ready: dict[str, Data] = {}
    report: dict[str, Any] = {}
    for dataset in DATASETS:
        files = data_keys(keys, group, dataset)
        if not files:
            continue
        location = data_location(group, dataset, files)
        table = data.scan(dataset, ((key, bucket.open(key)) for key in files))
        in_use = _schema_in_use(personalize, f"{arn_prefix}:dataset/{group}/{dataset.upper()}")
        schema = _schema(table, config.schemas.get(dataset), in_use)
        report[dataset] = {"files": files, "rows": table.rows, "columns": list(table.columns)}
        if f"{group}/{dataset}.csv" in files and len(files) > 1:
            said = f"stands beside the folder {group}/{dataset}/."
            problems.append(Problem(f"{group}/{dataset}.csv", said, "Keep either the file or the folder."))
        problems += data.check(table, schema, location) or check_change(dataset, in_use, schema, location)
        ready[dataset] = Data(bucket.url(location), table.digest, schema)
    if problems:
        raise InputError(problems)
    return Intake(config, ready, report)


def _misplaced(keys: list[str]) -> Iterator[Problem]:
    """Files that a person believes to be looked at, or that Personalize would import, under names unknown to Usher."""
    for key in filter(is_foreign, keys):
        match key.split("/"):
            case [_, folder, _] if folder in DATASETS:
                remedy = "Move it out of the folder, or name it .csv."
                yield Problem(key, "is no .csv file, but Personalize imports all of a folder.", remedy)
            case [_, name] if name.partition(".")[0].lower() in ("usher", *DATASETS):
                yield Problem(key, "is no name that Usher knows.", f"Use one of: {', '.join(KNOWN_NAMES)}.")


def recipe_type(personalize: Any, recipe_arn: str) -> str:
    """What a recipe is for, such as USER_PERSONALIZATION."""
    return str(personalize.describe_recipe(recipeArn=recipe_arn)["recipe"]["recipeType"])


def _read_config(bucket: Bucket, group: str, keys: list[str], personalize: Any) -> Config:
    given = [key for key in config_keys(group) if key in keys]
    if len(given) > 1:
        raise InputError([Problem(given[0], f"stands beside {given[1]}.", "Keep one of the two.")])
    if not given:
        return defaults()
    pages = personalize.get_paginator("list_recipes").paginate()
    recipes = [recipe["name"] for page in pages for recipe in page["recipes"]]
    text = bucket.open(given[0]).read().decode("utf-8", "replace")
    return parse(text, given[0], group, recipes)


def _schema_in_use(personalize: Any, dataset_arn: str) -> Schema | None:
    dataset = describe(personalize, KINDS["dataset"], dataset_arn)
    if not dataset:
        return None
    schema: Schema = json.loads(describe(personalize, KINDS["schema"], dataset["schemaArn"])["schema"])
    return schema


def _schema(table: data.Table, given: Schema | None, in_use: Schema | None) -> Schema:
    """The schema to import with: the config's; else the one in use, if it has the same columns; else the data's own."""
    if given:
        return {**envelope(table.dataset), **given}
    if in_use and list(types(in_use)) == list(table.columns):
        return in_use
    required = dict.fromkeys(data.missing_columns(table), "string")
    return make_schema(table.dataset, required | {name: one.kind(table.rows) for name, one in table.columns.items()})
