"""A group's files in the bucket: all of them, those in a wrong place, and those that Usher ignores."""

from collections.abc import Collection, Iterator

from usher.errors import Problem
from usher.storage.bucket import (
    CONFIGS,
    DATASETS,
    INCREMENTS,
    Bucket,
    File,
    at_home,
    group_of,
    homes,
    is_config,
    is_data,
    is_foreign,
)

KNOWN_NAMES = (*CONFIGS, *(f"{dataset}.csv" for dataset in DATASETS))


def group_files(bucket: Bucket, group: str) -> dict[str, File]:
    """All files of a group by key: those in its own folder, and those in its folder of the AWS Solution."""
    return {file.key: file for home in homes(group) for file in bucket.files(home) if group_of(file.key) == group}


def misplaced_files(keys: Collection[str], group: str) -> Iterator[Problem]:
    """Why a group can't be loaded as its files lie. Pure.

    People believe that Usher reads these files, or Personalize would import them.
    """
    own, solutions = homes(group)
    if len({key.startswith(own) for key in keys if is_config(key) or is_data(key)}) > 1:
        yield Problem(solutions, f"conflicts with the folder {own}.", "Keep either of the two folders.")
    for key in filter(is_foreign, keys):
        match at_home(key).split("/"):
            case [_, folder, _] if folder in DATASETS:
                message = "is not a .csv file, and Personalize imports every file of the folder."
                yield Problem(key, message, "Move it out of the folder, or name it .csv.")
            case [_, name] if name.partition(".")[0].lower() in ("usher", *DATASETS):
                message = "is not a file name that Usher knows."
                yield Problem(key, message, f"Use one of: {', '.join(KNOWN_NAMES)}.")


def ignored_files(keys: Collection[str]) -> Iterator[Problem]:
    """Notes on files that look like a group's data or config, and lie where Usher does not read them. Pure."""
    for key in filter(is_foreign, keys):
        _, folder, *deeper = at_home(key).split("/")
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
