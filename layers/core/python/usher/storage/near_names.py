"""Keys that people mean to be a group's config or data, though Usher does not read them there. Pure.

`interaction.csv`, `Interactions.CSV`, `items.xlsx`, `new/interactions.csv`, `users_old.csv`, `usher.yml`: a run names
each, with what to call it.
"""

import difflib
import re

from usher.storage.layout import DATASETS, as_own_key, is_input, is_unrecognized

USHER = "usher"
"""The name of configs, without its ending."""
ALIKE = 0.85
"""How much alike two names are, from 0 to 1, of which one is a slip of the other."""


def starts_run(key: str) -> bool:
    """Whether the arrival of an object starts a run: Usher reads it, or a person may believe so."""
    return is_input(key) or is_nearly_input(key)


def is_nearly_input(key: str) -> bool:
    """Whether a person may believe that Usher reads this object, which it does not: a run says where it belongs.

    Only its name, and the folder that would be a dataset's, tell: `items_images/1.jpg` is about something else.
    """
    if not is_unrecognized(key):
        return False
    match as_own_key(key).split("/"):
        case [_, folder, *_, name]:
            return slip_of(folder) in DATASETS or bool(slip_of(name))
        case [*_, name]:
            return bool(dataset_meant(name))
    return False


def dataset_meant(name: str) -> str:
    """The dataset with whose name a file's begins, or what it is a slip of: a dataset or USHER; empty: neither."""
    stem = name.lower().partition(".")[0].replace("-", "_").replace(" ", "_")
    begun = [known for known in DATASETS if stem.startswith(known)]
    return max(begun, key=len, default="") or slip_of(name)


def slip_of(name: str) -> str:
    """The dataset, or USHER, of which a name is another spelling; empty: none."""
    stem = re.sub(r"\([0-9]+\)|copy$|[^a-z0-9]", "", name.lower().partition(".")[0])
    plain = {known.replace("_", ""): known for known in (*DATASETS, USHER)}
    stem = stem if re.search("[0-9]", stem) is None else ""  # a number makes it a name of its own, not a slip
    near = difflib.get_close_matches(stem[:50], plain, 1, ALIKE)
    return plain[near[0]] if near else ""
