"""The settings of `usher.yaml` for reading a dataset's files that are not in Personalize's form. Light."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from usher.storage.bucket import File

Unit = Literal["s", "ms", "us", "ns", "iso"]
UNITS: Sequence[Unit] = ("s", "ms", "us", "ns", "iso")
"""The units of times: Unix seconds, milliseconds, microseconds or nanoseconds, or dates of ISO 8601, in UTC if they
have no zone.
"""
TIME_COLUMNS = ("TIMESTAMP", "CREATION_TIMESTAMP")
"""The columns of times that the unit applies to."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The settings for reading a dataset's files."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """The name in Personalize, by the name in the file; empty: the column is left out."""
    timestamps: Unit = "s"
    deduplicate: bool = False
    """Whether only one of equal rows is imported; of items, users and actions, the last row of each ID."""

    @property
    def is_plain(self) -> bool:
        """Whether Personalize takes the files as they are, if they are CSVs."""
        return self == PLAIN

    def facts(self) -> dict[str, object]:
        """The settings that differ from the default, as JSON."""
        return {name: value for name, value in asdict(self).items() if value != getattr(PLAIN, name)}


PLAIN = Reading()


@dataclass(frozen=True, slots=True)
class Source:
    """The files of an import as they were checked, and their Reading."""

    files: Sequence[File]
    reading: Reading = PLAIN
