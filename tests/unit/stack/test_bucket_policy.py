"""The bucket's policy: only the stack's roles and Personalize write into `out/` folders."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.config.model import Config, Job
from usher.datasets.byte_ranges import Part
from usher.datasets.profile_cache import ProfileCache, failure_key
from usher.evaluation.files import EvaluationFiles
from usher.planning import desired
from usher.runs.record import RECORD, Run
from usher.storage.bucket import Bucket
from usher.storage.layout import export_prefix

from tests.unit.stack.files import FUNCTIONS, RESOURCES, policies
from tests.unit.usher.world import target
from usher_local.authorization import account_names, service, session_of_role
from usher_local.iam_policy import Principal, Request, Statement, context, decide, listed, statements

ACCOUNT, NAME = "123456789012", "the-bucket"
BUCKET = f"arn:aws:s3:::{NAME}"
PERSONALIZE = "personalize.amazonaws.com"
GROUP = "films"
WRITES = [
    "s3:DeleteObjectTagging",
    "s3:DeleteObjectVersionTagging",
    "s3:PutObject",
    "s3:PutObjectAcl",
    "s3:PutObjectLegalHold",
    "s3:PutObjectRetention",
    "s3:PutObjectTagging",
    "s3:PutObjectVersionAcl",
    "s3:PutObjectVersionTagging",
    "s3:ReplicateObject",
    "s3:ReplicateTags",
]


def arn_of_role(logical_id: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/usher-{logical_id}-1A2B"


def resolved(value: Any) -> Any:
    """A part of the template, with the results of CloudFormation's functions."""
    match value:
        case {"Fn::GetAtt": [name, "Arn"]}:
            return BUCKET if name == "Bucket" else arn_of_role(name)
        case {"Fn::Sub": text}:
            return text.replace("${Bucket.Arn}", BUCKET)
        case {"Ref": "AWS::AccountId"}:
            return ACCOUNT
        case {"Ref": name}:
            return name
        case Mapping():
            return {name: resolved(part) for name, part in value.items()}
        case list():
            return [resolved(part) for part in value]
    return value


POLICY = statements(resolved(RESOURCES["BucketPolicy"]["Properties"]["PolicyDocument"]), "bucket policy")
EVERYTHING = statements(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}, "all"
)
CLOSED = next(one for one in POLICY if one.body.get("Sid") == "OnlyUsherWrites")


def of_role(arn: str, action: str, key: str) -> Request:
    says = {"aws:PrincipalArn": arn, "aws:SecureTransport": "true"}
    return Request(session_of_role(arn, "session"), action, f"{BUCKET}/{key}", context(says))


def of_person(arn: str, action: str, key: str) -> Request:
    says = context({"aws:PrincipalArn": arn, "aws:SecureTransport": "true"})
    return Request(Principal("AWS", frozenset({arn}), account_names("aws", ACCOUNT)), action, f"{BUCKET}/{key}", says)


def of_service(name: str, action: str, key: str, source: str | None = "arn:aws:any") -> Request:
    principal, says = service(name, ACCOUNT, source)
    return Request(principal, action, f"{BUCKET}/{key}", says)


def keys() -> list[str]:
    """A key of every kind that the code writes below a group's folder, by the writing functions."""
    s3: Any = None
    bucket = Bucket(s3, NAME)
    part = Part(f"{GROUP}/interactions/1.csv", "etag", 0, 9)
    run, home = Run(bucket, GROUP, "run-1"), EvaluationFiles(bucket, GROUP, "run-1")
    jobs = tuple(Job("a", kind, "s", input="x") for kind in ("batch_inference_job", "batch_segment_job"))
    config = Config((), {}, {}, None, jobs=jobs, metric_attribution={"metrics": []})
    made = desired.desired_resources(target(GROUP), config, {})
    outputs = [one.params["jobOutput"] for one in made if "jobOutput" in one.params]
    outputs += [one.params["metricsOutputConfig"] for one in made if "metricsOutputConfig" in one.params]
    paths = [one["s3DataDestination"]["path"].split("/", 3)[3] for one in outputs]
    assert len(paths) == 3
    return [
        *(run.key(file) for file in (RECORD, "run.html", "plan.json", "parts.json", "athena.json")),
        ProfileCache(bucket).key(part),
        failure_key(part, run.name),
        *(home.key(name) for name in ("train/0.csv", "input/users/part-0001.json", "output/a/0.out", "report.json")),
        *(f"{export_prefix(GROUP, 's')}{name}" for name in ("latest.json", "r/manifest.json", "r/output/0.json.out")),
        *(f"{path}x.out" for path in paths),
    ]


