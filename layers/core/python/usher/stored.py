"""Tables as files in numpy's format: the arrays of their IDs as they are, and all else as JSON."""

import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from usher.data import FACTS, Column, Fact, Stop, Table
from usher.diagnosis import Diagnosis
from usher.ids import Ids

PLAIN = ("dataset", "rows", "lines", "size", "digests")
ARRAYS = ("hashes", "places", "twice", "first_again")


def dump(table: Table) -> bytes:
    """A table's file."""
    ids = table.ids
    ids.settle()
    told = {
        **{name: getattr(table, name) for name in PLAIN},
        "stops": [asdict(stop) for stop in table.stops],
        "faults": _told(table.faults),
        "columns": {name: (_told(column.facts), column.values) for name, column in table.columns.items()},
        "ids": {"again": ids.again, "many": ids.many},
        "diagnosis": table.diagnosis.as_dict(),
    }
    file = io.BytesIO()
    text = np.frombuffer(json.dumps(told).encode(), np.uint8)
    np.savez(file, allow_pickle=False, told=text, **{name: getattr(ids, name) for name in ARRAYS})
    return file.getvalue()


def load(content: bytes) -> Table:
    """A file's table."""
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        arrays = dict(file.items())
    told = json.loads(arrays.pop("told").tobytes())
    table = Table(**{name: told[name] for name in PLAIN})
    table.stops = [Stop(**stop) for stop in told["stops"]]
    table.faults = _facts(table.faults, told["faults"])
    table.columns = {
        name: Column(_facts(FACTS, facts), None if values is None else Counter(values))
        for name, (facts, values) in told["columns"].items()
    }
    table.ids = Ids(**arrays, **told["ids"])
    table.diagnosis = Diagnosis.from_dict(told["diagnosis"])
    return table


def _told(facts: Mapping[str, Fact]) -> dict[str, Any]:
    """Facts as JSON, without those that hold for no row."""
    return {name: asdict(fact) for name, fact in facts.items() if fact.rows}


def _facts(names: Iterable[str], told: Mapping[str, Any]) -> dict[str, Fact]:
    return {name: Fact(**told.get(name, {})) for name in names}
