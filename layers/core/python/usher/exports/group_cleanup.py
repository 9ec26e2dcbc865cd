"""Deletes the files and table items that Usher made for a removed group; only the records of its runs stay."""

from collections.abc import Callable, Mapping
from typing import Any

from usher.serving.export_store import ExportStore
from usher.storage.bucket import Bucket

FOLDERS = ("batch", "catalogue", "checks", "evaluation", "export", "input", "segments")
"""The folders below `<group>/out/` whose files are deleted."""


def clean_up(
    bucket: Bucket,
    answers: ExportStore,
    group: str,
    start: Mapping[str, Any] | None,
    require_open: Callable[[], None],
) -> dict[str, Any] | None:
    """Delete as much as time allows; return the place in the table to continue from, or None at the end.

    Deleted versions of files stay in the bucket until its lifecycle rule removes them. `require_open` raises EndedError
    if the run has ended: a function outlives its stopped execution, and must not delete files of the next run.
    """
    for folder in FOLDERS:
        keys = bucket.keys(f"{group}/out/{folder}/")
        require_open()
        bucket.delete(keys)
    return answers.delete_group(group, start, require_open)
