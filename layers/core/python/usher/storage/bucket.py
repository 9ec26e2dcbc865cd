"""Where things are in the bucket. The first folder of every key is the dataset group.

<group>/usher.yaml (or usher.json)         what is wanted
<group>/interactions.csv, interactions/*.csv   data; likewise items, users, actions, action_interactions
<group>/interactions/incremental/*.csv     what is added to it
<group>/export/<solution>/*.jsonl          optional: for whom to export
<group>/batch/*.jsonl, segments/*.jsonl    what jobs answer
<group>/out/...                            what Usher writes

The AWS Solution's folders are read as well: `train/<group>/`, with its config in any `.json`.
"""

import json
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, is_dataclass
from operator import attrgetter
from typing import IO, Any

from usher.aws import error_code
from usher.errors import InputError, Problem, UsherError

DATASETS = ("interactions", "items", "users", "actions", "action_interactions")
CONFIGS = ("usher.yaml", "usher.json")
SOLUTION_HOME = "train"
"""The folder in which the AWS Solution has a folder for each group."""
SOLUTION_JOBS = "batch"
"""The folder in which it has a folder for each group's batch jobs."""
RESERVED = (SOLUTION_HOME, SOLUTION_JOBS)
"""Folders that can't be a group's: others have theirs inside."""
OUT = "out"
"""The folder below which, wherever it stands, only Usher and Personalize may write (BucketPolicy of template.yaml)."""
CHUNK_BYTES = 1 << 20
JOB_FOLDERS = ("batch", "segments")
LONGEST_REQUEST = 1 << 20
"""Bytes of a line that says what an export is to answer."""
INCREMENTS = "incremental"
"""The folder in a dataset's folder for files that are added to what was imported."""
MOST_BYTES = 1 << 23
"""Of an object that is read at once."""
LONGEST_LINE = 1 << 28
"""Bytes of a line that is held as a whole: of a segment with five million users, the most that there are."""
DELETED_AT_ONCE = 1000
GROUP_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-_]{0,34}\Z")
"""Personalize allows 63 characters; the names of what belongs to a group add up to 28 to its own."""
UNREADABLE = {
    "AccessDenied": (
        "can't be read: {}",
        "If it lies under a KMS key of its own, or belongs to another account, copy it over itself with the bucket's "
        "encryption; else redeploy the stack, whose role has lost a permission.",
    ),
    "InvalidObjectState": ("is archived: {}", "Restore it to S3 Standard, and drop it again."),
    "InvalidRequest": ("can't be read: {}", "Drop it again, encrypted by the bucket and not with a key of your own."),
    **dict.fromkeys(
        ("KMS.DisabledException", "KMS.KMSInvalidStateException", "KMS.NotFoundException"),
        (
            "lies under a KMS key that can't be used: {}",
            "Enable the key, or drop the file again, encrypted by the bucket.",
        ),
    ),
}
"""S3's codes for an object that is there and that no further try reads: what is the matter, and what helps.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html and ErrorResponses.html
"""


def is_input(key: str) -> bool:
    """Whether an object with this key is read, and so starts a run: the rules in template.yaml match the same keys."""
    return is_config(key) or is_data(key) or is_request(key)


def is_data(key: str) -> bool:
    """Whether an object with this key is a CSV of a dataset (and not, say, an export that looks like it)."""
    if not key.endswith(".csv"):
        return False
    match at_home(key).split("/"):
        case [_, name]:
            return name.removesuffix(".csv") in DATASETS
        case [_, folder, _]:
            return folder in DATASETS
        case [_, folder, inner, _]:
            return folder in DATASETS and inner == INCREMENTS
    return False


def is_request(key: str) -> bool:
    """Whether an object with this key lists what an export or a job is to answer."""
    if not key.endswith(".jsonl"):
        return False
    match key.split("/"):
        case [_, folder, _]:
            return folder in JOB_FOLDERS
        case [_, folder, _, _]:
            return folder == "export"
    return False


def is_config(key: str) -> bool:
    """Whether an object with this key is a group's config."""
    match at_home(key).split("/"):
        case [_, name]:
            return name in CONFIGS or is_solution_config(key)
    return False


