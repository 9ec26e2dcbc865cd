"""The bucket after the adoption of a dataset group."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import IO

from usher.clients import S3Client
from usher.errors import UsherError
from usher.storage.bucket import Bucket, File


@dataclass(frozen=True, slots=True)
class Source:
    """An object at another place, and the time of its last change."""

    bucket: str
    key: str
    modified: datetime
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class Preview(Bucket):
    """The bucket after some files have been put there."""

    config: Mapping[str, bytes] = field(default_factory=dict)
    copies: Mapping[str, Source] = field(default_factory=dict)
    """The sources of copies, by key."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """The names of objects in messages, by key."""

    def label(self, key: str) -> str:
        """The name of an object in messages."""
        return self.labels.get(key, key)

    def files(self, prefix: str) -> list[File]:
        """All objects below a prefix, sorted by their keys."""
        added = [File(key, len(content), "") for key, content in self.config.items()]
        added += [File(key, source.size, source.etag) for key, source in self.copies.items()]
        files = {file.key: file for file in (*Bucket.files(self, prefix), *added) if file.key.startswith(prefix)}
        return [files[key] for key in sorted(files)]

    def open(self, key: str, **conditions: str) -> IO[bytes]:
        """An object's bytes as a stream."""
        if key in self.config:
            return BytesIO(self.config[key])
        if key in self.copies:
            source = self.copies[key]
            return Bucket(self.s3, source.bucket).open(source.key, **conditions)
        return Bucket.open(self, key, **conditions)

    def put(self) -> None:
        """Write the files, config first and interactions last: a run without these has nothing to do."""
        for key, content in self.config.items():
            self.write(key, content)
        for key in sorted(self.copies, key=lambda key: ("/interactions" in key, key)):
            source = self.copies[key]
            if (source.bucket, source.key) != (self.name, key):
                self.s3.copy({"Bucket": source.bucket, "Key": source.key}, self.name, key)


def sources(s3: S3Client, group: str, locations: Mapping[str, str]) -> dict[str, Source]:
    """The sources of each dataset's last import, by their keys in a group's folder."""
    return {
        f"{group}/{dataset}{tail}": source
        for dataset, location in locations.items()
        for tail, source in _objects(s3, dataset, location)
    }


def _objects(s3: S3Client, dataset: str, location: str) -> Iterator[tuple[str, Source]]:
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    objects = [one for page in pages for one in page.get("Contents", []) if not one["Key"].endswith("/")]
    if not prefix.endswith("/"):
        objects = [one for one in objects if one["Key"] == prefix]
    if not objects:
        raise UsherError(
            f"The {dataset} were imported from {location}, which is empty now. "
            "Put the files into the group's folder, with the config that this command prints."
        )
    for one in objects:
        name = one["Key"].rpartition("/")[2].removesuffix(".csv")
        tail = f"/{name}.csv" if prefix.endswith("/") else ".csv"
        yield tail, Source(bucket, one["Key"], one["LastModified"], one["Size"], one["ETag"])
