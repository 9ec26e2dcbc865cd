"""Objects of any size, written as their bytes come, in constant memory: S3's multipart upload."""

import hashlib
from types import TracebackType
from typing import Any

from usher.storage.bucket import Bucket

PART_BYTES = 1 << 24
"""S3 takes 10,000 parts of at least 5 MB: objects of 160 GB."""


class Upload:
    """A file that is being written to the bucket, for a `with`.

    The object is there once the block has ended well. Parts of one that was cut are removed by the bucket's lifecycle.
    """

    def __init__(self, bucket: Bucket, key: str) -> None:
        self.bucket = bucket
        self.key = key
        self.size = 0
        """Bytes so far."""
        self.closed = False
        self._hash = hashlib.sha256()
        self._held = bytearray()
        self._upload: dict[str, str] = {}
        self._parts: list[dict[str, Any]] = []

    @property
    def sha256(self) -> str:
        """Of the bytes so far."""
        return self._hash.hexdigest()

    def write(self, content: bytes) -> int:
        """Add bytes. They are copied: pyarrow uses its buffers again."""
        self._held += content
        self._hash.update(content)
        self.size += len(content)
        if len(self._held) >= PART_BYTES:
            self._send()
        return len(content)

    def flush(self) -> None:
        """Nothing: parts are sent when they are large enough."""

    def close(self) -> None:
        """Nothing: the end of the `with` decides whether there is an object."""

    def __enter__(self) -> "Upload":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closed = True
        if error is not None:
            return
        if not self._upload:
            self.bucket.write(self.key, self._held)
            return
        if self._held:
            self._send()
        self.bucket.s3.complete_multipart_upload(**self._upload, MultipartUpload={"Parts": self._parts})

    def _send(self) -> None:
        s3, where = self.bucket.s3, {"Bucket": self.bucket.name, "Key": self.key}
        self._upload = self._upload or {**where, "UploadId": s3.create_multipart_upload(**where)["UploadId"]}
        number = len(self._parts) + 1
        sent = s3.upload_part(**self._upload, PartNumber=number, Body=self._held)
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})
        self._held = bytearray()
