"""Erases users from a group's files in the bucket, in every version that S3 still keeps."""

import io
import json
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import groupby
from tempfile import TemporaryFile
from typing import IO, Any

from usher.aws import error_code
from usher.erasure.contents import clean
from usher.erasure.erased_users import ErasedUsers
from usher.reports.evaluation_page import render_evaluation_page
from usher.reports.run_page import render_run_page
from usher.storage.bucket import WRITTEN_MEANWHILE, Bucket, Version
from usher.storage.multipart import Upload

ID_COLUMNS = {"catalogue/users.parquet": ("id",)}
"""The files below `out/` whose column of users has another name (usher.catalogue.snapshot)."""
CACHES = ("checks/",)
"""Folders below `out/` that are caches: hashes of IDs, and examples of wrong values. They are deleted whole."""
UNREAD = ("attribution/",)
"""Folders below `out/` that hold only sums, and no user."""
TAGS = {"input/": "usher=input"}
"""The tags by which S3 deletes files below `out/` (template.yaml)."""
PAGES: Mapping[str, tuple[str, Callable[[Any], str]]] = {
    "run.json": ("run.html", render_run_page),
    "report.json": ("report.html", render_evaluation_page),
}
"""The page of a document, which is written anew with it."""
MAX_PAGE_BYTES = 1 << 26
"""The most bytes of a document with a page."""


class _Nowhere(io.RawIOBase):
    """A target that discards its content."""

    def writable(self) -> bool:
        return True

    def write(self, content: Any, /) -> int:
        return len(content)


def versions_with_content(bucket: Bucket, prefix: str) -> Iterator[Version]:
    """Every version of every object below a prefix that has content, by their keys."""
    return (one for one in bucket.versions(prefix) if not one.is_mark)


def erase_files(
    bucket: Bucket, erased: ErasedUsers, after: str, is_time_up: Callable[[], bool]
) -> tuple[int, str | None]:
    """Erase users from the files that Usher has written for a group, beginning after a key.

    Returns the number of erased rows, entries and files, and the last key that was searched; None at the end.
    """
    root, removed = f"{erased.group}/out/", 0
    for key, of_key in groupby(versions_with_content(bucket, root), lambda version: version.key):
        if key <= after:
            continue
        name = key.removeprefix(root)
        columns = next((some for file, some in ID_COLUMNS.items() if name == file), ())
        if name.startswith(CACHES):
            gone = list(of_key)
            bucket.delete_versions(gone)
            removed += len(gone)
        elif not name.startswith(UNREAD):
            removed += erase_in_object(bucket, erased, list(of_key), columns, tagging_of(name))
        if is_time_up():
            return removed, key
    return removed, None


def tagging_of(name: str) -> str:
    """The tag of a file below `out/`; empty if it has none."""
    return next((tag for folder, tag in TAGS.items() if name.startswith(folder)), "")


def erase_in_object(
    bucket: Bucket, erased: ErasedUsers, of_key: Collection[Version], columns: Collection[str] = (), tagging: str = ""
) -> int:
    """Erase users from an object: write it anew without them, and delete the versions that held them.

    A version that another writer has written meanwhile stays; the next search finds it.
    """
    removed = 0
    for version in of_key:
        with TemporaryFile() as source:
            _download(bucket, version, source)
            if not (found := clean(version.key, source, _Nowhere(), erased, columns)):
                continue
            if version.is_latest:
                source.seek(0)
                if not _rewrite(bucket, erased, version, source, columns, tagging):
                    continue
            bucket.delete_versions([version])
            removed += found if version.is_latest else 1
    return removed


def count_in_object(bucket: Bucket, erased: ErasedUsers, version: Version, columns: Collection[str] = ()) -> int:
    """The number of rows of the users in a version."""
    with TemporaryFile() as source:
        _download(bucket, version, source)
        return clean(version.key, source, _Nowhere(), erased, columns)


def _download(bucket: Bucket, version: Version, target: IO[bytes]) -> None:
    shutil.copyfileobj(bucket.open(version.key, VersionId=version.id), target)
    target.seek(0)


def _rewrite(
    bucket: Bucket, erased: ErasedUsers, version: Version, source: IO[bytes], columns: Collection[str], tagging: str
) -> bool:
    """Write an object and its page anew; return whether the object had not changed."""
    try:
        with Upload(bucket, version.key, tagging=tagging, etag=version.etag) as upload:
            clean(version.key, source, upload, erased, columns)
    except bucket.s3.exceptions.ClientError as error:
        if error_code(error) not in WRITTEN_MEANWHILE:
            raise
        return False
    folder, _, file = version.key.rpartition("/")
    if file in PAGES:
        page, render = PAGES[file]
        _replace_page(bucket, f"{folder}/{page}", render(json.loads(bucket.read(version.key, MAX_PAGE_BYTES) or b"")))
    return True


def _replace_page(bucket: Bucket, key: str, html: str) -> None:
    """Write a page anew and delete its former versions: HTML has no parts that belong to a user."""
    former = [one for one in versions_with_content(bucket, key) if one.key == key]
    bucket.write(key, html.encode(), ContentType="text/html; charset=utf-8")
    bucket.delete_versions(former)
