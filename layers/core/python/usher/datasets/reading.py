"""How a dataset's files are read where they are not as Personalize takes them: what `usher.yaml` says of it. Light."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from usher.storage.bucket import File

Unit = Literal["s", "ms", "us", "ns", "iso"]
UNITS: Sequence[Unit] = ("s", "ms", "us", "ns", "iso")
"""How times may be written: as Unix seconds, milliseconds, microseconds or nanoseconds, or as dates of ISO 8601, in UTC
where they name no zone."""
TIME_COLUMNS = ("TIMESTAMP", "CREATION_TIMESTAMP")
"""The columns whose times are read by the unit."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How the files of a dataset are read."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """The name in Personalize, by the name in the file; empty: the column is left out."""
    timestamps: Unit = "s"
    deduplicate: bool = False
    """Whether only one of equal rows is imported; of items, users and actions, the last row of each ID."""

    @property
    def is_plain(self) -> bool:
        """Whether the files are as Personalize takes them, if they are CSVs."""
        return self == PLAIN

    def facts(self) -> dict[str, object]:
        """What differs from the default, as JSON."""
        return {name: value for name, value in asdict(self).items() if value != getattr(PLAIN, name)}


PLAIN = Reading()


@dataclass(frozen=True, slots=True)
class Source:
    """The files of an import as they were checked, and how they are read."""

    files: Sequence[File]
    reading: Reading = PLAIN
