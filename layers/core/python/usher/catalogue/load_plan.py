"""The plan of a load into the table, and the digests of the last one. Light.

<group>/out/runs/<run>/load.json         what the run is to load
<group>/out/catalogue/loaded.json        digests of what was loaded last
<group>/out/catalogue/items.parquet      what the table holds by that; likewise users.parquet
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from usher.catalogue.entries import Facts, Kind
from usher.datasets.reading import Source
from usher.formats.typed_json import UnfitError, fit, parse_json
from usher.runs.documents import MAX_BYTES
from usher.runs.record import Run
from usher.storage.bucket import Bucket
from usher.storage.layout import group_folders, is_data

LOAD = "load.json"
FACTS = "facts"
"""The name, beside those of the kinds of entries, of the digest of what the table holds about them. It is kept last: a
load that broke off before that is planned again."""


@dataclass(frozen=True, slots=True)
class Form:
    """What entries of a kind are made of."""

    columns: Sequence[str] = ()
    available: str = ""
    types: Mapping[str, str] = field(default_factory=dict)
    """The Avro type of each of these columns, without null."""


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What a run is to load."""

    planned: int
    """The millisecond in which the files were looked at."""
    sources: Mapping[str, Source] = field(default_factory=dict)
    """The files, by dataset: items for the items; users and interactions for the users."""
    forms: Mapping[str, Form] = field(default_factory=dict)
    """By kind of entries."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """By kind of entries, a digest of all that they are made from, and that of FACTS; none of a kind: the API is not to
    know it."""

    @property
    def size(self) -> int:
        """Bytes of the files."""
        return sum(file.size for source in self.sources.values() for file in source.files)

    @property
    def facts(self) -> Facts:
        """What the catalogue holds then."""
        items, users = self.form("items"), self.form("users")
        return Facts(
            columns=list(items.columns),
            available=items.available,
            items=bool(self.digests.get("items")),
            users=bool(self.digests.get("users")),
            userColumns=list(users.columns),
        )

    def form(self, kind: Kind) -> Form:
        """What entries of a kind are made of."""
        return self.forms.get(kind, Form())


def write_load_plan(run: Run, plan: LoadPlan) -> None:
    """Write a run's load plan."""
    run.bucket.write_json(run.key(LOAD), plan)


def read_load_plan(run: Run) -> LoadPlan:
    """A run's load plan. Raises UnfitError if Usher has not written it, or if it names files of others."""
    return load_plan_of(run.bucket.read(run.key(LOAD), MAX_BYTES) or b"", run.group)


def load_plan_of(content: bytes, group: str) -> LoadPlan:
    """The content of load.json. Raises UnfitError."""
    plan = fit(LoadPlan, parse_json(content))
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
    return fit(dict[str, str], parse_json(content)) if content else {}


def note_loaded(bucket: Bucket, group: str, digests: Mapping[str, str]) -> None:
    """Store the digests of a load."""
    bucket.write_json(_loaded_key(group), digests)


def _loaded_key(group: str) -> str:
    return f"{group}/out/catalogue/loaded.json"
