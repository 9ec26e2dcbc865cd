"""S3's multipart upload: an object of any size is written in constant memory."""

import hashlib
from types import TracebackType
from typing import Any, cast

from usher.clients import CompletedPartTypeDef
from usher.storage.bucket import Bucket

PART_BYTES = 1 << 24
"""S3 takes 10,000 parts of at least 5 MB: with this size, objects of up to 160 GB."""


class Upload:
    """A writable binary file, to be used in a `with`, whose content becomes an object of the bucket.

    The object exists once the block has ended without an error. Otherwise the bucket's lifecycle removes the parts.
    `etag`: of the object to replace; S3 refuses if it has changed (bucket.WRITTEN_MEANWHILE).
    """

    def __init__(
        self, bucket: Bucket, key: str, part_bytes: int = PART_BYTES, tagging: str = "", etag: str = ""
    ) -> None:
        self.bucket = bucket
        self._tagging: dict[str, Any] = {"Tagging": tagging} if tagging else {}
        self._condition: dict[str, Any] = {"IfMatch": etag} if etag else {}
        self.key = key
        self.part_bytes = part_bytes
        self.size = 0
        """The bytes so far."""
        self.closed = False
        self._hash = hashlib.sha256()
        self._held = bytearray()
        self._upload: dict[str, Any] = {}
        self._parts: list[CompletedPartTypeDef] = []

    @property
    def sha256(self) -> str:
        """The hexadecimal digest of the bytes so far."""
        return self._hash.hexdigest()

    @property
    def _content(self) -> bytes:
        return cast(bytes, self._held)  # botocore also takes a bytearray; its stubs do not

    def write(self, content: bytes) -> int:
        """Add bytes. They are copied, as pyarrow reuses its buffers."""
        self._held += content
        self._hash.update(content)
        self.size += len(content)
        if len(self._held) >= self.part_bytes:
            self._send()
        return len(content)

    def flush(self) -> None:
        """Do nothing: parts are sent when they are large enough."""

    def close(self) -> None:
        """Do nothing: the end of the `with` completes the object."""

    def __enter__(self) -> "Upload":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closed = True
        if error is not None:
            return
        if not self._upload:
            self.bucket.write(self.key, self._content, **self._tagging, **self._condition)
            return
        if self._held:
            self._send()
        self.bucket.s3.complete_multipart_upload(
            **self._upload, **self._condition, MultipartUpload={"Parts": self._parts}
        )

    def _send(self) -> None:
        s3 = self.bucket.s3
        where: dict[str, Any] = {"Bucket": self.bucket.name, "Key": self.key}
        self._upload = self._upload or {
            **where,
            "UploadId": s3.create_multipart_upload(**where, **self._tagging)["UploadId"],
        }
        number = len(self._parts) + 1
        sent = s3.upload_part(**self._upload, PartNumber=number, Body=self._content)
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})
        self._held = bytearray()
