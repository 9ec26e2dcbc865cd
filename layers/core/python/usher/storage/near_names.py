"""Keys that people intend as a group's config or data, though Usher does not read them there. Pure.

`interaction.csv`, `Interactions.CSV`, `items.xlsx`, `new/interactions.csv`, `users_old.csv`, `usher.yml`: a run reports
each, with the right name.
"""

import difflib
import re

from usher.storage.layout import DATASETS, as_own_key, is_input, is_unrecognized

USHER = "usher"
"""The prefix of configs' names."""
ALIKE = 0.85
"""The least similarity of a name and its misspelling, from 0 to 1."""


def starts_run(key: str) -> bool:
    """Whether the arrival of an object starts a run: Usher reads it, or a person may expect so."""
    return is_input(key) or is_nearly_input(key)


def is_nearly_input(key: str) -> bool:
    """Whether a person may expect Usher to read this object, although it does not: misplaced_files.py reports it."""
    if not is_unrecognized(key):
        return False
    match as_own_key(key).split("/"):
        case [name]:
            return slip_of(name) != ""
        case [_, name]:
            return slip_of(name) != "" or dataset_meant(name) in DATASETS
        case [_, folder, *_, name]:
            return slip_of(folder) in DATASETS or (folder not in DATASETS and slip_of(name) != "")
    return False


def dataset_meant(name: str) -> str:
    """The dataset, or USHER, with which a file's or a folder's name begins, or that it misspells; empty if there is
    none.
    """
    stem = name.lower().partition(".")[0].replace("-", "_").replace(" ", "_")
    begun = [known for known in (*DATASETS, USHER) if stem.startswith(known)]
    return max(begun, key=len, default="") or slip_of(name)


def slip_of(name: str) -> str:
    """The dataset, or USHER, that a name misspells; empty if there is none."""
    stem = re.sub(r"\([0-9]+\)|copy$|[^a-z0-9]", "", name.lower().partition(".")[0])
    plain = {known.replace("_", ""): known for known in (*DATASETS, USHER)}
    stem = stem if re.search("[0-9]", stem) is None else ""  # a name with a number is not a misspelling
    near = difflib.get_close_matches(stem[:50], plain, 1, ALIKE)
    return plain[near[0]] if near else ""
