"""A group's files in wrong places: those that keep it from being loaded, and those that Usher ignores. Pure."""

from collections.abc import Collection, Iterator

from usher.errors import InputError, Problem
from usher.storage.layout import (
    CONFIGS,
    DATASETS,
    GROUP_NAME,
    INCREMENTS,
    RESERVED_FOLDERS,
    SUFFIXES,
    as_own_key,
    group_folders,
    is_config,
    is_data,
    is_unrecognized,
    suffix_of,
)
from usher.storage.near_names import USHER, dataset_meant, slip_of

OTHER_ENDINGS = {".ndjson": ".jsonl", ".csv.gzip": ".csv.gz", ".pq": ".parquet"}
"""Other endings of the same formats."""
FORMATS = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"


def check_group_name(group: str) -> None:
    """Raise InputError if a folder's name can't be a group's."""
    if slip_of(group) and "." in group:
        remedy = f"Put it into a folder, such as my-shop/{group}: the first folder is the dataset group."
        raise InputError([Problem(group, "is in no folder.", remedy)])
    if not GROUP_NAME.match(group):
        remedy = "Use up to 35 letters, digits, - and _, starting with a letter or a digit."
        raise InputError([Problem(f"{group}/", "can't be the name of a dataset group.", remedy)])
    if group in RESERVED_FOLDERS:
        message = "can't be a group's folder: the AWS Solution keeps the folders of its groups there."
        remedy = f"Move its files to a folder of another name, or to {group}/<group>/."
        raise InputError([Problem(f"{group}/", message, remedy)])


def misplaced_files(keys: Collection[str], group: str) -> Iterator[Problem]:
    """The problems of files in wrong places that prevent a group from being loaded.

    People expect Usher to read these files, or Personalize would import them.
    """
    own, solutions = group_folders(group)
    if len({key.startswith(own) for key in keys if is_config(key) or is_data(key)}) > 1:
        yield Problem(solutions, f"conflicts with the folder {own}.", "Keep either of the two folders.")
    for key in filter(is_unrecognized, keys):
        match as_own_key(key).split("/"):
            case [_, folder, _] if folder in DATASETS:
                message = "is not a file that Usher can import."
                yield Problem(key, message, f"Move it out of the folder, or write it as {FORMATS}.")
            case [_, name] if known := slip_of(name):
                yield Problem(key, "is not a file name of Usher.", _right_name(name, known))


def ignored_files(keys: Collection[str]) -> Iterator[Problem]:
    """Notes on files that look like a group's data or config, in places that Usher does not read."""
    for key in filter(is_unrecognized, keys):
        _, folder, *deeper = as_own_key(key).split("/")
        home = key.removesuffix("/".join([folder, *deeper]))
        if folder in DATASETS and deeper[1:]:
            yield Problem(key, "is not read.", f"Move it up to {home}{folder}/, or to {home}{folder}/{INCREMENTS}/.")
        elif folder not in DATASETS and deeper and (dataset := slip_of(folder)) in DATASETS:
            yield Problem(key, "is not read.", f"Call its folder {home}{dataset}/.")
        elif folder not in DATASETS and deeper and slip_of(deeper[-1]):
            yield Problem(key, "is not read.", f"Move it up to {home}.")
        elif not deeper and (dataset := dataset_meant(folder)) in DATASETS and not slip_of(folder):
            suffix = suffix_of(folder.lower()) or ".csv"
            yield Problem(key, "is not read.", f"Name it {home}{dataset}{suffix}, or move it into {home}{dataset}/.")


def _right_name(name: str, known: str) -> str:
    """The remedy for a misspelt name, or for one of another format. `known`: the intended dataset or config."""
    if known == USHER:
        return f"Call it {' or '.join(CONFIGS)}."
    others = (suffix for other, suffix in OTHER_ENDINGS.items() if name.lower().endswith(other))
    suffix = suffix_of(name.lower()) or next(others, "")
    return (
        f"Call it {known}{suffix}."
        if suffix
        else f"Save it as {known}{FORMATS.replace(', ', f', {known}').replace(' or ', f' or {known}')}."
    )
