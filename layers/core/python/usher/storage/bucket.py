"""The bucket, and Usher's ways of reading and writing it."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, is_dataclass
from operator import attrgetter
from typing import IO, Any

from usher.aws import error_code
from usher.clients import ObjectIdentifierTypeDef, S3Client
from usher.errors import InputError, Problem, UsherError
from usher.storage.layout import group_folders, group_of

CHUNK_BYTES = 1 << 20
MAX_REQUEST_LENGTH = 1 << 20
"""The most bytes of a line of an export's recipients or of a batch job's input."""
MAX_BYTES = 1 << 23
"""The most bytes of an object that is read as a whole."""
MAX_LINE_LENGTH = 1 << 28
"""The most bytes of a line that is read as a whole: Personalize's longest is a segment with five million users."""
DELETE_BATCH_SIZE = 1000
"""The most objects of a DeleteObjects request."""
UNREADABLE = {
    "AccessDenied": (
        "can't be read: {}",
        "If it is encrypted with a KMS key of its own, or belongs to another account, upload it again from the "
        "bucket's account with the bucket's encryption. Otherwise, redeploy the stack: its role lacks a permission.",
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
"""S3's error codes for an object that exists but can't be read, even later: the message and the remedy.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html and ErrorResponses.html
"""


REPLACED = {"PreconditionFailed", "NoSuchKey"}
"""S3's error codes for an object that has been replaced or deleted since it was listed."""
WRITTEN_MEANWHILE = {*REPLACED, "ConditionalRequestConflict"}
"""S3's error codes for a conditional write of an object that another writer has changed or deleted."""


class TooLargeError(UsherError):
    """An object or a line is too large to be read as a whole."""


@dataclass(frozen=True, slots=True)
class File:
    """An object of the bucket."""

    key: str
    size: int
    """The size in bytes."""
    etag: str
    """S3's tag of the content: it changes with the content."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an object of the bucket, or a delete marker."""

    key: str
    id: str
    is_latest: bool
    is_mark: bool = False
    """Whether it is a delete marker, which has no content."""
    size: int = 0
    """The size in bytes."""
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Bucket:
    """The bucket. `s3` is a boto3 client."""

    s3: S3Client
    name: str

    def url(self, key: str) -> str:
        """The s3:// address of a key."""
        return f"s3://{self.name}/{key}"

    def label(self, key: str) -> str:
        """The name of an object in messages."""
        return key

    def files(self, prefix: str) -> list[File]:
        """All objects below a prefix, sorted by their keys."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        entries = (entry for page in pages for entry in page.get("Contents", []))
        return sorted((File(entry["Key"], entry["Size"], entry["ETag"]) for entry in entries), key=attrgetter("key"))

    def files_of(self, group: str) -> list[File]:
        """All objects in a group's folders, its own and the AWS Solution's."""
        return [file for folder in group_folders(group) for file in self.files(folder) if group_of(file.key) == group]

    def keys(self, prefix: str) -> list[str]:
        """All keys below a prefix, sorted."""
        return [file.key for file in self.files(prefix)]

    def folders(self, prefix: str = "") -> list[str]:
        """The names of the folders within a folder, whose key ends with a slash; at the top, each is a group's."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix, Delimiter="/")
        found = (one["Prefix"] for page in pages for one in page.get("CommonPrefixes", []))
        return sorted(one.removeprefix(prefix).rstrip("/") for one in found)

    def open(self, key: str, **conditions: Any) -> IO[bytes]:
        """An object's bytes as a stream. `conditions`: further parameters of GetObject, such as `Range`.

        Raises InputError for an object that exists but can't be read, even later.
        """
        body: IO[bytes] = self._get(key, **conditions)["Body"]
        return body

    def _get(self, key: str, **conditions: Any) -> Mapping[str, Any]:
        try:
            response = self.s3.get_object(Bucket=self.name, Key=key, **conditions)
        except self.s3.exceptions.ClientError as error:
            if error_code(error) not in UNREADABLE:
                raise
            message, remedy = UNREADABLE[error_code(error)]
            detail = error.response["Error"].get("Message", error_code(error)).rstrip(".")
            raise InputError([Problem(key, f"{message.format(detail)}.", remedy)]) from error
        return response

    def read(self, key: str, limit: int = MAX_BYTES) -> bytes | None:
        """An object's bytes; None if it does not exist. Raises TooLargeError for more than `limit` bytes."""
        return self.read_with_etag(key, limit)[0]

    def read_with_etag(self, key: str, limit: int = MAX_BYTES) -> tuple[bytes | None, str]:
        """An object's bytes, as `read` returns them, and its ETag, which is empty if it does not exist."""
        try:
            response = self._get(key)
            with closing(response["Body"]) as stream:
                content: bytes = stream.read(limit + 1)
        except self.s3.exceptions.ClientError as error:
            if error_code(error) in {"NoSuchKey", "404"}:
                return None, ""
            raise
        if len(content) > limit:
            raise TooLargeError(f"{self.url(key)} has more than {limit} bytes.")
        return content, str(response["ETag"])

    def lines(self, key: str) -> Iterator[bytes]:
        """An object's lines, streamed. A line above MAX_REQUEST_LENGTH is cut off one byte after it."""
        begun = b""
        with closing(self.open(key)) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                for end, piece in enumerate(chunk.split(b"\n")):
                    if end:
                        yield begun
                        begun = b""
                    begun += piece[: MAX_REQUEST_LENGTH + 1 - len(begun)]
        if begun:
            yield begun

    def count_lines(self, key: str, limit: float = math.inf, chunk_bytes: int = CHUNK_BYTES) -> int:
        """The number of an object's lines, streamed; the last one may lack its end. Counting stops beyond `limit`."""
        lines, last = 0, b"\n"
        with closing(self.open(key)) as stream:
            while lines <= limit and (chunk := stream.read(chunk_bytes)):
                lines, last = lines + chunk.count(b"\n"), chunk[-1:]
        return lines + (last != b"\n")

    def blocks(self, key: str, start: int = 0, size: int = 1 << 21) -> Iterator[bytes]:
        """An object's bytes in blocks of whole lines, of `size` or more if a line is longer than that."""
        yield from whole_lines(self.open(key, **({"Range": f"bytes={start}-"} if start else {})), size)

    def versions(self, prefix: str) -> Iterator[Version]:
        """Every version of every object below a prefix; the delete markers of each of S3's pages come last."""
        for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=self.name, Prefix=prefix):
            for one in page.get("Versions", ()):
                yield Version(one["Key"], one["VersionId"], one["IsLatest"], size=one["Size"], etag=one["ETag"])
            for mark in page.get("DeleteMarkers", ()):
                yield Version(mark["Key"], mark["VersionId"], mark["IsLatest"], is_mark=True)

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects."""
        self._delete([{"Key": key} for key in keys])

    def delete_versions(self, versions: Sequence[Version]) -> None:
        """Delete versions of objects permanently."""
        self._delete([{"Key": one.key, "VersionId": one.id} for one in versions])

    def _delete(self, objects: Sequence[ObjectIdentifierTypeDef]) -> None:
        """Delete objects or versions. Raises UsherError for one that can't be deleted."""
        for start in range(0, len(objects), DELETE_BATCH_SIZE):
            batch = objects[start : start + DELETE_BATCH_SIZE]
            response = self.s3.delete_objects(Bucket=self.name, Delete={"Objects": batch, "Quiet": True})
            if errors := response.get("Errors"):
                raise UsherError(f"{self.url(errors[0]['Key'])} can't be deleted: {errors[0]['Message']}")

    def write(self, key: str, content: bytes, **parameters: Any) -> str:
        """Write an object; return its ETag. `parameters`: further parameters of PutObject, such as `Tagging`."""
        return str(self.s3.put_object(Bucket=self.name, Key=key, Body=content, **parameters)["ETag"])

    def replace(self, key: str, content: bytes, etag: str) -> str:
        """Write an object if it still has an ETag or, without one, if it does not exist; return its new ETag.

        Empty: another writer has written it meanwhile.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        """
        condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        try:
            return self.write(key, content, **condition)
        except self.s3.exceptions.ClientError as error:
            if error_code(error) not in WRITTEN_MEANWHILE:
                raise
            return ""

    def read_json(self, key: str) -> Any:
        """The value of a JSON file; None if it does not exist."""
        content = self.read(key)
        return None if content is None else json.loads(content)

    def write_json(self, key: str, value: object) -> None:
        """Write a value as JSON."""
        self.write(key, as_json(value).encode())


def whole_lines(stream: IO[bytes], size: int, max_line_length: int = MAX_LINE_LENGTH) -> Iterator[bytes]:
    """A stream's bytes in blocks of whole lines, of `size` or more if a line is longer than that.

    Raises TooLargeError for a line of more than `max_line_length` bytes.
    """
    begun = b""
    while chunk := stream.read(size):
        if cut := chunk.rfind(b"\n") + 1:
            yield b"".join((begun, memoryview(chunk)[:cut]))
            begun = b""
        begun += chunk[cut:]
        if len(begun) > max_line_length:
            raise TooLargeError(f"A line of a file has more than {max_line_length >> 20} MB. Ask for fewer results.")
    if begun:
        yield begun


def as_json(value: object) -> str:
    """A value as indented JSON, as people open these files."""
    return json.dumps(value, indent=2, default=_plain)


def _plain(value: Any) -> Any:
    """A dataclass as an object without empty members; any other value, such as a time, as text."""
    return {name: part for name, part in asdict(value).items() if part} if is_dataclass(value) else str(value)  # type: ignore[arg-type]
