"""Saved buckets and objects: every version, its metadata and tags.

A bucket that no stack makes keeps its name and versioning. Parts of an unfinished upload are lost.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import uuid4

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import FakeDeleteMarker, FakeKey, S3Backend, s3_backends
from moto.s3.responses import S3Response

from usher_local.cloud.access.credentials import PARTITION
from usher_local.cloud.core.patching import replaced
from usher_local.cloud.state.changes import Arguments, Changes
from usher_local.store import Store, readable, written_whole

BUCKET = "bucket"
MAX_INLINE_BYTES = 2**16
"""A larger body is saved as a file."""
MAX_MEMORY_BYTES = 2**24
"""A larger body is read from its file; moto has smaller ones in memory."""
ATTRIBUTES = (
    "_storage_class",
    "_etag",
    "_is_versioned",
    "contentsize",
    "encryption",
    "kms_key_id",
    "bucket_key_enabled",
    "lock_mode",
    "lock_legal_status",
    "lock_until",
    "checksum_algorithm",
    "checksum_value",
    "checksum_type",
    "checksum_parts",
    "website_redirect_location",
)
"""The saved attributes of an object's version, by moto's names."""


class Subject(NamedTuple):
    """An object, or a bucket itself."""

    bucket: str
    key: str | None = None
    metadata_changed: bool = False
    """Whether the metadata or tags of its versions have changed."""


class Version(NamedTuple):
    """moto's version of an object, and the name of its body's file, if it has one."""

    of: FakeKey | FakeDeleteMarker
    file: str | None


class Buckets:
    """The saved buckets of the account.

    While `restoring`, a new bucket is filled, and nothing is deleted from the store.
    """

    def __init__(self, store: Store) -> None:
        self.restoring = True
        self._store = store
        self._folder = store.path.parent / "objects"
        self._changes = Changes(self._keep)
        self._kept: dict[tuple[str, str], dict[str, Version]] = {}
        """For each bucket and key, the object's versions by ID, oldest first."""

    @property
    def _backend(self) -> S3Backend:
        return s3_backends[DEFAULT_ACCOUNT_ID][PARTITION]

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Save every change before its request is answered."""
        with ExitStack() as stack:
            for owner, name, touched in (
                (S3Backend, "create_bucket", bucket_of),
                (S3Backend, "delete_bucket", bucket_of),
                (S3Backend, "put_bucket_versioning", bucket_of),
                (S3Backend, "put_object", object_of),
                (S3Backend, "delete_object", object_of),
                (S3Backend, "put_object_tagging", tagged),
                (S3Backend, "delete_object_tagging", untagged),
                (S3Response, "key_response", no_subject),  # it sets metadata after PutObject of the backend
                (S3Response, "bucket_response", no_subject),
            ):
                stack.enter_context(replaced(owner, name, self._changes.of(vars(owner)[name], touched)))
            yield

    def restore(self) -> dict[str, int]:
        """Make the buckets that no stack has made, and end `restoring`. Returns the number of restored objects."""
        for name, kept in self._store.rows(BUCKET):
            if name not in self._backend.buckets:
                self._backend.create_bucket(name, kept["region"])
                if kept["versioning"]:
                    self._backend.put_bucket_versioning(name, kept["versioning"])
        self.restoring = False
        for name in self._backend.buckets:
            self._keep(Subject(name))
        named = {version.file for versions in self._kept.values() for version in versions.values()}
        for file in self._folder.glob("*"):
            if file.name not in named:  # its request was interrupted
                file.unlink()
        return {"objects": len(self._kept)}

    def _keep(self, subject: Subject) -> None:
        bucket = self._backend.buckets.get(subject.bucket)
        if subject.key is not None:
            self._keep_object(bucket, subject)
        elif bucket is None:
            if not self.restoring:
                self._store.delete(BUCKET, subject.bucket)
        elif self.restoring:
            if not bucket.keys:
                self._fill(bucket)
        else:
            about = {"region": bucket.region_name, "versioning": bucket.versioning_status}
            self._store.put(BUCKET, bucket.name, about)

    def _keep_object(self, bucket: Any, subject: Subject) -> None:
        place = (subject.bucket, str(subject.key))
        before, now = self._kept.get(place, {}), {}
        for version in bucket.keys.getlist(subject.key, []) if bucket else ():
            same = before.get(version.version_id)
            if same is None or same.of is not version:
                same = self._write(place, version, None)
            elif subject.metadata_changed:
                same = self._write(place, version, same.file)
            now[version.version_id] = same
        gone = [row_key(place[1], version_id) for version_id in before.keys() - now.keys()]
        self._store.delete(kind_of(subject.bucket), *gone)
        for file in {one.file for one in before.values()} - {one.file for one in now.values()} - {None}:
            (self._folder / str(file)).unlink(missing_ok=True)
        self._kept[place] = now
        if not now:
            del self._kept[place]

    def _write(self, place: tuple[str, str], version: FakeKey | FakeDeleteMarker, file: str | None) -> Version:
        row: dict[str, Any] = {"at": version.last_modified.replace(tzinfo=UTC).timestamp()}
        if isinstance(version, FakeKey):
            row |= saved_properties(self._backend, version)
            if version.size > MAX_INLINE_BYTES:
                row["file"] = file = file or self._write_file(version)
            else:
                row["body"] = base64.b64encode(version.value).decode()
        self._store.put(kind_of(place[0]), row_key(place[1], version.version_id), row)
        return Version(version, file)

    def _write_file(self, version: FakeKey) -> str:
        name = uuid4().hex
        with written_whole(self._folder / name) as new:
            new.write_bytes(version.value)
        if version.size > MAX_MEMORY_BYTES:
            with version.lock:
                version._value_buffer.close()
                version._value_buffer = (self._folder / name).open("rb")
        return name

    def _fill(self, bucket: Any) -> None:
        """Put the saved objects into a bucket."""
        for place, row in self._store.rows(kind_of(bucket.name)):
            key, version_id = json.loads(place)
            file = row.get("file")
            version = self._marker(bucket, key) if "about" not in row else self._object(bucket, key, row)
            version.last_modified = datetime.fromtimestamp(row["at"], UTC).replace(tzinfo=None)
            version._version_id = version_id
            bucket.keys[key] = version
            if isinstance(version, FakeKey):
                self._backend.tagger.tag_resource(version.arn, row["tags"])
            self._kept.setdefault((bucket.name, key), {})[version_id] = Version(version, file)

    def _marker(self, bucket: Any, key: str) -> FakeDeleteMarker:
        return FakeDeleteMarker(bucket.keys.get(key) or self._object(bucket, key, {}))

    def _object(self, bucket: Any, key: str, row: Mapping[str, Any]) -> FakeKey:
        path = self._folder / row["file"] if "file" in row else None
        made = FakeKey(key, b"", DEFAULT_ACCOUNT_ID, bucket.region_name, bucket_name=bucket.name)
        vars(made).update(row.get("about", {}))
        made._metadata.update(row.get("metadata", {}))
        if path and made.size > MAX_MEMORY_BYTES:
            with readable(path):
                made._value_buffer = path.open("rb")
        elif path:
            with readable(path):
                made.value = path.read_bytes()
        else:
            made.value = base64.b64decode(row.get("body", ""))
        return made


def saved_properties(backend: S3Backend, version: FakeKey) -> dict[str, Any]:
    """The saved properties of a version without its body."""
    version.etag  # noqa: B018 - moto computes it on demand
    return {
        "about": {name: getattr(version, name) for name in ATTRIBUTES},
        "metadata": dict(version.metadata),
        "tags": backend.tagger.list_tags_for_resource(version.arn)["Tags"],
    }


def kind_of(bucket: str) -> str:
    """The kind of the documents of a bucket's objects."""
    return f"object/{bucket}"


def row_key(key: str, version_id: str) -> str:
    """The key of a version's document."""
    return json.dumps([key, version_id])


def no_subject(_: Arguments) -> None:
    """The subject of a call that only makes other calls: none."""


def bucket_of(call: Arguments) -> Subject:
    """The bucket in a call."""
    return Subject(call["bucket_name"])


def object_of(call: Arguments) -> Subject:
    """The object in a call."""
    return Subject(call["bucket_name"], call["key_name"])


def tagged(call: Arguments) -> Subject:
    """The object whose tags a call sets."""
    return Subject(call["key"].bucket_name, call["key"].name, metadata_changed=True)


def untagged(call: Arguments) -> Subject:
    """The object whose tags a call removes."""
    return Subject(call["bucket_name"], call["key_name"], metadata_changed=True)
