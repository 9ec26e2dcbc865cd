"""The limits of reading a dataset: amounts that are read and held at a time."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Limits in bytes, unless a field says otherwise."""

    part_bytes: int = 1 << 28
    """The length of the parts that are profiled in parallel. It goes into the digests of the data: with another length,
    all data is imported and trained on once more.
    """
    parallel_bytes: int = 1 << 29
    """New data of more bytes is profiled in parallel."""
    block_bytes: int = 1 << 23
    """The bytes that are read from a file at a time."""
    line_bytes: int = 1 << 20
    """The longest line: more than Personalize takes in all columns of a row together."""
    lines: int = 1 << 18
    """The lines that are parsed together. Every one may be malformed, and then takes much more memory than
    its bytes.
    """
    row_errors: int = 1_000_000
    """The most malformed lines of a file or of a part. Each takes a hundred times as long as a good one."""
    unpacked_bytes: int = 5 << 30
    """The most decompressed bytes of a CSV. It can't be read in parts, so one core profiles it and writes it as a CSV
    within the 900 seconds of the function `check`: 330 seconds at 16 MB/s, measured on another core.
    """
    unpacked_json_bytes: int = 3 << 30
    """The most decompressed bytes of JSON Lines, which take longer: 330 seconds at 10 MB/s."""
    equal_rows: int = 10_000_000
    """The most rows of a dataset without duplicates. Each takes 8 bytes of memory, and more for a moment."""
    ids: int = 1_000_000
    """The most different IDs of a dataset. Beyond them, duplicates are not counted."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "ReadLimits":
        """The limits with PART_BYTES and PARALLEL_BYTES, if they are set, as tests do."""
        names = ("part_bytes", "parallel_bytes")
        return cls(**{name: int(environ[name.upper()]) for name in names if name.upper() in environ})


LIMITS = ReadLimits()
