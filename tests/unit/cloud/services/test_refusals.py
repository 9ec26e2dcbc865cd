"""Requests that services refuse for their form or size."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from usher_local.cloud.services.refusals import BYTES, limited


@pytest.fixture
def topic() -> Iterator[dict[str, str]]:
    with mock_aws(), limited():
        yield {"TopicArn": boto3.client("sns").create_topic(Name="t")["TopicArn"]}


@pytest.mark.parametrize(
    ("subject", "taken"),
    [
        ("Usher: films failed", True),
        ("[films] failed", True),
        ("x" * 99, True),
        ("x" * 100, False),
        ("", False),
        (" films", False),
        ("films\nfailed", False),
        ("films\x7f", False),
        ("été", False),
    ],
)
def test_a_subject_is_a_line_of_ascii(topic: dict[str, str], subject: str, taken: bool) -> None:
    assert refusal("sns", "publish", **topic, Subject=subject, Message="m") == ("" if taken else SUBJECT)


SUBJECT = "InvalidParameter: Invalid parameter: Subject"


@pytest.mark.parametrize(("message", "refused"), [("é" * (BYTES // 2), False), ("é" * (BYTES // 2) + "x", True)])
def test_a_message_has_at_most_so_many_bytes(topic: dict[str, str], message: str, refused: bool) -> None:
    said = "InvalidParameter: Invalid parameter: Message too long" if refused else ""
    assert refusal("sns", "publish", **topic, Message=message) == said


@pytest.mark.usefixtures("topic")
@pytest.mark.parametrize("entries", [1, 10])
@pytest.mark.parametrize("more", [0, 1])
def test_all_entries_of_a_request_have_at_most_so_many_bytes(entries: int, more: int) -> None:
    frame = len("s" + "t" + "arn" + json.dumps({"a": ""}))
    texts = ["x" * (BYTES // entries - frame)] * entries
    texts[0] += "x" * (BYTES % entries + more)
    put = [{"Source": "s", "DetailType": "t", "Detail": json.dumps({"a": one}), "Resources": ["arn"]} for one in texts]
    said = "ValidationException: Total size of the entries in the request is over the limit." if more else ""
    assert refusal("events", "put_events", Entries=put) == said


@pytest.mark.usefixtures("topic")
@pytest.mark.parametrize(("key", "refused"), [("é" * 512, False), ("é" * 512 + "x", True)])
def test_a_key_has_at_most_so_many_bytes(key: str, refused: bool) -> None:
    assert refusal("s3", "create_bucket", Bucket="bucket") == ""
    said = "KeyTooLongError: Your key is too long" if refused else ""
    assert refusal("s3", "put_object", Bucket="bucket", Key=key, Body=b"") == said


@pytest.mark.usefixtures("topic")
def test_a_copy_is_of_the_object_that_was_meant() -> None:
    s3: Any = boto3.client("s3")
    to = {"Bucket": "bucket", "Key": "c"}
    s3.create_bucket(Bucket="bucket")
    etag = s3.put_object(Bucket="bucket", Key="a b", Body=b"a")["ETag"]
    upload = s3.create_multipart_upload(**to)["UploadId"]
    of = {"CopySource": {"Bucket": "bucket", "Key": "a b"}, "CopySourceIfMatch": etag, **to}
    part = {**of, "UploadId": upload, "PartNumber": 1}
    assert refusal("s3", "copy_object", **of) == refusal("s3", "upload_part_copy", **part) == ""
    s3.put_object(Bucket="bucket", Key="a b", Body=b"b")
    for operation, request in (("copy_object", of), ("upload_part_copy", part)):
        assert refusal("s3", operation, **request).startswith("PreconditionFailed: ")


def refusal(service: str, operation: str, **request: Any) -> str:
    """The code and the message of a refusal; empty without one."""
    client: Any = boto3.client
    try:
        getattr(client(service), operation)(**request)
    except ClientError as error:
        return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
    return ""
