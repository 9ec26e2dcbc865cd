"""Amazon S3 as jobs see it: moto's buckets of the same account, behind the role's and the bucket's policies."""

from dataclasses import dataclass
from typing import Any

from moto.s3.models import s3_backends

from local.personalize.access import READ, WRITE, check_bucket
from local.personalize.exceptions import JobFailedError


@dataclass(frozen=True, slots=True)
class Location:
    """`s3://bucket/key`, reached with a role's permissions."""

    account: str
    partition: str
    role: str
    path: str

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

        Raises JobFailedError when there is nothing or the role may not read.
        """
        held = self._bucket("Invalid Data location.").keys
        folder = self.key if not self.key or self.key.endswith("/") else f"{self.key}/"
        keys = [self.key] if self.key in held else _first_level(held, folder)
        check_bucket(self.account, self.partition, self.role, READ, self.bucket, keys[0] if keys else folder)
        backend = s3_backends[self.account][self.partition]
        found = {key: backend.get_object(self.bucket, key) for key in keys}
        content: dict[str, bytes] = {key: item.value for key, item in found.items() if item is not None}
        if not content:
            raise JobFailedError("Invalid Data location.")
        return content

    def write(self, name: str, content: bytes) -> None:
        """Put an object below the path; JobFailedError when there is no bucket or the role may not write."""
        self._bucket("Invalid S3 output path")
        folder = self.key if not self.key or self.key.endswith("/") else f"{self.key}/"
        check_bucket(self.account, self.partition, self.role, WRITE, self.bucket, f"{folder}{name}")
        s3_backends[self.account][self.partition].put_object(self.bucket, f"{folder}{name}", content)

    def _bucket(self, missing: str) -> Any:
        bucket = s3_backends[self.account][self.partition].buckets.get(self.bucket)
        if bucket is None:
            raise JobFailedError(missing)
        return bucket


def _first_level(keys: Any, folder: str) -> list[str]:
    below = (key for key in sorted(keys) if key.startswith(folder))
    return [key for key in below if key != folder and "/" not in key[len(folder) :]]