def is_solution_config(key: str) -> bool:
    """Whether an object with this key is a config of the AWS Solution."""
    return key != at_home(key) and key.count("/") == 2 and key.endswith(".json")


def group_of(key: str) -> str:
    """The group that a key belongs to."""
    return at_home(key).split("/")[0]


def homes(group: str) -> tuple[str, str]:
    """The folders that may hold a group's config and data."""
    return f"{group}/", f"{SOLUTION_HOME}/{group}/"


def is_plain(key: str) -> bool:
    """Whether a key is written as people write it: no part is empty or made of dots, and all can be printed."""
    return key.isprintable() and not any(part.strip(".") == "" for part in key.split("/"))


def job_homes(group: str) -> tuple[str, ...]:
    """The folders that may hold what a group's jobs work on: the AWS Solution has a further one for that."""
    return (*homes(group), f"{SOLUTION_JOBS}/{group}/")


def at_home(key: str) -> str:
    """The key that an object of the AWS Solution's folder would have in its group's own."""
    match key.split("/"):
        case [folder, group, _, *_] if (
            folder == SOLUTION_HOME and group not in (*DATASETS, OUT, "export") and not is_request(key)
        ):
            return key.removeprefix(f"{SOLUTION_HOME}/")
    return key


def is_foreign(key: str) -> bool:
    """Whether an object in a group's folder is none that Usher reads or writes: a misspelt name, most likely."""
    _, _, rest = at_home(key).partition("/")
    return not is_input(key) and not key.endswith("/") and not rest.startswith(("out/", "export/"))


class TooLargeError(UsherError):
    """An object is larger than what is read at once."""


@dataclass(frozen=True, slots=True)
class File:
    """An object of the bucket."""

    key: str
    size: int
    """Bytes."""
    etag: str
    """What S3 gives to this very content."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """The bucket, with the few ways in which Usher reads and writes it. `s3` is a boto3 client."""

    s3: Any
    name: str

    def url(self, key: str) -> str:
        """The s3:// address of a key."""
        return f"s3://{self.name}/{key}"

    def files(self, prefix: str) -> list[File]:
        """All objects below a prefix, sorted by their keys."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        found = (entry for page in pages for entry in page.get("Contents", []))
        return sorted((File(one["Key"], one["Size"], one["ETag"]) for one in found), key=attrgetter("key"))

    def keys(self, prefix: str) -> list[str]:
        """All keys below a prefix, sorted."""
        return [file.key for file in self.files(prefix)]

    def open(self, key: str, **conditions: str) -> IO[bytes]:
        """An object's bytes as a stream; `conditions`: such as `Range`, as GetObject knows them.

        Raises InputError for an object that can't be read, however often that is tried.
        """
        try:
            body: IO[bytes] = self.s3.get_object(Bucket=self.name, Key=key, **conditions)["Body"]
        except self.s3.exceptions.ClientError as error:
            if found := UNREADABLE.get(error_code(error)):
                message, remedy = found
                said = error.response["Error"].get("Message", error_code(error)).rstrip(".")
                raise InputError([Problem(key, f"{message.format(said)}.", remedy)]) from error
            raise
        return body

    def read(self, key: str, most: int = MOST_BYTES) -> bytes | None:
        """An object's bytes, at most so many; None where there is none. Raises TooLargeError."""
        try:
            with closing(self.open(key)) as stream:
                content = stream.read(most + 1)
        except self.s3.exceptions.ClientError as error:
            if error_code(error) in {"NoSuchKey", "404"}:
                return None
            raise
        if len(content) > most:
            raise TooLargeError(f"{self.url(key)} has more than {most} bytes.")
        return content

    def lines(self, key: str) -> Iterator[bytes]:
        """An object's lines, streamed. One of more than LONGEST_REQUEST bytes is cut after one more."""
        begun = b""
        with closing(self.open(key)) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                for end, piece in enumerate(chunk.split(b"\n")):
                    if end:
                        yield begun
                        begun = b""
                    begun += piece[: LONGEST_REQUEST + 1 - len(begun)]
        if begun:
            yield begun

    def count_lines(self, key: str, most: float = math.inf) -> int:
        """How many lines an object has, streamed; the last one may lack its end. Beyond `most`, so many at least."""
        lines, last = 0, b"\n"
        with closing(self.open(key)) as stream:
            while lines <= most and (chunk := stream.read(CHUNK_BYTES)):
                lines, last = lines + chunk.count(b"\n"), chunk[-1:]
        return lines + (last != b"\n")

    def blocks(self, key: str, start: int = 0, size: int = 1 << 21) -> Iterator[bytes]:
        """An object's bytes in blocks of whole lines, of `size` or more where a line is longer than that."""
        yield from whole_lines(self.open(key, **({"Range": f"bytes={start}-"} if start else {})), size)

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects."""
        for start in range(0, len(keys), DELETED_AT_ONCE):
            some = [{"Key": key} for key in keys[start : start + DELETED_AT_ONCE]]
            answer = self.s3.delete_objects(Bucket=self.name, Delete={"Objects": some, "Quiet": True})
            if errors := answer.get("Errors"):
                raise UsherError(f"{self.url(errors[0]['Key'])} can't be deleted: {errors[0]['Message']}")

    def write(self, key: str, content: bytes | bytearray, **more: str) -> None:
        """Write an object; `more`: such as `Tagging`, as PutObject knows it."""
        self.s3.put_object(Bucket=self.name, Key=key, Body=content, **more)

    def read_json(self, key: str) -> Any:
        """A JSON object's value; None where there is none."""
        content = self.read(key)
        return None if content is None else json.loads(content)

    def write_json(self, key: str, value: object) -> None:
        """Write a value as JSON."""
        self.write(key, as_json(value).encode())


