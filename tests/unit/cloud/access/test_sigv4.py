from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import boto3
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from usher_local.cloud.access.sigv4 import AUTHORIZATION, CONTENT_HASH, Reason, Received, SignatureError, check

HOLDER = "arn:aws:iam::123456789012:user/somebody"
USER = Credentials("AKIAUSER", "secret")
SESSION = Credentials("ASIASESSION", "other secret", "token")
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
services = st.sampled_from(["s3", "execute-api", "personalize"])


def find(key: str) -> tuple[Credentials, str] | None:
    return next(((one, HOLDER) for one in (USER, SESSION) if one.access_key == key), None)


def signed(
    method: str = "POST",
    url: str = "http://127.0.0.1:3000/a",
    body: bytes = b"{}",
    by: Credentials = USER,
    service: str = "execute-api",
    **extra: str,
) -> Received:
    """A request that botocore signed."""
    request = AWSRequest(method, url, headers=extra, data=body)
    (S3SigV4Auth if service == "s3" else SigV4Auth)(by, service, "eu-west-1").add_auth(request)
    headers = {name.lower(): value for name, value in request.headers.items()} | {"host": url.split("/")[2]}
    return Received(method, url, headers, lambda: body)


def presigned(service: str = "s3", by: Credentials = USER, seconds: int = 60, body: bytes = b"") -> Received:
    """A request to a URL that botocore signed."""
    request = AWSRequest("GET", "http://127.0.0.1:3000/b/a%20key?versionId=1&flag=")
    (S3SigV4QueryAuth if service == "s3" else SigV4QueryAuth)(by, service, "eu-west-1", seconds).add_auth(request)
    return Received("GET", str(request.url), {"host": "127.0.0.1:3000"}, lambda: body)


def who(request: Received, later: timedelta = timedelta(0), service: str | None = None) -> str:
    return check(request, find, datetime.now(UTC) + later, service).access_key


@given(st.lists(texts, max_size=3), st.dictionaries(texts, texts, max_size=3), st.binary(max_size=50), services)
def test_signatures_of_botocore_are_accepted(path: list[str], query: dict[str, str], body: bytes, service: str) -> None:
    url = f"http://127.0.0.1:3000/{'/'.join(quote(part, safe='') for part in path)}"
    url += f"?{urlencode(query, quote_via=quote)}" if query else ""
    made = check(signed(url=url, body=body, service=service), find, datetime.now(UTC))
    assert (made.access_key, made.arn) == ("AKIAUSER", HOLDER)


@pytest.mark.parametrize("by", [USER, SESSION])
@pytest.mark.parametrize("service", ["s3", "sts"])
def test_a_pre_signed_url_is_accepted_and_names_its_signer(service: str, by: Credentials) -> None:
    signer = check(presigned(service, by), find, datetime.now(UTC))
    said = AUTHORIZATION.fullmatch(signer.authorization)
    assert said
    assert (said["key"], said["service"], signer.access_key) == (by.access_key, service, by.access_key)


def test_a_url_that_boto3_signed_for_s3_is_accepted() -> None:
    s3 = boto3.client(
        "s3",
        "us-east-1",
        endpoint_url="http://127.0.0.1:3000",
        aws_access_key_id=USER.access_key,
        aws_secret_access_key=USER.secret_key,
        config=Config(signature_version="s3v4"),
    )
    url = s3.generate_presigned_url("get_object", {"Bucket": "bucket", "Key": "a b/ü"}, ExpiresIn=60)
    assert who(Received("GET", url, {"host": "127.0.0.1:3000"}, bytes)) == "AKIAUSER"


def test_a_session_signs_with_its_token() -> None:
    assert who(signed(by=SESSION)) == "ASIASESSION"


