"""The plan of a load into the table, and the digests of the last load. Light.

<group>/out/runs/<run>/load.json         the run's load plan
<group>/out/catalogue/loaded.json        digests of the last load
<group>/out/catalogue/items.parquet      the entries that the table holds after it; likewise users.parquet
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from usher.catalogue.entries import Facts, Kind
from usher.datasets.reading import Source
from usher.formats.typed_json import UnfitError, as_type, parse_json
from usher.runs.documents import MAX_BYTES
from usher.runs.record import Run
from usher.storage.bucket import Bucket
from usher.storage.layout import group_folders, is_data

LOAD = "load.json"
FACTS = "facts"
"""The name of the digest of the catalogue's facts, beside those of the kinds of entries. It is stored last, so that an
interrupted load is planned again.
"""


@dataclass(frozen=True, slots=True)
class Form:
    """The source of entries of a kind."""

    columns: Sequence[str] = ()
    available: str = ""
    types: Mapping[str, str] = field(default_factory=dict)
    """The Avro type of each column, without null."""


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """The load plan of a run."""

    planned: int
    """The time at which the files were listed, in milliseconds."""
    sources: Mapping[str, Source] = field(default_factory=dict)
    """The files, by dataset: items for the items; users and interactions for the users."""
    forms: Mapping[str, Form] = field(default_factory=dict)
    """The form of the entries, by kind."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """A digest of all sources of the entries, by kind, and that of FACTS. The API is not to have a kind without a
    digest.
    """

    @property
    def size(self) -> int:
        """Bytes of the files."""
        return sum(file.size for source in self.sources.values() for file in source.files)

    @property
    def facts(self) -> Facts:
        """The facts of the catalogue after the load."""
        items, users = self.form("items"), self.form("users")
        return Facts(
            columns=list(items.columns),
            available=items.available,
            items=bool(self.digests.get("items")),
            users=bool(self.digests.get("users")),
            userColumns=list(users.columns),
        )

    def form(self, kind: Kind) -> Form:
        """The form of a kind of entries."""
        return self.forms.get(kind, Form())


def write_load_plan(run: Run, plan: LoadPlan) -> None:
    """Write a run's load plan."""
    run.bucket.write_json(run.key(LOAD), plan)


def read_load_plan(run: Run) -> LoadPlan:
    """A run's load plan. Raises UnfitError if its content is not one of Usher's, or names another group's files."""
    return load_plan_of(run.bucket.read(run.key(LOAD), MAX_BYTES) or b"", run.group)


def load_plan_of(content: bytes, group: str) -> LoadPlan:
    """A load plan from the content of load.json. Raises UnfitError."""
    plan = as_type(LoadPlan, parse_json(content))
    files = [file.key for source in plan.sources.values() for file in source.files]
    if foreign := [key for key in files if not key.startswith(group_folders(group)) or not is_data(key)]:
        raise UnfitError(f"it is about the file {foreign[0][:99]!r}")
    return plan


def snapshot_key(group: str, kind: Kind) -> str:
    """The key of the snapshot of the table."""
    return f"{group}/out/catalogue/{kind}.parquet"


def loaded_digests(bucket: Bucket, group: str) -> dict[str, str]:
    """The digests of the last load; empty before the first one."""
    content = bucket.read(_loaded_key(group))
    return as_type(dict[str, str], parse_json(content)) if content else {}


def note_loaded(bucket: Bucket, group: str, digests: Mapping[str, str]) -> None:
    """Store the digests of a load."""
    bucket.write_json(_loaded_key(group), digests)


def _loaded_key(group: str) -> str:
    return f"{group}/out/catalogue/loaded.json"
