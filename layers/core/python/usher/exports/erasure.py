"""Erase the files and table items that Usher made for a removed group; only the records of its runs stay."""

from collections.abc import Mapping
from typing import Any

from usher.serving.export_store import ExportStore
from usher.storage.bucket import Bucket

ERASED = ("batch", "catalogue", "checks", "evaluation", "export", "input", "segments")
"""The folders below `<group>/out/` whose files go."""


def erase(bucket: Bucket, answers: ExportStore, group: str, start: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Delete as much as time allows; return the place in the table to go on from, or None at the end.

    Deleted versions of files stay in the bucket until its lifecycle rule takes them.
    """
    for folder in ERASED:
        bucket.delete(bucket.keys(f"{group}/out/{folder}/"))
    return answers.erase(group, start)
