"""Keys of the bucket: which objects are input, which group they belong to, and the place of each file. Pure.

The first folder of a key is its dataset group.

    <group>/usher.yaml (or usher.json)             the config
    <group>/interactions.csv, interactions/*.csv   data; likewise items, users, actions, action_interactions,
                                                   and .csv.gz, .jsonl, .jsonl.gz and .parquet
    <group>/interactions/incremental/*.csv         rows to add to a dataset
    <group>/export/<solution>/*.jsonl              optional: the recipients of an export
    <group>/batch/*.jsonl, segments/*.jsonl        the input of batch jobs
    <group>/erase/*.csv                            users to be erased (`usher erase`), until they are
    <group>/out/...                                everything that Usher writes

Usher also reads the folders of the AWS Solution: `train/<group>/`, with the config in any `.json`.
"""

import re

DATASETS = ("interactions", "items", "users", "actions", "action_interactions")
SUFFIXES = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".parquet")
"""The endings of the names of data files, by format."""
CONFIGS = ("usher.yaml", "usher.json")
SOLUTION_FOLDER = "train"
"""The AWS Solution's folder with a folder for each group."""
SOLUTION_JOBS_FOLDER = "batch"
"""The AWS Solution's folder with a folder for each group's batch jobs."""
RESERVED_FOLDERS = (SOLUTION_FOLDER, SOLUTION_JOBS_FOLDER)
"""Names that no group can have: these folders hold the folders of groups."""
OUT = "out"
"""Only Usher and Personalize may write below a folder of this name (BucketPolicy in template.yaml)."""
JOB_FOLDERS = ("batch", "segments")
INCREMENTS = "incremental"
"""The folder, within a dataset's, of files whose rows are added to the dataset."""
GROUP_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-_]{0,34}\Z")
"""Personalize allows 63 characters; a resource's name has up to 28 characters more than its group's."""


def is_input(key: str) -> bool:
    """Whether Usher reads the object: its arrival starts a run. The template's rule matches more: all but out/."""
    return is_config(key) or is_data(key) or is_request(key)


def is_data(key: str) -> bool:
    """Whether the object is a file of a dataset."""
    if not suffix_of(key):
        return False
    match as_own_key(key).split("/"):
        case [_, name]:
            return name.removesuffix(suffix_of(name)) in DATASETS
        case [_, folder, _]:
            return folder in DATASETS
        case [_, folder, inner, _]:
            return folder in DATASETS and inner == INCREMENTS
    return False


def suffix_of(key: str) -> str:
    """The ending of a key, one of SUFFIXES; empty if it has none of these."""
    return next((suffix for suffix in SUFFIXES if key.endswith(suffix)), "")


def is_programs_own(key: str) -> bool:
    """Whether a file belongs to the program that wrote the files beside it: `_SUCCESS` of Spark,
    `.DS_Store` and so on.
    """
    return key.rpartition("/")[2].startswith(("_", "."))


def is_request(key: str) -> bool:
    """Whether the object holds the recipients of an export or the input of a batch job."""
    if not key.endswith(".jsonl"):
        return False
    match key.split("/"):
        case [_, folder, _]:
            return folder in JOB_FOLDERS
        case [_, folder, _, _]:
            return folder == "export"
    return False


def is_config(key: str) -> bool:
    """Whether the object is a group's config, Usher's or the AWS Solution's."""
    match as_own_key(key).split("/"):
        case [_, name]:
            return name in CONFIGS or is_solution_config(key)
    return False


def is_solution_config(key: str) -> bool:
    """Whether the object is a config of the AWS Solution."""
    return key != as_own_key(key) and key.count("/") == 2 and key.endswith(".json")


def group_of(key: str) -> str:
    """The group that a key belongs to."""
    return as_own_key(key).split("/")[0]


def group_folders(group: str) -> tuple[str, str]:
    """The folders that may hold a group's config and data, each with a slash at its end."""
    return f"{group}/", f"{SOLUTION_FOLDER}/{group}/"


def is_plain(key: str) -> bool:
    """Whether a key is printable and has no part that is empty or consists of dots."""
    return key.isprintable() and not any(part.strip(".") == "" for part in key.split("/"))


def job_folders(group: str) -> tuple[str, ...]:
    """The folders that may hold the input of a group's batch jobs: the AWS Solution has one more for these."""
    return (*group_folders(group), f"{SOLUTION_JOBS_FOLDER}/{group}/")


def as_own_key(key: str) -> str:
    """The key without the AWS Solution's folder: `train/films/items.csv` becomes `films/items.csv`."""
    match key.split("/"):
        case [folder, group, _, *_] if (
            folder == SOLUTION_FOLDER and group not in (*DATASETS, OUT, "export") and not is_request(key)
        ):
            return key.removeprefix(f"{SOLUTION_FOLDER}/")
    return key


def is_unrecognized(key: str) -> bool:
    """Whether Usher neither reads nor writes an object of a group's folder: its name is probably misspelt."""
    _, _, rest = as_own_key(key).partition("/")
    return (
        not is_input(key)
        and not key.endswith("/")
        and not is_programs_own(key)
        and not rest.startswith(("out/", "export/", "erase/"))
    )


def config_keys(group: str) -> list[str]:
    """The keys at which a group's config may lie."""
    return [f"{group}/{name}" for name in CONFIGS]


def data_keys(keys: list[str], group: str, dataset: str) -> list[str]:
    """The keys of a dataset's files, without increments, among a group's keys."""
    return [key for key in _data_of(keys, group, dataset) if as_own_key(key).count("/") < 3]


def increment_keys(keys: list[str], group: str, dataset: str) -> list[str]:
    """The keys of a dataset's increments among a group's keys."""
    return [key for key in _data_of(keys, group, dataset) if as_own_key(key).count("/") == 3]


def _data_of(keys: list[str], group: str, dataset: str) -> list[str]:
    return [key for key in keys if is_data(key) and key.startswith(group_folders(group)) and dataset_of(key) == dataset]


def dataset_of(key: str) -> str:
    """The dataset that a file belongs to."""
    name = as_own_key(key).split("/")[1]
    return name.removesuffix(suffix_of(name))


def data_location(group: str, dataset: str, keys: list[str]) -> str:
    """The key that Personalize imports a dataset from: the file, or the folder if there are several files."""
    folder = next(folder for folder in group_folders(group) if keys[0].startswith(folder))
    is_single = len(keys) == 1 and "/" not in keys[0].removeprefix(folder)
    return keys[0] if is_single else f"{folder}{dataset}/"


def export_prefix(group: str, solution: str) -> str:
    """The folder of a solution's exports."""
    return f"{group}/out/export/{solution}/"
