"""Validation of form and size by SNS, EventBridge and S3.

Gaps upstream (moto 5.2.5): SNS counts characters of a message, where AWS counts bytes, and accepts any subject of up to
100 characters; EventBridge accepts events of any size; S3 accepts keys of any length, and ignores If-Match in copies.
https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

import string
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any
from urllib.parse import unquote, urlsplit

from moto.events.exceptions import ValidationException
from moto.events.models import EventsBackend
from moto.s3.exceptions import PreconditionFailed, S3ClientError
from moto.s3.models import S3Backend
from moto.s3.responses import S3Response
from moto.sns.exceptions import SNSInvalidParameter
from moto.sns.models import SNSBackend

from usher_local.cloud.core.patching import replaced

BYTES = 262_144
"""The maximum size of a message, and of all entries of a PutEvents request."""
TIME_BYTES = 14
"""The size of an entry's time."""
SUBJECT = 100
KEY_BYTES = 1024
IF_MATCH = "x-amz-copy-source-if-match"


@contextmanager
def limited() -> Iterator[None]:
    """Make services refuse the requests that AWS refuses."""
    with ExitStack() as stack:
        stack.enter_context(replaced(SNSBackend, "publish", publishing(SNSBackend.publish)))
        stack.enter_context(replaced(EventsBackend, "put_events", putting(EventsBackend.put_events)))
        stack.enter_context(replaced(S3Backend, "put_object", storing(S3Backend.put_object)))
        for copy in ("copy_object", "upload_part_copy"):
            stack.enter_context(replaced(S3Response, copy, matching(vars(S3Response)[copy])))
        yield


def publishing(publish: Any) -> Any:
    """Publish, within SNS's rules for subjects and messages."""

    @wraps(publish)
    def run(backend: Any, message: str, *arguments: Any, subject: str | None = None, **named: Any) -> Any:
        if subject is not None and not is_subject(subject):
            raise SNSInvalidParameter("Invalid parameter: Subject")
        if len(message.encode()) > BYTES:
            raise SNSInvalidParameter("Invalid parameter: Message too long")
        return publish(backend, message, *arguments, subject=subject, **named)

    return run


def is_subject(text: str) -> bool:
    """Whether a text is ASCII without control characters that begins with a letter, number or punctuation mark."""
    begin = string.ascii_letters + string.digits + string.punctuation
    return text.isascii() and text.isprintable() and text[:1] in set(begin) and len(text) < SUBJECT


def putting(put_events: Any) -> Any:
    """PutEvents, within the size of a request."""

    @wraps(put_events)
    def run(backend: Any, events: Sequence[Mapping[str, Any]]) -> Any:
        if sum(map(size, events)) > BYTES:
            raise ValidationException("Total size of the entries in the request is over the limit.")
        return put_events(backend, events)

    return run


def size(entry: Mapping[str, Any]) -> int:
    """The size of an entry in bytes, as EventBridge counts it."""
    texts = [entry.get(name) or "" for name in ("Source", "DetailType", "Detail")] + list(entry.get("Resources") or [])
    return sum(len(text.encode()) for text in texts) + (TIME_BYTES if "Time" in entry else 0)


def storing(put_object: Any) -> Any:
    """PutObject, within the length of a key."""

    @wraps(put_object)
    def run(backend: Any, bucket_name: str, key_name: str, *arguments: Any, **named: Any) -> Any:
        if len(key_name.encode()) > KEY_BYTES:
            raise S3ClientError("KeyTooLongError", "Your key is too long")
        return put_object(backend, bucket_name, key_name, *arguments, **named)

    return run


def matching(copy: Any) -> Any:
    """A copy of an object, or of a part of one, if its ETag matches."""

    @wraps(copy)
    def run(response: Any) -> Any:
        if etag := response.headers.get(IF_MATCH):
            bucket, _, key = unquote(urlsplit(response.headers["x-amz-copy-source"]).path).lstrip("/").partition("/")
            source = response.backend.get_object(bucket, key)
            if source and source.etag.strip('"') != etag.strip('"'):
                raise PreconditionFailed(IF_MATCH)
        return copy(response)

    return run
