"""Requests of roles and users, refused and allowed as AWS would."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.unit.cloud.roles import ACCOUNT, allow, document, make_role
from usher_local.authorization import Record
from usher_local.clock import Clock
from usher_local.cloud.access import credentials, iam
from usher_local.cloud.access.credentials import REGION
from usher_local.personalize import install, shutdown
from usher_local.personalize.models import personalize_backends

NAME = "bucket"
BUCKET = f"arn:aws:s3:::{NAME}"
GROUP = f"arn:aws:personalize:{REGION}:{ACCOUNT}:dataset-group/g"
OWN = f"arn:aws:personalize:{REGION}:{ACCOUNT}:*"
DENIED = "AccessDeniedException"
LAMBDA, PERSONALIZE, SCHEDULER = (f"{name}.amazonaws.com" for name in ("lambda", "personalize", "scheduler"))


@pytest.fixture
def record() -> Iterator[Record]:
    install(Clock(1))
    with mock_aws(), iam.enforced() as found:
        developer = credentials.create_developer()
        client("s3", developer).create_bucket(Bucket=NAME)
        client("s3", developer).put_object(Bucket=NAME, Key="k", Body=b"x")
        yield found
    shutdown()


def client(service: str, holder: Any) -> Any:
    make: Any = boto3.client  # its stubs take literal names only
    return make(
        service,
        region_name=REGION,
        aws_access_key_id=holder.access_key,
        aws_secret_access_key=holder.secret_key,
        aws_session_token=holder.token,
    )


def session(service: str, *allowed: Any) -> Any:
    """A client of `service` for a function whose role may do the allowed actions."""
    return client(service, credentials.assume(make_role(LAMBDA, *allowed), "f", LAMBDA))


def code(call: Any, **given: Any) -> str | None:
    """The error code of a call, or None."""
    try:
        call(**given)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None


@pytest.mark.usefixtures("record")
def test_a_trust_policy_decides_who_assumes_a_role() -> None:
    role = make_role(LAMBDA)
    assert credentials.assume(role, "f", LAMBDA).token
    with pytest.raises(PermissionError, match=f"states.amazonaws.com may not assume {role}"):
        credentials.assume(role, "f", "states.amazonaws.com")
    with pytest.raises(PermissionError, match="may not assume"):
        credentials.assume(f"{role}-that-is-not-there", "f", LAMBDA)


def test_a_bucket_policy_denies_an_administrator_and_allows_a_user_without_permissions(record: Record) -> None:
    iam_client = boto3.client("iam", region_name=REGION)
    poor = session("s3")
    assert code(poor.get_object, Bucket=NAME, Key="k") == "AccessDenied"
    (role,) = iam_client.list_roles()["Roles"]
    grant = allow("s3:GetObject", resource=f"{BUCKET}/*", Principal={"AWS": role["Arn"]})
    boto3.client("s3", region_name=REGION).put_bucket_policy(Bucket=NAME, Policy=document(grant))
    assert code(poor.get_object, Bucket=NAME, Key="k") is None
    plain = {"Bool": {"aws:SecureTransport": "false"}}
    by_tls = {"Bool": {"aws:SecureTransport": "true"}}
    for condition, refused in ((plain, None), (by_tls, "AccessDenied")):
        denial = allow("s3:*", resource=[BUCKET, f"{BUCKET}/*"], Principal="*", Condition=condition) | {
            "Effect": "Deny"
        }
        boto3.client("s3", region_name=REGION).put_bucket_policy(Bucket=NAME, Policy=document(grant, denial))
        assert code(poor.get_object, Bucket=NAME, Key="k") == refused
    assert [entry.decision.effect for entry in record.refused()] == ["Deny"]


@pytest.mark.usefixtures("record")
def test_without_the_right_to_list_a_missing_key_is_forbidden() -> None:
    reader = session("s3", "s3:GetObject")
    assert code(reader.get_object, Bucket=NAME, Key="k") is None
    assert code(reader.get_object, Bucket=NAME, Key="nothing") == "AccessDenied"
    boto3.client("iam", region_name=REGION).put_role_policy(
        RoleName="r", PolicyName="list", PolicyDocument=document(allow("s3:ListBucket", resource=BUCKET))
    )
    assert code(reader.get_object, Bucket=NAME, Key="nothing") == "NoSuchKey"


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize(
    ("given", "refused"),
    [({"Prefix": "a/"}, None), ({"Prefix": "a/b"}, None), ({"Prefix": "ab/"}, "AccessDenied"), ({}, "AccessDenied")],
)
def test_a_condition_knows_the_prefix_that_is_listed(given: dict[str, str], refused: str | None) -> None:
    reader = session("s3", allow("s3:ListBucket", resource=BUCKET, Condition={"StringLike": {"s3:prefix": "a/*"}}))
    assert code(reader.list_objects_v2, Bucket=NAME, **given) == refused


@pytest.mark.usefixtures("record")
def test_a_tag_with_an_object_and_a_copy_are_more_than_a_put() -> None:
    writer = session("s3", "s3:PutObject")
    assert code(writer.put_object, Bucket=NAME, Key="n") is None
    assert code(writer.put_object, Bucket=NAME, Key="n", Tagging="a=b") == "AccessDenied"
    assert code(writer.copy_object, Bucket=NAME, Key="n", CopySource=f"{NAME}/k") == "AccessDenied"


CREATED = {
    "own": allow("personalize:*", resource=OWN),
    "recipes": allow("personalize:CreateSolution", resource="arn:aws:personalize:::recipe/*"),
    "narrow": allow("personalize:CreateDataset", "personalize:CreateSolution", resource=OWN),
}
SOLUTION = {"name": "s", "datasetGroupArn": GROUP, "recipeArn": "arn:aws:personalize:::recipe/aws-sims"}


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize(
    ("allowed", "more", "refused"),
    [
        (["own", "recipes"], {}, "ResourceNotFoundException"),
        (["own"], {}, "AccessDeniedException"),
        (["narrow", "recipes"], {}, "ResourceNotFoundException"),
        (["narrow", "recipes"], {"tags": [{"tagKey": "a", "tagValue": "b"}]}, "AccessDeniedException"),
    ],
)
def test_a_solution_needs_the_right_to_its_recipe_and_to_tag(allowed: list[str], more: Any, refused: str) -> None:
    personalize = session("personalize", *(CREATED[name] for name in allowed))
    assert code(personalize.create_solution, **SOLUTION, **more) == refused


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize(("tags", "refused"), [({"own": "a"}, None), ({"own": "b"}, DENIED), ({}, DENIED)])
def test_a_condition_knows_the_tags_of_a_resource_of_personalize(tags: dict[str, str], refused: str | None) -> None:
    maker = client("personalize", credentials.assume(make_role(LAMBDA, "personalize:*", name="maker"), "f", LAMBDA))
    made = [{"tagKey": key, "tagValue": value} for key, value in tags.items()]
    arn = maker.create_dataset_group(name="g", tags=made)["datasetGroupArn"]
    bearing = {"StringEquals": {"aws:ResourceTag/own": "a"}}
    personalize = session("personalize", allow("personalize:DescribeDatasetGroup", Condition=bearing))
    assert code(personalize.describe_dataset_group, datasetGroupArn=arn) == refused


@pytest.mark.usefixtures("record")
def test_only_the_common_tags_of_a_version_and_its_solution_count(monkeypatch: pytest.MonkeyPatch) -> None:
    solution = f"arn:aws:personalize:{REGION}:{ACCOUNT}:solution/s"
    there = {solution: {"a": "1", "b": "1"}, f"{solution}/0f": {"a": "1", "b": "2", "c": "1"}}
    kept = {arn: SimpleNamespace(tags=tags) for arn, tags in there.items()}
    monkeypatch.setattr(personalize_backends[ACCOUNT][REGION], "resources", kept)
    assert iam.resource_tags(f"{solution}/0f") == {"aws:ResourceTag/a": "1"}
    assert iam.resource_tags(solution) == {"aws:ResourceTag/a": "1", "aws:ResourceTag/b": "1"}
    assert iam.resource_tags(f"{solution}/11") == iam.resource_tags(solution)
    assert iam.resource_tags(GROUP) == {}


@pytest.mark.usefixtures("record")
def test_a_condition_knows_the_source_of_each_event() -> None:
    events = session("events", allow("events:PutEvents", Condition={"StringEquals": {"events:source": "usher"}}))
    own, other = ({"Source": source, "DetailType": "d", "Detail": "{}"} for source in ("usher", "billing"))
    assert code(events.put_events, Entries=[own]) is None
    assert code(events.put_events, Entries=[own, other]) == DENIED


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize(("to", "refused"), [(PERSONALIZE, None), (SCHEDULER, "AccessDeniedException"), (None, None)])
def test_a_role_is_passed_only_to_the_service_that_the_condition_names(to: str | None, refused: str | None) -> None:
    passed = make_role(PERSONALIZE, name="passed")
    condition = {"Condition": {"StringEquals": {"iam:PassedToService": to}}} if to else {}
    personalize = session("personalize", "personalize:*", allow("iam:PassRole", resource=passed, **condition))
    key = "arn:aws:kms:us-east-1:123456789012:key/k"
    assert code(personalize.create_dataset_group, name="g", roleArn=passed, kmsKeyArn=key) == refused


def test_the_statements_behind_a_decision_are_recorded(record: Record) -> None:
    reader = session("s3", allow("s3:GetObject", resource=f"{BUCKET}/*"), allow("s3:GetObject", resource=f"{BUCKET}/k"))
    for _ in range(2):
        reader.get_object(Bucket=NAME, Key="k")
    (entry,) = (one for one in record.entries() if one.request.action == "s3:GetObject")
    assert [str(one) for one in entry.decision.statements] == ["r/own, statement 1", "r/own, statement 2"]
    first, _ = entry.decision.statements
    assert entry.without(first)


@pytest.mark.usefixtures("record")
def test_a_role_calls_the_http_api_by_its_right_to_invoke() -> None:
    api = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:a1"
    caller = credentials.assume(
        make_role(LAMBDA, allow("execute-api:Invoke", resource=f"{api}/$default/GET/*")), "f", LAMBDA
    )
    call = f"{api}/$default/GET/g/recommendations/u"
    assert iam.may_invoke_api(caller.access_key, [call])
    assert not iam.may_invoke_api(caller.access_key, [call, f"{api}/$default/POST/g/events"])
    assert not iam.may_invoke_api("AKIAUNKNOWN", [call])


def test_every_write_of_an_object_or_its_metadata_saves_that_object(record: Record) -> None:
    s3 = session("s3", "s3:*")
    closed = allow(
        "s3:DeleteObjectTagging", "s3:PutObject*", resource=f"{BUCKET}/*/out/*", Effect="Deny", Principal="*"
    )
    boto3.client("s3", region_name=REGION).put_bucket_policy(Bucket=NAME, Policy=document(closed))
    there = {"Bucket": NAME, "Key": "a/out/k"}
    assert code(s3.put_object, **there) == "AccessDenied"
    assert code(s3.copy_object, **there, CopySource=f"{NAME}/k") == "AccessDenied"
    assert code(s3.create_multipart_upload, **there) == "AccessDenied"
    assert code(s3.upload_part, **there, UploadId="1", PartNumber=1) == "AccessDenied"
    assert code(s3.upload_part_copy, **there, CopySource=f"{NAME}/k", UploadId="1", PartNumber=1) == "AccessDenied"
    assert code(s3.complete_multipart_upload, **there, UploadId="1") == "AccessDenied"
    assert code(s3.put_object_acl, **there, ACL="private") == "AccessDenied"
    assert code(s3.put_object_tagging, **there, Tagging={"TagSet": []}) == "AccessDenied"
    assert code(s3.delete_object_tagging, **there) == "AccessDenied"
    assert code(s3.put_object_retention, **there, Retention={"Mode": "GOVERNANCE"}) == "AccessDenied"
    assert code(s3.put_object_legal_hold, **there, LegalHold={"Status": "ON"}) == "AccessDenied"
    assert {entry.request.resource for entry in record.refused()} == {f"{BUCKET}/a/out/k"}
    assert {entry.request.action for entry in record.refused()} == {
        f"s3:{name}"
        for name in (
            "DeleteObjectTagging", "PutObject", "PutObjectAcl", "PutObjectLegalHold", "PutObjectRetention",
            "PutObjectTagging",
        )
    }  # fmt: skip


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize("path", ["a/out/k", "a%2Fout%2Fk", "a/%6Fut/k", "a%2fo%75t/k"])
def test_a_key_is_decoded_before_policies_are_evaluated(path: str) -> None:
    closed = allow("s3:PutObject", resource=f"{BUCKET}/*/out/*", Effect="Deny", Principal="*")
    boto3.client("s3", region_name=REGION).put_bucket_policy(Bucket=NAME, Policy=document(closed))
    holder = credentials.assume(make_role(LAMBDA, "s3:*"), "f", LAMBDA)
    url = f"https://{NAME}.s3.amazonaws.com/{path}"
    signed = AWSRequest("PUT", url, data=b"x")
    S3SigV4Auth(holder, "s3", REGION).add_auth(signed)
    assert requests.put(url, b"x", headers=dict(signed.headers), timeout=9).status_code == 403


@pytest.mark.usefixtures("record")
def test_a_form_needs_permission_for_the_key_that_it_names() -> None:
    closed = allow("s3:PutObject", resource=f"{BUCKET}/*/out/*", Effect="Deny", Principal="*")
    boto3.client("s3", region_name=REGION).put_bucket_policy(Bucket=NAME, Policy=document(closed))
    holder = credentials.assume(make_role(LAMBDA, "s3:*"), "f", LAMBDA)
    url = f"https://{NAME}.s3.amazonaws.com/"
    for key, status in (("a/out/k", 403), ("a/k", 204)):
        signed = AWSRequest("POST", url)
        S3SigV4Auth(holder, "s3", REGION).add_auth(signed)
        sent = requests.post(
            url,
            {"key": key},
            files={"file": b"x"},
            headers={"Authorization": signed.headers["Authorization"]},
            timeout=9,
        )
        assert sent.status_code == status
