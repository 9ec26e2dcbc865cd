"""Amazon S3 for jobs: moto's buckets of the same account, guarded by the role's and the bucket's policies."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from moto.s3.models import s3_backends

from usher_local.personalize.core.access import READ, WRITE, check_bucket
from usher_local.personalize.core.errors import JobFailedError
from usher_local.personalize.core.resources import Backend


@dataclass(frozen=True, slots=True)
class Location:
    """`s3://bucket/key`, reached with a role's permissions."""

    account: str
    partition: str
    region: str
    role: str
    path: str

    @classmethod
    def of(cls, backend: Backend, role: str, path: str) -> Self:
        """A location in the account of a backend."""
        return cls(backend.account_id, backend.partition, backend.region_name, role, path)

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self.path.partition("://")[2].partition("/")[0]

    @property
    def key(self) -> str:
        """The object's key, or a prefix."""
        return self.path.partition("://")[2].partition("/")[2]

    def read(self) -> dict[str, bytes]:
        """Objects by key: the one at the path, or the first level of the folder there.

        Raises JobFailedError if there is nothing, or if the role may not read it.
        """
        held = self._bucket("Invalid Data location.").keys
        keys = [self.key] if self.key in held else _first_level(held, self._folder)
        self._authorize(READ, keys[0] if keys else self._folder)
        backend = s3_backends[self.account][self.partition]
        found = {key: backend.get_object(self.bucket, key) for key in keys}
        content: dict[str, bytes] = {key: item.value for key, item in found.items() if item is not None}
        if not content:
            raise JobFailedError("Invalid Data location.")
        return content

    def write(self, name: str, content: bytes) -> None:
        """Put an object below the path. JobFailedError if the bucket does not exist, or if the role may not write."""
        self.check(WRITE, name)
        s3_backends[self.account][self.partition].put_object(self.bucket, f"{self._folder}{name}", content)

    def check(self, actions: Iterable[str], name: str = "") -> None:
        """Raise JobFailedError unless the bucket exists and the role may do `actions` to `name` below the path."""
        self._bucket("Invalid S3 output path")
        self._authorize(actions, f"{self._folder}{name}")

    def _authorize(self, actions: Iterable[str], key: str) -> None:
        check_bucket(self.account, self.partition, self.region, self.role, actions, self.bucket, key)

    @property
    def _folder(self) -> str:
        return self.key if not self.key or self.key.endswith("/") else f"{self.key}/"

    def _bucket(self, missing: str) -> Any:
        bucket = s3_backends[self.account][self.partition].buckets.get(self.bucket)
        if bucket is None:
            raise JobFailedError(missing)
        return bucket


def _first_level(keys: Any, folder: str) -> list[str]:
    below = (key for key in sorted(keys) if key.startswith(folder))
    return [key for key in below if key != folder and "/" not in key[len(folder) :]]