WRITERS = [
    ("a person who may do everything", of_person(f"arn:aws:iam::{ACCOUNT}:user/developer", "", "")),
    ("the account itself", of_person(f"arn:aws:iam::{ACCOUNT}:root", "", "")),
    ("another role", of_role(f"arn:aws:iam::{ACCOUNT}:role/writer", "", "")),
    ("a role whose name begins like one of the stack's", of_role(f"{arn_of_role('PlanRole')}x", "", "")),
    ("a function of the stack that only answers", of_role(arn_of_role("RecommendationsRole"), "", "")),
    ("another service", of_service("logging.s3.amazonaws.com", "", "")),
]


@pytest.mark.parametrize(("who", "asks"), WRITERS, ids=[who for who, _ in WRITERS])
def test_only_usher_writes_the_keys_that_usher_reads(who: str, asks: Request) -> None:
    for key in keys():
        for action in WRITES:
            request = Request(asks.principal, action, f"{BUCKET}/{key}", asks.context)
            decision = decide([*EVERYTHING, *POLICY], request)
            assert decision.effect == "Deny", f"{who}: {action} on {key}"
            assert decision.statements == (CLOSED,)


def test_the_denied_actions_are_all_by_which_an_object_changes() -> None:
    assert sorted(listed(CLOSED.body["Action"])) == sorted(WRITES)


@pytest.mark.parametrize(
    "action", ["s3:GetObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:AbortMultipartUpload"]
)
def test_people_may_read_and_delete_ushers_files(action: str) -> None:
    developer = f"arn:aws:iam::{ACCOUNT}:user/developer"
    assert all(decide([*EVERYTHING, *POLICY], of_person(developer, action, key)) for key in keys())


@given(st.lists(st.sampled_from(["", ".", "a", "out", "OUT", "out2", "train", "usher.yaml"]), min_size=1, max_size=6))
def test_only_keys_in_a_folder_named_out_are_closed(path: list[str]) -> None:
    writer = of_role(f"arn:aws:iam::{ACCOUNT}:role/writer", "s3:PutObject", "/".join(path))
    assert bool(decide([*EVERYTHING, *POLICY], writer)) == ("out" not in path[1:-1])


def writes_out(documents: Any) -> bool:
    """Whether a role's own statements let it write below `out/`."""
    found = [one for policy in documents for one in resolved(policy.get("PolicyDocument", policy))["Statement"]]
    writing = [one for one in found if set(listed(one["Action"])) & {"s3:PutObject", "s3:PutObjectTagging"}]
    return any("/out/" in arn for one in writing for arn in listed(one["Resource"]))


def test_the_roles_that_write_are_those_that_the_policy_names() -> None:
    writers = {f"{name}Role" for name in FUNCTIONS if writes_out(policies(name))}
    roles = {name: one for name, one in RESOURCES.items() if one["Type"] == "AWS::IAM::Role"}
    writers |= {name for name, one in roles.items() if writes_out(one["Properties"].get("Policies", []))}
    named = CLOSED.body["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]
    assert sorted(named) == sorted(map(arn_of_role, writers))


@pytest.mark.parametrize("source", ["arn:aws:personalize:us-east-1:123456789012:x", None])
def test_personalize_writes_its_answers_as_itself_and_by_its_role_and_nothing_else(source: str | None) -> None:
    role = RESOURCES["PersonalizeRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    held: list[Statement] = statements(json.dumps(resolved(role)), "role")
    for key in keys():
        answers = "/output/" in key or key.endswith("x.out")
        assert bool(decide(POLICY, of_service(PERSONALIZE, "s3:PutObject", key, source))) == answers, key
        by_role = of_role(arn_of_role("PersonalizeRole"), "s3:PutObject", key)
        assert bool(decide([*held, *POLICY], by_role)) == answers, key


def test_two_conditions_are_needed() -> None:
    """One alone would deny the service, or the roles: a missing key fulfils a negated condition."""
    for kept, left_out in (("ArnNotEquals", PERSONALIZE), ("StringNotEquals", arn_of_role("PlanRole"))):
        body = {**CLOSED.body, "Condition": {kept: CLOSED.body["Condition"][kept]}}
        make = of_service if left_out == PERSONALIZE else of_role
        request = make(left_out, "s3:PutObject", f"{GROUP}/out/batch/a/x.out")
        assert not decide([*EVERYTHING, Statement(body, "policy", 1)], request)
