"""The load of a run into the table: the group's items and users, if their files or the config have changed."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from usher.aws import digest, now
from usher.catalogue.entries import KINDS, Kind
from usher.catalogue.load_plan import FACTS, Form, LoadPlan, loaded_digests
from usher.datasets.reading import Source
from usher.datasets.schemas import fields
from usher.errors import Problem
from usher.planning.inputs import Inputs
from usher.run_record import TableEstimate
from usher.storage.bucket import Bucket

MAX_USERS = 1_000_000
MAX_USER_BYTES = 1 << 31
"""The most bytes of the files that name users: all of them are read in each call."""
WRITE_MILLION = 0.625
"""US dollars for a million writes of a KB, in us-east-1: https://aws.amazon.com/dynamodb/pricing/on-demand/"""
SOURCES: Mapping[Kind, tuple[str, ...]] = {"items": ("items",), "users": ("users", "interactions")}
"""The datasets that name entries of a kind."""


@dataclass(frozen=True, slots=True)
class TableLoad:
    """The load of a run."""

    plan: LoadPlan | None
    """None if the table is up to date."""
    notes: list[Problem]
    estimate: TableEstimate | None


def table_load(bucket: Bucket, group: str, inputs: Inputs) -> TableLoad:
    """The load of a run with these inputs."""
    wanted, notes = _wanted(group, inputs)
    forms: dict[str, Form] = {kind: _form(inputs, kind) for kind in wanted}
    digests: dict[str, str] = {kind: digest([_content(inputs, kind), asdict(forms[kind])], 32) for kind in wanted}
    if wanted:
        digests[FACTS] = digest([[kind, asdict(form)] for kind, form in forms.items()], 32)
    before = loaded_digests(bucket, group)
    changed = [kind for kind in wanted if digests[kind] != before.get(kind)]
    sources = {name: _source(inputs, name) for kind in changed for name in SOURCES[kind] if name in inputs.data}
    planned = int(now().timestamp() * 1000)
    plan = LoadPlan(planned, sources, forms, digests)
    return TableLoad(plan if digests != before else None, notes, _estimate(inputs, changed) if changed else None)


def _form(inputs: Inputs, kind: Kind) -> Form:
    """The form of a kind of entries."""
    catalogue = inputs.config.catalogue
    form = Form(catalogue.columns, catalogue.available) if kind == "items" else Form(catalogue.user_columns)
    named = [*form.columns, *filter(None, [form.available])]
    known = fields(inputs.data[kind].schema) if named else {}
    return replace(form, types={name: min(known[name].types) for name in named})


def _wanted(group: str, inputs: Inputs) -> tuple[list[Kind], list[Problem]]:
    """The kinds of entries that the API is to have, and notes on those with too many entries."""
    catalogue, wanted, notes = inputs.config.catalogue, list[Kind](), list[Problem]()
    if catalogue.has_items:
        wanted.append("items")
    if catalogue.users:
        users, size = _entries(inputs, "users"), sum(file.size for file in _files(inputs, "users"))
        if users <= MAX_USERS and size <= MAX_USER_BYTES:
            wanted.append("users")
        else:
            message = (
                f"names some {users:,d} users in {size / 1e9:.1f} GB. The API knows up to {MAX_USERS:,d} users in "
                f"{MAX_USER_BYTES / 1e9:.1f} GB: its answers do not say whether a user is known, and it applies no "
                "filters by CurrentUser itself."
            )
            notes.append(Problem(f"{group}/", message, "No action is needed; `catalogue: false` removes this note."))
    return wanted, notes


def _entries(inputs: Inputs, kind: Kind) -> int:
    """The most entries of a kind in the files."""
    return sum(_ids(inputs, name) for name in SOURCES[kind] if name in inputs.report)


def _ids(inputs: Inputs, dataset: str) -> int:
    """The most IDs in a dataset's files."""
    report = inputs.report[dataset]
    return sum(part["ids"] for part in (report, *report.get("added", {}).values()))


def _files(inputs: Inputs, kind: Kind) -> list[Any]:
    return [file for name in SOURCES[kind] if name in inputs.data for file in _source(inputs, name).files]


def _content(inputs: Inputs, kind: Kind) -> list[Any]:
    return [[inputs.data[name].digest, inputs.data[name].increments] for name in SOURCES[kind] if name in inputs.data]


def _source(inputs: Inputs, dataset: str) -> Source:
    """All files of a dataset, increments last."""
    data = inputs.data[dataset]
    sources = [inputs.sources[location] for location in (data.location, *data.increments)]
    return Source([file for source in sources for file in source.files], sources[0].reading)


def _estimate(inputs: Inputs, changed: list[Kind]) -> TableEstimate:
    """The most that the load may write."""
    items, users = (_entries(inputs, kind) if kind in changed else 0 for kind in KINDS)
    writes = items * _kilobytes(inputs, "items") + users * _kilobytes(inputs, "users")
    return TableEstimate(items=items, users=users, writes=writes, dollars=round(writes / 1e6 * WRITE_MILLION, 4))


def _kilobytes(inputs: Inputs, kind: Kind) -> int:
    """The kilobytes that are written of an entry: with its metadata, it is no longer than its row."""
    if kind not in inputs.data or not _form(inputs, kind).types:
        return 1
    size = sum(file.size for file in _source(inputs, kind).files)
    return max(1, math.ceil(size / max(_ids(inputs, kind), 1) / 1024))
