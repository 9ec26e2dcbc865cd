"""Erase what Usher made of the data of a group that has been removed; only the records of its runs stay."""

from collections.abc import Mapping
from typing import Any

from usher.serving.export_store import ExportStore
from usher.storage.bucket import Bucket

ERASED = ("batch", "checks", "evaluation", "export", "input", "segments")
"""The folders below `<group>/out/` whose files go."""


def erase(bucket: Bucket, answers: ExportStore, group: str, start: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Delete as much as there is time for; return where to go on in the table, or None at the end.

    Deleted versions of files stay in the bucket until its lifecycle rule takes them.
    """
    for folder in ERASED:
        bucket.delete(bucket.keys(f"{group}/out/{folder}/"))
    return answers.erase(group, start)
