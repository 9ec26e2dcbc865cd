"""How much of a dataset is read and held at a time."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Bytes, unless a field says otherwise."""

    part_bytes: int = 1 << 28
    """The length of the parts that are profiled in parallel. It goes into the digests of the data: with another length,
    all data is imported and trained on once more."""
    parallel_bytes: int = 1 << 29
    """New data beyond this size is profiled in parallel."""
    block_bytes: int = 1 << 23
    """Read from a file at a time."""
    line_bytes: int = 1 << 20
    """The longest line: more than Personalize takes in all columns of a row together."""
    lines: int = 1 << 18
    """Lines that are parsed together. Every one of them may be malformed, and then takes much more memory than its
    bytes."""
    row_errors: int = 1_000_000
    """Malformed lines of a file or of a part. Each takes a hundred times as long as a good one."""
    unpacked_bytes: int = 5 << 30
    """What one packed CSV may hold. It can't be read in parts, so that one core profiles it and writes it as a CSV
    within the 900 seconds of the function `check`: 330 seconds at 16 MB/s, measured on another core."""
    unpacked_json_bytes: int = 3 << 30
    """What packed JSON Lines may hold, which take longer: 330 seconds at 10 MB/s."""
    equal_rows: int = 10_000_000
    """Rows of a dataset whose duplicates are to be left out. Each takes 8 bytes of memory, and more for a moment."""
    ids: int = 1_000_000
    """Different IDs of a dataset. Beyond them, duplicates are not counted."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "ReadLimits":
        """With PART_BYTES and PARALLEL_BYTES, where they are set, as tests do."""
        names = ("part_bytes", "parallel_bytes")
        return cls(**{name: int(environ[name.upper()]) for name in names if name.upper() in environ})


LIMITS = ReadLimits()
