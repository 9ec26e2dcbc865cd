"""A group's files in wrong places: those that keep it from being loaded, and those that Usher ignores. Pure."""

from collections.abc import Collection, Iterator

from usher.errors import Problem
from usher.storage.layout import (
    CONFIGS,
    DATASETS,
    INCREMENTS,
    as_own_key,
    group_folders,
    is_config,
    is_data,
    is_unrecognized,
)

KNOWN_NAMES = (*CONFIGS, *(f"{dataset}.csv" for dataset in DATASETS))


def misplaced_files(keys: Collection[str], group: str) -> Iterator[Problem]:
    """Why a group can't be loaded as its files lie.

    People believe that Usher reads these files, or Personalize would import them.
    """
    own, solutions = group_folders(group)
    if len({key.startswith(own) for key in keys if is_config(key) or is_data(key)}) > 1:
        yield Problem(solutions, f"conflicts with the folder {own}.", "Keep either of the two folders.")
    for key in filter(is_unrecognized, keys):
        match as_own_key(key).split("/"):
            case [_, folder, _] if folder in DATASETS:
                message = "is not a .csv file, and Personalize imports every file of the folder."
                yield Problem(key, message, "Move it out of the folder, or name it .csv.")
            case [_, name] if name.partition(".")[0].lower() in ("usher", *DATASETS):
                message = "is not a file name that Usher knows."
                yield Problem(key, message, f"Use one of: {', '.join(KNOWN_NAMES)}.")


def ignored_files(keys: Collection[str]) -> Iterator[Problem]:
    """Notes on files that look like a group's data or config, and lie where Usher does not read them."""
    for key in filter(is_unrecognized, keys):
        _, folder, *deeper = as_own_key(key).split("/")
        home = key.removesuffix("/".join([folder, *deeper]))
        if folder in DATASETS and deeper[1:]:
            yield Problem(key, "is not read.", f"Move it up to {home}{folder}/, or to {home}{folder}/{INCREMENTS}/.")
        elif folder not in DATASETS and deeper and deeper[-1] in KNOWN_NAMES:
            yield Problem(key, "is not read.", f"Move it up to {home}.")
        elif not deeper and folder.endswith(".csv") and (dataset := _dataset_of(folder)):
            yield Problem(key, "is not read.", f"Name it {home}{dataset}.csv, or move it into {home}{dataset}/.")


def _dataset_of(name: str) -> str:
    """The dataset with which a file's name begins; of two (`actions`, `action_interactions`), the longer one."""
    matches = (dataset for dataset in DATASETS if name.lower().startswith(dataset))
    return max(matches, key=len, default="")
