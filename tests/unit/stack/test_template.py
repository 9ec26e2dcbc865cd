"""The template: clean, closed, and with no more rights than its functions use."""

import re
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
import yaml
from botocore import xform_name
from cfnlint.api import lint
from usher.resources import KINDS

from tests.unit.stack.files import FUNCTIONS, MACHINES, REPOSITORY, RESOURCES, TEMPLATE

ANYWHERE = {
    "personalize:DescribeRecipe": "recipes belong to the service, not to the account",
    "personalize:ListRecipes": "recipes belong to the service, not to the account",
    "personalize:PutEvents": "knows no resource-level permission",
    **{
        f"personalize:List{name}": "knows no resource-level permission"
        for name in ("BatchInferenceJobs", "DatasetImportJobs", "EventTrackers", "SolutionVersions")
    },
}
"""Actions that may be allowed on every resource, and why."""

OPERATIONS = {
    xform_name(name): name for name in botocore.session.get_session().get_service_model("personalize").operation_names
}


def allowed(function: str) -> list[dict[str, Any]]:
    """The statements of a function's own policy that allow something."""
    statements = [one for policy in FUNCTIONS[function]["Policies"] for one in policy["Statement"]]
    return [one for one in statements if one["Effect"] == "Allow"]


def actions(statement: dict[str, Any]) -> list[str]:
    listed = statement["Action"]
    return [listed] if isinstance(listed, str) else listed


def granted(function: str, service: str) -> set[str]:
    """The operations of a service that a function may call."""
    names = [name for statement in allowed(function) for name in actions(statement)]
    assert len(set(names)) == len(names), "an action is listed twice"
    return {name.partition(":")[2] for name in names if name.startswith(f"{service}:")}


def operations(verb: str, kinds: list[str]) -> set[str]:
    """The operations that do something to kinds, as far as Personalize has them."""
    names = (f"{verb}_{kind}{'s' if verb == 'list' else ''}" for kind in kinds)
    return {OPERATIONS[name] for name in names if name in OPERATIONS}


def test_cfn_lint_finds_nothing() -> None:
    assert [str(match) for match in lint(TEMPLATE.read_text())] == []


@pytest.mark.parametrize("path", [TEMPLATE, *MACHINES], ids=lambda path: path.name)
def test_files_use_no_yaml_that_cloudformation_does_not_take(path: Any) -> None:
    text = path.read_text()
    marks = (yaml.tokens.AnchorToken, yaml.tokens.AliasToken)
    assert not [token for token in yaml.scan(text) if isinstance(token, marks)]
    assert "<<:" not in text


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_right_is_a_wildcard(function: str) -> None:
    for statement in allowed(function):
        assert not [action for action in actions(statement) if "*" in action]
        if statement["Resource"] == "*":
            assert set(actions(statement)) <= set(ANYWHERE)


def test_no_role_of_the_stack_allows_a_wildcard() -> None:
    for resource in RESOURCES.values():
        for statement in _statements(resource.get("Properties", {})):
            if statement["Effect"] == "Allow":
                assert "*" not in "".join(actions(statement))


def test_every_function_has_a_role_of_its_own() -> None:
    assert not [name for name, properties in FUNCTIONS.items() if "Role" in properties or not properties["Policies"]]


def test_every_function_folder_is_a_function_of_the_stack() -> None:
    folders = [properties["CodeUri"] for properties in FUNCTIONS.values()]
    assert sorted(folders) == sorted(f"functions/{path.name}" for path in (REPOSITORY / "functions").iterdir())


def test_reconcile_may_do_what_the_table_of_kinds_needs_and_no_more() -> None:
    kinds = list(KINDS)
    needed = (
        operations("create", kinds)
        | operations("describe", kinds)
        | operations("delete", [name for name, kind in KINDS.items() if kind.minutes])
        | operations("update", [name for name, kind in KINDS.items() if kind.mutable])
        | operations("list", [name for name, kind in KINDS.items() if kind.parent])
        | {"ListTagsForResource", "TagResource"}
    )
    assert granted("Reconcile", "personalize") == needed


def test_plan_may_look_at_everything_and_change_nothing() -> None:
    kinds = [name for name in KINDS if name != "batch_inference_job"]
    needed = (
        operations("describe", kinds)
        | operations("list", [name for name in kinds if KINDS[name].parent])
        | {"ListTagsForResource", "ListRecipes", "DescribeRecipe"}
    )
    assert granted("Plan", "personalize") == needed


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_a_function_calls_by_name_it_may_call(function: str) -> None:
    source = (REPOSITORY / FUNCTIONS[function]["CodeUri"] / "app.py").read_text()
    calls = re.findall(r'client\("(personalize[\w-]*)"\)\.(\w+)\(', source)
    named = {"".join(word.capitalize() for word in call.split("_")) for _, call in calls}
    assert named <= granted(function, "personalize")
    if function in {"Recommendations", "Ranking", "Events"}:
        assert named == granted(function, "personalize")


def test_only_reconcile_passes_the_role_and_only_to_personalize() -> None:
    for function in FUNCTIONS:
        (*passing,) = (one for one in allowed(function) if "iam:PassRole" in actions(one))
        assert len(passing) == (function == "Reconcile")
        for statement in passing:
            assert statement["Resource"] == {"Fn::GetAtt": ["PersonalizeRole", "Arn"]}
            assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "personalize.amazonaws.com"}}


def test_the_bucket_is_private_encrypted_versioned_and_tells_eventbridge() -> None:
    bucket = RESOURCES["Bucket"]["Properties"]
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] in {"AES256", "aws:kms"}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert set(bucket["PublicAccessBlockConfiguration"].items()) == {
        (f"{verb}Public{what}", True) for verb, what in (("Block", "Acls"), ("Block", "Policy"), ("Ignore", "Acls"))
    } | {("RestrictPublicBuckets", True)}
    assert RESOURCES["Bucket"]["DeletionPolicy"] == RESOURCES["Bucket"]["UpdateReplacePolicy"] == "Retain"


def test_the_bucket_is_reached_through_tls_only() -> None:
    statements = RESOURCES["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    (deny,) = (one for one in statements if one["Effect"] == "Deny")
    assert deny["Principal"] == deny["Action"].removeprefix("s3:") == "*"
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    arn = {"Fn::GetAtt": ["Bucket", "Arn"]}
    assert deny["Resource"] == [arn, {"Fn::Sub": "${Bucket.Arn}/*"}]


def test_personalize_acts_for_this_account_only() -> None:
    statements = [
        *RESOURCES["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"],
        *RESOURCES["PersonalizeRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"],
    ]
    served = [one for one in statements if isinstance(one["Principal"], dict)]
    assert len(served) == 3
    for statement in served:
        assert statement["Principal"] == {"Service": "personalize.amazonaws.com"}
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


def _statements(value: Any) -> Iterator[dict[str, Any]]:
    """Every policy statement in a resource."""
    if isinstance(value, dict):
        if "Effect" in value and "Action" in value:
            yield value
        for part in value.values():
            yield from _statements(part)
    elif isinstance(value, list):
        for part in value:
            yield from _statements(part)
