"""The requests that reach an application, and the answers to the others."""

from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import boto3
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from usher_local.cloud.http_api.apis import listening, serving
from usher_local.cloud.http_api.connections import Connection
from usher_local.cloud.http_api.request_gate import MAX_UNVERIFIED_BYTES, local_only, signed_only

USER = Credentials("AKIAUSER", "secret")
HERE = {"Host": "127.0.0.1:3000"}


def find(key: str) -> tuple[Credentials, str] | None:
    return (USER, "arn:aws:iam::123456789012:user/somebody") if key == USER.access_key else None


@Request.application
def echo(request: Request) -> Response:
    return Response(request.get_data(), headers={"Signer": request.headers.get("Authorization", "")[:50]})


@pytest.mark.parametrize("host", ["127.0.0.1:3000", "localhost:3000"])
@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "none"}], ids=["a program", "typed into a browser"])
def test_a_program_of_this_machine_is_answered(host: str, headers: dict[str, str]) -> None:
    assert Client(local_only(echo, 3000)).get("/", headers={"Host": host, **headers}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": ""},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:3001"},
        {"Host": "localhost:3000.evil.example"},
        {"Host": "evil.example:3000"},
        {"Host": "bucket.localhost:3000"},
        {"Host": "[::1]:3000"},
        {"Host": "0.0.0.0:3000"},
        {"Host": "127.0.0.1:3000,127.0.0.1:3000"},
        {**HERE, "Origin": "http://evil.example"},
        {**HERE, "Origin": "http://127.0.0.1:3000"},
        {**HERE, "Origin": "null"},
        {**HERE, "Origin": ""},
        {**HERE, "Sec-Fetch-Site": "cross-site"},
        {**HERE, "Sec-Fetch-Site": "same-site"},
        {**HERE, "Sec-Fetch-Site": "same-origin"},
    ],
    ids=str,
)
def test_another_host_and_a_page_are_refused(headers: dict[str, str]) -> None:
    answer = Client(local_only(echo, 3000)).get("/", headers=headers)
    assert (answer.status_code, answer.text) == (403, "Forbidden\n")
    assert not [name for name in dict(answer.headers) if name.startswith("Access-Control-")]


def ask(service: str, by: Credentials, operation: str, **given: Any) -> Any:
    """The answer to a boto3 client, with a signature by any key."""
    with listening(0) as listener, serving(listener, signed_only(echo, find), Connection):
        make: Any = boto3.client  # its stubs take literal names only
        client = make(
            service,
            "us-east-1",
            endpoint_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
            aws_access_key_id=by.access_key,
            aws_secret_access_key=by.secret_key,
            aws_session_token=by.token,
            config=Config(retries={"total_max_attempts": 1}),
        )
        return getattr(client, operation)(**given)


@pytest.mark.parametrize(
    ("service", "operation", "unknown", "wrong", "token"),
    [
        ("s3", "list_buckets", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken"),
        ("sns", "list_topics", "InvalidClientTokenId", "SignatureDoesNotMatch", "InvalidClientTokenId"),
        (
            "personalize",
            "list_schemas",
            "UnrecognizedClientException",
            "InvalidSignatureException",
            "UnrecognizedClientException",
        ),
        (
            "lambda",
            "list_functions",
            "UnrecognizedClientException",
            "InvalidSignatureException",
            "UnrecognizedClientException",
        ),
        (
            "cloudwatch",
            "describe_alarms",
            "UnrecognizedClientException",
            "InvalidSignatureException",
            "UnrecognizedClientException",
        ),
    ],
)
def test_an_unknown_caller_gets_the_services_words(
    service: str, operation: str, unknown: str, wrong: str, token: str
) -> None:
    for by, code in (
        (Credentials("AKIANOBODY", "secret"), unknown),
        (Credentials("AKIAUSER", "guessed"), wrong),
        (Credentials("AKIAUSER", "secret", "token"), token),
    ):
        with pytest.raises(ClientError) as caught:
            ask(service, by, operation)
        assert caught.value.response["Error"]["Code"] == code
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_names_and_keys_of_all_characters_that_s3_takes_are_signed_as_they_arrive() -> None:
    metadata = {"with_underscore": "a  b", "with-hyphen": "c"}
    answer = ask("s3", USER, "put_object", Bucket="bucket", Key="a b/ü+&=%2F", Body=b"<any/>", Metadata=metadata)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_body_that_comes_in_chunks_arrives_as_it_was_signed() -> None:
    with listening(0) as listener, serving(listener, signed_only(echo, find), Connection):
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        request = AWSRequest("PUT", f"http://{host}/bucket/key", data=b"one, two")
        S3SigV4Auth(USER, "s3", "us-east-1").add_auth(request)
        with closing(HTTPConnection(host)) as connection:
            parts = iter([b"one", b", two"])
            connection.request("PUT", "/bucket/key", parts, dict(request.headers.items()), encode_chunked=True)
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"one, two")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "AccessDenied"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "MissingAuthenticationToken"),
        ({"X-Amz-Target": "AmazonPersonalize.SetFaults"}, "MissingAuthenticationTokenException"),
        ({"Authorization": "AWS AKIAUSER:c2lnbmVkCg=="}, "AccessDenied"),
    ],
)
def test_an_unsigned_request_is_refused_as_unsigned(headers: dict[str, str], code: str) -> None:
    answer = Client(signed_only(echo, find)).post("/", headers={**HERE, **headers}, data=b"any")
    assert answer.status_code == 403
    assert code in answer.text


def test_a_body_that_could_fill_the_memory_is_not_read_before_the_signature_is_known() -> None:
    request = AWSRequest("POST", "http://127.0.0.1:3000/", data=b"{}")
    SigV4Auth(Credentials(USER.access_key, "guessed"), "personalize", "us-east-1").add_auth(request)
    headers, size = {**HERE, **dict(request.headers.items())}, {"CONTENT_LENGTH": str(MAX_UNVERIFIED_BYTES + 1)}
    answer = Client(signed_only(echo, find)).post("/", headers=headers, environ_overrides=size)
    assert answer.status_code == 413
