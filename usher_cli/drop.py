"""Uploads a folder of files as one drop: no file arrives before everything is uploaded, so that it starts one run.

Files are uploaded in parts, from which S3 makes an object at the end. That takes seconds; the config comes last.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn
from usher.clients import CompletedPartTypeDef
from usher.errors import InputError, Problem, UsherError
from usher.planning.misplaced_files import ignored_files, misplaced_files
from usher.storage.bucket import Bucket
from usher.storage.layout import is_config, is_input

PART_BYTES = 1 << 24
"""The bytes of a part. S3 takes 10,000 parts: files of up to 160 GB."""
CONCURRENCY = 8
Advance = Callable[[int], object]
"""Called with the number of uploaded bytes."""


@dataclass(frozen=True, slots=True)
class Drop:
    """The files of a folder that Usher reads, and notes on the others."""

    files: dict[str, Path]
    """The files by key in the bucket; the config is the last one."""
    notes: Sequence[Problem] = ()

    @property
    def size(self) -> int:
        """The size in bytes."""
        return sum(path.stat().st_size for path in self.files.values())


def read_folder(folder: Path, group: str) -> Drop:
    """The drop of a folder into a group. Raises InputError for files with names that a run would refuse."""
    paths = {f"{group}/{path.relative_to(folder).as_posix()}": path for path in folder.rglob("*") if path.is_file()}
    if problems := list(misplaced_files(paths, group)):
        raise InputError(problems)
    used = sorted(filter(is_input, paths), key=lambda key: (is_config(key), key))
    if not used:
        raise UsherError(
            f"{folder} has no file that Usher reads, such as interactions.csv or usher.yaml: docs/files.md."
        )
    return Drop({key: paths[key] for key in used}, list(ignored_files(paths)))


def upload(bucket: Bucket, drop: Drop, advance: Advance, part_bytes: int = PART_BYTES) -> None:
    """Upload the files of a drop, so that all of them arrive at its end. If the upload fails, none has arrived."""
    uploads = [_Upload(bucket, key, path, part_bytes) for key, path in drop.files.items()]
    data, configs = ([one for one in uploads if is_config(one.key) is config] for config in (False, True))
    try:
        with ThreadPoolExecutor(CONCURRENCY) as executor:
            list(executor.map(_Upload.begin, uploads))
            parts = [(one, number) for one in uploads for number in range(one.parts)]
            list(executor.map(lambda part: part[0].send(part[1], advance), parts))
            list(executor.map(_Upload.complete, data))
        for one in configs:
            one.complete()
    except BaseException:
        for one in uploads:
            one.abort()
        raise


@dataclass(slots=True)
class _Upload:
    """The upload of a file, which becomes an object of the bucket once it is complete."""

    bucket: Bucket
    key: str
    path: Path
    part_bytes: int
    sent: dict[int, str] = field(default_factory=dict)
    """The ETags of the parts by their numbers from 1."""
    where: dict[str, Any] = field(default_factory=dict)

    @property
    def parts(self) -> int:
        """The number of parts: an empty file has an empty one."""
        return max(1, -(-self.path.stat().st_size // self.part_bytes))

    def begin(self) -> None:
        """Start the upload."""
        target: dict[str, Any] = {"Bucket": self.bucket.name, "Key": self.key}
        self.where = {**target, "UploadId": self.bucket.s3.create_multipart_upload(**target)["UploadId"]}

    def send(self, number: int, advance: Advance) -> None:
        """Send a part. `number`: from 0."""
        with self.path.open("rb") as file:
            file.seek(number * self.part_bytes)
            content = file.read(self.part_bytes)
        answer = self.bucket.s3.upload_part(**self.where, PartNumber=number + 1, Body=content)
        self.sent[number + 1] = answer["ETag"]
        advance(len(content))

    def complete(self) -> None:
        """Make the object from its parts."""
        parts: list[CompletedPartTypeDef] = [
            {"PartNumber": number, "ETag": tag} for number, tag in sorted(self.sent.items())
        ]
        self.bucket.s3.complete_multipart_upload(**self.where, MultipartUpload={"Parts": parts})
        self.where = {}

    def abort(self) -> None:
        """Delete the sent parts, unless the object is complete."""
        if self.where:
            self.bucket.s3.abort_multipart_upload(**self.where)


@contextmanager
def progress(total: int) -> Iterator[Advance]:
    """Show a bar while files are uploaded, on a terminal. `total`: bytes."""
    columns = ("Uploading", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield lambda size: bar.advance(task, size)