def whole_lines(stream: IO[bytes], size: int, longest: int = LONGEST_LINE) -> Iterator[bytes]:
    """A stream's bytes in blocks of whole lines, of `size` or more where a line is longer than that.

    Raises TooLargeError for a line that is longer than `longest` bytes.
    """
    begun = b""
    while chunk := stream.read(size):
        if cut := chunk.rfind(b"\n") + 1:
            yield b"".join((begun, memoryview(chunk)[:cut]))
            begun = b""
        begun += chunk[cut:]
        if len(begun) > longest:
            raise TooLargeError(f"A line of a file has more than {longest >> 20} MB. Ask for fewer results.")
    if begun:
        yield begun


def as_json(value: object) -> str:
    """A value as indented JSON: people open these files."""
    return json.dumps(value, indent=2, default=_plain)


def _plain(value: Any) -> Any:
    """Dataclasses as objects, without what is empty; all else, such as times, as text."""
    return {name: part for name, part in asdict(value).items() if part} if is_dataclass(value) else str(value)  # type: ignore[arg-type]


def config_keys(group: str) -> list[str]:
    """Where a group's config may be."""
    return [f"{group}/{name}" for name in CONFIGS]


def data_keys(keys: list[str], group: str, dataset: str) -> list[str]:
    """The keys, of all those below a group, that hold a dataset's CSVs, without increments."""
    return [key for key in _csvs(keys, group, dataset) if at_home(key).count("/") < 3]


def increment_keys(keys: list[str], group: str, dataset: str) -> list[str]:
    """The keys, of all those below a group, that hold what is added to a dataset."""
    return [key for key in _csvs(keys, group, dataset) if at_home(key).count("/") == 3]


def _csvs(keys: list[str], group: str, dataset: str) -> list[str]:
    return [key for key in keys if is_data(key) and key.startswith(homes(group)) and dataset_of(key) == dataset]


def dataset_of(key: str) -> str:
    """The dataset that a CSV belongs to."""
    return at_home(key).split("/")[1].removesuffix(".csv")


def data_location(group: str, dataset: str, keys: list[str]) -> str:
    """What Personalize is told to import: the one file, or the folder."""
    home = next(home for home in homes(group) if keys[0].startswith(home))
    single = f"{home}{dataset}.csv"
    return single if keys == [single] else f"{home}{dataset}/"


def export_prefix(group: str, solution: str) -> str:
    """Where a solution's exports are."""
    return f"{group}/out/export/{solution}/"
