"""The input of batch inference and batch segment jobs: JSON Lines files, each small enough for one call to assemble its
output.

Format: service guide, "Preparing input data for batch recommendations" and "... for user segments".
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from usher.aws import digest
from usher.errors import InputError, Problem
from usher.limits import MAX_JOB_FILES
from usher.storage.bucket import Bucket
from usher.storage.multipart import Upload

FILE_BYTES = 1 << 28
"""The size in bytes after which a new file is begun."""
MAX_RESULTS_PER_FILE = 25_000_000
"""The most recommendations in the output for one file: one call assembles them within minutes."""


@dataclass(frozen=True, slots=True)
class JobInput:
    """The files of a job's input."""

    keys: Sequence[str]
    lines: int
    digest: str
    """The digest of all files' content."""


def uploaded_keys(keys: Sequence[str], group: str, solution: str) -> list[str]:
    """The keys of the input lines that people have uploaded for a solution's export. `keys`: all keys of the group."""
    return [key for key in keys if key.startswith(f"{group}/export/{solution}/") and key.endswith(".jsonl")]


def encoded_line(line: Mapping[str, Any]) -> bytes:
    """A line of a job's input. Raises UnicodeEncodeError for an unpaired surrogate."""
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def write_job_input(
    bucket: Bucket,
    folder: str,
    lines: Iterable[Mapping[str, Any]],
    defaults: Mapping[str, Any],
    max_lines: int,
    *,
    file_bytes: int = FILE_BYTES,
    max_files: int = MAX_JOB_FILES,
) -> JobInput:
    """Write lines to files of at most `max_lines` lines each below a folder.

    `defaults`: members that every line has unless it brings its own. Raises InputError for more than `max_files` files.
    """
    files: list[Upload] = []
    count = room = 0
    with ExitStack() as stack:
        for line in lines:
            if not room or files[-1].size >= file_bytes:
                stack.close()
                if len(files) == max_files:
                    message = f"has more than {count} lines, which is more than a batch job takes."
                    remedy = "Ask for fewer results, or export for a part of the users."
                    raise InputError([Problem(folder, message, remedy)])
                files.append(stack.enter_context(Upload(bucket, f"{folder}part-{len(files) + 1:04d}.json")))
                room = max_lines
            files[-1].write(encoded_line({**defaults, **line}))
            count, room = count + 1, room - 1
    return JobInput([file.key for file in files], count, digest([file.sha256 for file in files]))