@pytest.mark.parametrize("payload", ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"])
@pytest.mark.parametrize("service", ["s3", "personalize"])
def test_only_s3_takes_a_body_that_is_not_signed(payload: str, service: str) -> None:
    request = AWSRequest("PUT", "http://127.0.0.1:3000/b/k", {CONTENT_HASH: payload}, b"any")
    signer: Any = S3SigV4Auth if service == "s3" else SigV4Auth
    signer = type("Signer", (signer,), {"payload": lambda *_: payload})
    signer(USER, service, "eu-west-1").add_auth(request)
    headers = {name.lower(): value for name, value in request.headers.items()} | {"host": "127.0.0.1:3000"}
    given = Received("PUT", str(request.url), headers, lambda: b"other")
    if service == "s3":
        assert who(given) == "AKIAUSER"
    else:
        with pytest.raises(SignatureError, match="the body"):
            who(given)


def having(**headers: str | None) -> Any:
    """Headers with a change; None removes one."""
    changed = {name.replace("_", "-"): value for name, value in headers.items()}

    def change(request: Received) -> Received:
        merged = {**request.headers, **changed}
        return replace(request, headers={name: value for name, value in merged.items() if value is not None})

    return change


@pytest.mark.parametrize("service", ["s3", "execute-api"])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda request: replace(request, body=lambda: b"{ }"),
        lambda request: replace(request, method="GET"),
        lambda request: replace(request, url=request.url + "b"),
        lambda request: replace(request, url=request.url + "?a=1"),
        having(host="elsewhere"),
        having(x_amz_date="yesterday"),
        having(x_amz_content_sha256="0" * 64),
        having(x_amz_content_sha256="UNSIGNED-PAYLOAD"),
        having(x_amz_security_token="token"),
        having(x_amz_target="AmazonPersonalize.SetFaults"),
        having(authorization="Bearer x"),
        having(authorization=None),
        having(x_amz_date=None),
        having(host=None),
    ],
)
def test_an_altered_request_is_refused(spoil: Any, service: str) -> None:
    with pytest.raises(SignatureError):
        who(spoil(signed(service=service)))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda request: replace(request, url=request.url.replace("a%20key", "a%20kez")),
        lambda request: replace(request, url=request.url.replace("Expires=60", "Expires=600")),
        lambda request: replace(request, url=request.url.replace("Expires=60", "Expires=-1")),
        lambda request: replace(request, url=request.url.replace("Expires=60", "Expires=9e9")),
        lambda request: replace(request, url=request.url.replace("X-Amz-Expires=60&", "")),
        lambda request: replace(request, url=request.url + "&acl="),
        lambda request: replace(request, method="DELETE"),
        having(host="elsewhere"),
        having(x_amz_acl="public-read"),
        having(authorization="AWS4-HMAC-SHA256 Credential=AKIAUSER/20260101/r/s3/aws4_request"),
    ],
)
def test_an_altered_pre_signed_url_is_refused(spoil: Any) -> None:
    with pytest.raises(SignatureError):
        who(spoil(presigned()))


@pytest.mark.parametrize(
    ("make", "minutes", "reason"),
    [
        (partial(signed), 4, None),
        (partial(signed), 6, Reason.SKEWED),
        (partial(signed), -6, Reason.SKEWED),
        (partial(signed, service="s3"), 14, None),
        (partial(signed, service="s3"), 16, Reason.SKEWED),
        (partial(presigned, seconds=3600), 59, None),
        (partial(presigned, seconds=3600), 61, Reason.EXPIRED),
        (partial(presigned), -16, Reason.SKEWED),
        (partial(presigned, seconds=8 * 24 * 3600), 0, Reason.MISMATCH),
    ],
)
def test_a_signature_counts_for_its_time(make: Any, minutes: int, reason: Reason | None) -> None:
    request, later = make(), timedelta(minutes=minutes)
    if reason is None:
        who(request, later)
        return
    with pytest.raises(SignatureError) as caught:
        who(request, later)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("by", "reason"),
    [
        (Credentials("AKIANOBODY", "secret"), Reason.UNKNOWN_KEY),
        (Credentials("AKIAUSER", "guessed"), Reason.MISMATCH),
        (Credentials("AKIAUSER", "secret", "token"), Reason.WRONG_TOKEN),
        (Credentials("ASIASESSION", "secret"), Reason.WRONG_TOKEN),
        (Credentials("ASIASESSION", "other secret", "tokem"), Reason.WRONG_TOKEN),
    ],
)
@pytest.mark.parametrize("make", [signed, presigned])
def test_a_stranger_is_refused(by: Credentials, reason: Reason, make: Any) -> None:
    with pytest.raises(SignatureError) as caught:
        who(make(by=by))
    assert caught.value.reason == reason


def test_a_signature_for_another_service_is_refused() -> None:
    with pytest.raises(SignatureError):
        who(signed(service="s3"), service="execute-api")


def test_an_unknown_signer_does_not_make_the_server_read_the_body() -> None:
    def body() -> bytes:
        raise AssertionError

    for request in (
        signed(by=Credentials("AKIANOBODY", "secret")),
        signed(by=Credentials("AKIAUSER", "?"), service="s3"),
    ):
        with pytest.raises(SignatureError):
            who(replace(request, body=body))
