"""Every error is reported in one line, with a remedy, and never as a traceback."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.error import URLError

import boto3
import pytest
from botocore import exceptions
from moto import mock_aws
from moto.cloudformation.models import cloudformation_backends
from moto.core import DEFAULT_ACCOUNT_ID
from usher.aws import client
from usher.errors import UsherError

from usher_cli.__main__ import main
from usher_cli.deployed_stack import DeployedStack
from usher_cli.explanation import explanation

TEMPLATE = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'


def refusal(code: str, message: str = "No.") -> exceptions.ClientError:
    return exceptions.ClientError({"Error": {"Code": code, "Message": message}}, "ListObjectsV2")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (exceptions.NoCredentialsError(), "There are no AWS credentials. Set AWS_PROFILE"),
        (exceptions.PartialCredentialsError(provider="env", cred_var="x"), "credentials are incomplete. Set"),
        (exceptions.ProfileNotFound(profile="x"), "(x) could not be found. Choose another with AWS_PROFILE"),
        (exceptions.NoRegionError(), "No AWS region is named. Set AWS_DEFAULT_REGION"),
        (exceptions.UnauthorizedSSOTokenError(), "have expired. Sign in again: aws sso login"),
        (exceptions.TokenRetrievalError(provider="sso", error_msg="x"), "have expired. Sign in again"),
        (refusal("ExpiredToken"), "have expired. Sign in again"),
        (refusal("ExpiredTokenException"), "have expired. Sign in again"),
        (refusal("InvalidClientTokenId"), "AWS does not know these credentials. Set AWS_PROFILE"),
        (refusal("UnrecognizedClientException"), "AWS does not know these credentials."),
        (
            refusal("AccessDenied", "You may not"),
            "AWS refuses ListObjectsV2: You may not. Ask for this permission: docs/",
        ),
        (refusal("NoSuchBucket", "There is none."), "AWS refuses ListObjectsV2: There is none."),
        (refusal("500", ""), "AWS refuses ListObjectsV2: 500."),
        (exceptions.EndpointConnectionError(endpoint_url="https://x"), "https://x"),
        (URLError("refused"), "The API can't be reached: refused. "),
        (ModuleNotFoundError(name="uvicorn"), "In Usher's folder: pip install '.[ui]'"),
        (ModuleNotFoundError(name="moto"), "In Usher's folder: pip install '.[local]'"),
        (UsherError("So."), "So."),
        (KeyError("x"), "usher itself has failed: KeyError: 'x'. Report its traceback (USHER_TRACEBACK=1)."),
    ],
)
def test_an_error_is_one_line_with_what_to_do(error: Exception, says: str) -> None:
    text = explanation(error)
    assert says in text
    assert "\n" not in text


def test_an_unreachable_endpoint_of_the_local_cloud_says_how_to_start_it(monkeypatch: pytest.MonkeyPatch) -> None:
    error = exceptions.EndpointConnectionError(endpoint_url="http://localhost:4566")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert "the region exists" in explanation(error)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:4566")
    assert "start the local cloud (make up), or unset it" in explanation(error)


@pytest.fixture
def cloudformation() -> Iterator[Any]:
    with mock_aws():
        client.cache_clear()
        yield boto3.client("cloudformation", "us-east-1")
    client.cache_clear()


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("CREATE_IN_PROGRESS", "is CREATE_IN_PROGRESS, and has no output BucketName yet. Wait until it is deployed."),
        ("ROLLBACK_COMPLETE", "is ROLLBACK_COMPLETE, and has no output BucketName. See why: aws cloudformation"),
        ("CREATE_FAILED", "See why: aws cloudformation describe-stack-events --stack-name half."),
        (
            "CREATE_COMPLETE",
            "has no output BucketName: it is not Usher's, or was deployed from an older commit. Choose another with",
        ),
    ],
)
def test_a_half_deployed_stack_is_reported(
    cloudformation: Any, capsys: pytest.CaptureFixture[str], status: str, says: str
) -> None:
    arn = cloudformation.create_stack(StackName="half", TemplateBody=TEMPLATE)["StackId"]
    cloudformation_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].stacks[arn].status = status
    assert main(["--stack", "half", "status"]) == 1
    said = capsys.readouterr()
    assert says in said.err
    assert len(said.err.splitlines()) == 1
    assert not said.out


@pytest.mark.parametrize("ask", [lambda stack: stack.pending_queue, lambda stack: stack.target("films")])
def test_a_missing_resource_of_a_stack_is_reported(cloudformation: Any, ask: Callable[[DeployedStack], Any]) -> None:
    cloudformation.create_stack(StackName="half", TemplateBody=TEMPLATE)
    with pytest.raises(UsherError, match=r"The stack half has no resource (Pending|Plan): it is not Usher's"):
        ask(DeployedStack("half"))
