"""A group's config file: its key, its content, and its problems."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from usher.clients import PersonalizeClient
from usher.config.aws_solution import translate
from usher.config.model import Config
from usher.config.parser import ConfigError, default_config, parse_config, read_config
from usher.config.readings import readings_of
from usher.datasets.reading import Reading
from usher.errors import InputError, Problem
from usher.formats.documents import MAX_BYTES
from usher.storage.bucket import Bucket
from usher.storage.layout import config_keys, is_config, is_solution_config


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """The readable part of a group's config."""

    config: Config
    problems: Sequence[Problem] = ()
    notes: Sequence[Problem] = ()
    """Notes on parts that have no effect."""

    @property
    def usable(self) -> Config:
        """The config to check data against: the default one replaces one with problems."""
        return replace(default_config(), readings=self.config.readings) if self.problems else self.config


def load_config(bucket: Bucket, group: str, personalize: PersonalizeClient) -> Config:
    """A group's config alone. Raises InputError if it can't be read."""
    loaded = try_load_config(bucket, group, [file.key for file in bucket.files_of(group)], personalize)
    if loaded.problems:
        raise InputError(loaded.problems)
    return loaded.config


def load_readings(bucket: Bucket, group: str) -> Mapping[str, Reading]:
    """The Reading of each dataset, from a config that may have mistakes in other sections."""
    keys = [key for key in config_keys(group) if key in bucket.keys(key)]
    return readings_of(_read_config_file(bucket, keys[0]), keys[0]) if len(keys) == 1 else {}


def try_load_config(bucket: Bucket, group: str, keys: Iterable[str], personalize: PersonalizeClient) -> LoadedConfig:
    """A group's config and its problems. `keys`: of all files of the group."""
    try:
        config, notes = _load_config(bucket, group, keys, personalize)
    except ConfigError as error:
        return LoadedConfig(error.config, error.problems)
    except InputError as error:
        return LoadedConfig(default_config(), error.problems)
    return LoadedConfig(config, (), notes)


def _load_config(
    bucket: Bucket, group: str, keys: Iterable[str], personalize: PersonalizeClient
) -> tuple[Config, list[Problem]]:
    """The config, and notes on its parts that have no effect."""
    configs = sorted(filter(is_config, keys), reverse=True)
    if len(configs) > 1:
        raise InputError([Problem(configs[0], f"conflicts with {configs[1]}.", "Keep one of the two.")])
    if not configs:
        return default_config(), []
    key, file = configs[0], bucket.label(configs[0])
    pages = personalize.get_paginator("list_recipes").paginate()
    recipes = [recipe["name"] for page in pages for recipe in page["recipes"]]
    content = _read_config_file(bucket, key)
    if not is_solution_config(key):
        return parse_config(content, file, group, recipes), []
    translated, notes = translate(content, file, group)
    return read_config(translated, file, group, recipes), notes


def _read_config_file(bucket: Bucket, key: str) -> bytes:
    with closing(bucket.open(key)) as stream:
        return stream.read(MAX_BYTES + 1)
