"""The settings for reading a group's data files: `columns`, `timestamps` and `deduplicate` of `usher.yaml`.

Each applies to all datasets, or to those that it names:

    columns: {user: USER_ID, items: {id: ITEM_ID, notes: false}}  # the name in the file: that in Personalize
    timestamps: {interactions: ms, items: iso}
    deduplicate: true
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from usher.config.keys import READING
from usher.config.problems import Problems
from usher.datasets.reading import UNITS, Reading
from usher.datasets.schemas import NAME, REQUIRED, RESERVED
from usher.errors import InputError
from usher.formats import documents
from usher.storage.layout import DATASETS

T = TypeVar("T")
ALWAYS_REQUIRED = {
    name
    for names in REQUIRED.values()
    for name in names
    if all(name in REQUIRED[dataset] for dataset, columns in RESERVED.items() if name in columns)
}
"""The columns that each dataset with such columns requires."""


def read_readings(problems: Problems, sections: Mapping[str, Any]) -> dict[str, Reading]:
    """The Reading of each dataset that is not in Personalize's own format."""
    columns = _columns(problems, sections["columns"]) if "columns" in sections else {}
    units = _by_dataset(problems, sections, "timestamps", UNITS)
    deduplicate = _by_dataset(problems, sections, "deduplicate", (False, True))
    readings = {name: Reading(columns.get(name, {}), units[name], deduplicate[name]) for name in DATASETS}
    return {name: reading for name, reading in readings.items() if not reading.is_plain}


def readings_of(content: bytes, file: str) -> dict[str, Reading]:
    """The Readings of a config file, which may have mistakes in other sections."""
    try:
        document = documents.read_document(content, file)
    except InputError:
        return {}
    sections = {key: document[key] for key in READING if key in document} if isinstance(document, Mapping) else {}
    return read_readings(Problems(file), sections)


def _by_dataset(problems: Problems, sections: Mapping[str, Any], key: str, allowed: Sequence[T]) -> dict[str, T]:
    """The value of each dataset: one for all, or one by name with the first of `allowed` for the others."""
    given = sections.get(key, allowed[0])
    if not isinstance(given, Mapping):
        return dict.fromkeys(DATASETS, problems.one_of(given, key, allowed))
    named = problems.mapping(given, key, DATASETS)
    values = {name: problems.one_of(value, f"{key}.{name}", allowed) for name, value in named.items()}
    return {name: values.get(name, allowed[0]) for name in DATASETS}


def _columns(problems: Problems, block: object) -> dict[str, dict[str, str]]:
    """The names of columns in Personalize, by dataset and name in the file; empty: the column is left out."""
    given = problems.mapping(block, "columns")
    own = {name: given.pop(name) for name in DATASETS if isinstance(given.get(name), Mapping)}
    shared = _names(problems, given, "columns", ALWAYS_REQUIRED)
    return {
        name: shared | _names(problems, own.get(name, {}), f"columns.{name}", set(REQUIRED[name])) for name in DATASETS
    }


def _names(problems: Problems, given: Mapping[str, Any], path: str, required: set[str]) -> dict[str, str]:
    names: dict[str, str] = {}
    for source, target in given.items():
        place = f"{path}.{source}"
        if target is not False and (not isinstance(target, str) or not NAME.fullmatch(target)):
            message, remedy = (
                f"is {str(target)[:99]}.",
                "Write the name in Personalize, such as USER_ID; false leaves it out.",
            )
            problems.note(place, message, remedy)
        elif source in required and target != source:
            known = {name for columns in RESERVED.values() for name in columns}
            other = isinstance(target, str) and target not in known
            remedy = (
                f"Write it the other way round: `{target}: {source}`." if other else "Remove it: Personalize needs it."
            )
            problems.note(place, f"takes away {source}.", remedy)
        else:
            names[source] = target or ""
    return names
