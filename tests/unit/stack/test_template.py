"""The template: clean, closed, and with no more permissions than its functions use."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import botocore.session
import pytest
import yaml
from botocore import xform_name
from cfnlint.api import lint
from samcli.yamlhelper import yaml_dump, yaml_parse
from usher.datasets.read_limits import LIMITS, ReadLimits
from usher.resources.kinds import KINDS, Kind
from usher.routes import ROUTES_BY_KEY
from usher.runs.notifications import SOURCE

from tests.unit.stack.files import FUNCTIONS, MACHINES, REPOSITORY, RESOURCES, SENT_ROUTES, TEMPLATE, policies

ANYWHERE = {
    "cloudwatch:GetMetricData": "knows no resource-level permission",
    "personalize:DescribeRecipe": "recipes belong to the service, not to the account",
    "personalize:ListRecipes": "recipes belong to the service, not to the account",
    "personalize:PutActionInteractions": "knows no resource-level permission",
    "personalize:PutEvents": "knows no resource-level permission",
    "scheduler:ListSchedules": "knows no resource-level permission",
    "servicequotas:ListServiceQuotas": "knows no resource-level permission",
    **{
        f"personalize:{name}": "knows no resource-level permission"
        for name in botocore.session.get_session().get_service_model("personalize").operation_names
        if name.startswith("List") and name != "ListTagsForResource"
    },
}
"""Actions that may be allowed on every resource, and why."""

OPERATIONS = {
    xform_name(name): name for name in botocore.session.get_session().get_service_model("personalize").operation_names
}


def allowed(function: str) -> list[dict[str, Any]]:
    """The statements of a function's policies that allow something."""
    statements = [one for policy in policies(function) for one in policy["Statement"]]
    return [one for one in statements if one["Effect"] == "Allow"]


def actions(statement: dict[str, Any]) -> list[str]:
    listed = statement["Action"]
    return [listed] if isinstance(listed, str) else listed


def granted(function: str, service: str) -> set[str]:
    """The operations of a service that a function may call."""
    listed = [
        (name, str(statement["Resource"]), str(statement.get("Condition")))
        for statement in allowed(function)
        for name in actions(statement)
    ]
    assert len(set(listed)) == len(listed), "an action is listed twice"
    return {name.removeprefix(f"{service}:") for name, *_ in listed if name.startswith(f"{service}:")}


def operations(verb: str, kinds: Iterable[Kind]) -> set[str]:
    """The operations of Personalize that change kinds, those of `kinds` that exist."""
    names = (f"{verb}_{kind.name}{'s' if verb == 'list' else ''}" for kind in kinds if kind.service == "personalize")
    return {OPERATIONS[name] for name in names if name in OPERATIONS}


def test_cfn_lint_finds_nothing() -> None:
    assert [str(match) for match in lint(TEMPLATE.read_text())] == []


@pytest.mark.parametrize("path", [TEMPLATE, *MACHINES], ids=lambda path: path.name)
def test_files_use_no_yaml_that_cloudformation_does_not_take(path: Any) -> None:
    text = path.read_text()
    packaged = yaml_dump(yaml_parse(text)) if path == TEMPLATE else text  # SAM CLI uploads machines as they are
    marks = (yaml.tokens.AnchorToken, yaml.tokens.AliasToken)
    assert not [token for token in yaml.scan(packaged) if isinstance(token, marks)]


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


def test_reconcile_has_only_the_rights_that_the_table_of_kinds_needs() -> None:
    kinds = KINDS.values()
    needed = (
        operations("create", kinds)
        | operations("describe", kinds)
        | operations("delete", kinds)
        | operations("update", [kind for kind in kinds if kind.mutable])
        | operations("list", [kind for kind in kinds if kind.parent])
        | {OPERATIONS[kind.extra_list_operation] for kind in kinds if kind.extra_list_operation}
        | {"ListTagsForResource", "TagResource", "GetSolutionMetrics", "StopSolutionVersionCreation"}
    )
    assert granted("Reconcile", "personalize") == needed
    assert granted("Reconcile", "scheduler") == {f"{verb}Schedule" for verb in ("Create", "Get", "Update", "Delete")}


STACK = {"Ref": "AWS::StackId"}
CHANGES = ("Create", "Delete", "Stop", "TagResource", "Update")


def test_reconcile_changes_only_resources_with_the_stacks_tag_or_without_tags() -> None:
    """Source: the Service Authorization Reference; schemas and metric attributions have no tags."""
    for statement in allowed("Reconcile"):
        if not any(name.removeprefix("personalize:").startswith(CHANGES) for name in actions(statement)):
            continue
        named = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        kinds = {arn["Fn::Sub"].rpartition(":")[2] for arn in named if "Fn::Sub" in arn and ":personalize:" in str(arn)}
        tags = statement.get("Condition", {}).get("StringEquals", {})
        if kinds and not kinds <= {"schema/*", "metric-attribution/*", "recipe/*"}:
            assert tags in ({"aws:ResourceTag/usher:stack": STACK}, {"aws:RequestTag/usher:stack": STACK})
            assert "aws:ResourceTag/usher:stack" in tags or kinds != {"*"} or "Null" in statement["Condition"]


PARENTS = {"batch-inference-job": "solution", "batch-segment-job": "solution", "campaign": "solution"} | {
    "dataset-import-job": "dataset"
}


def test_a_right_to_create_never_covers_the_containing_resource() -> None:
    """A request's tags are the same for all its resources: they say nothing about the dataset group or the solution."""
    tag = {"aws:RequestTag/usher:stack": STACK}
    statements = [one for one in allowed("Reconcile") if one.get("Condition", {}).get("StringEquals") == tag]
    for statement in statements:
        named = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        covered = {arn["Fn::Sub"].rpartition(":")[2].removesuffix("/*") for arn in named}
        for name in actions(statement):
            if name != "personalize:TagResource" and name != "personalize:CreateDatasetGroup":
                kind = re.sub(r"(?<!^)(?=[A-Z])", "-", name.removeprefix("personalize:Create")).lower()
                assert kind in covered
                assert PARENTS.get(kind, "dataset-group") not in covered


def test_a_service_assumes_a_role_only_for_this_account_and_says_for_what() -> None:
    roles = {name: one["Properties"] for name, one in RESOURCES.items() if one["Type"] == "AWS::IAM::Role"}
    assert len(roles) == 6
    [gateway] = roles.pop("ApiRole")["AssumeRolePolicyDocument"]["Statement"]  # AWS documents no source for it
    assert gateway["Principal"] == {"Service": "apigateway.amazonaws.com"}
    for properties in roles.values():
        (statement,) = properties["AssumeRolePolicyDocument"]["Statement"]
        condition = statement["Condition"]
        assert condition["StringEquals"]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}
        assert "aws:SourceArn" in {key for keys in condition.values() for key in keys}


def test_functions_send_events_of_usher_alone() -> None:
    sent = [one for name in FUNCTIONS for one in allowed(name) if "events:PutEvents" in actions(one)]
    assert sent
    assert all(one["Condition"] == {"StringEquals": {"events:source": SOURCE}} for one in sent)


def test_plan_may_look_at_everything_and_change_nothing() -> None:
    kinds = KINDS.values()
    needed = (
        operations("describe", kinds)
        | operations("list", [kind for kind in kinds if kind.parent or kind.listed_by is not None])
        | operations("list", [kind for kind in kinds if kind.quota and not kind.in_dataset_group])
        | {OPERATIONS[kind.extra_list_operation] for kind in kinds if kind.extra_list_operation}
        | {"ListTagsForResource", "ListRecipes", "DescribeRecipe", "GetSolutionMetrics"}
    )
    assert granted("Plan", "personalize") == needed
    assert granted("Plan", "scheduler") == {"GetSchedule", "ListSchedules"}


@pytest.mark.parametrize("function", ["Plan", "Check", "Evaluate"])
def test_parts_are_as_long_in_the_stack_as_in_the_command(function: str) -> None:
    assert ReadLimits.from_env(FUNCTIONS[function]["Environment"]["Variables"]) == LIMITS


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_call_everything_that_its_code_names(function: str) -> None:
    source = (REPOSITORY / FUNCTIONS[function]["CodeUri"] / "app.py").read_text()
    calls = re.findall(r'client\("(personalize[\w-]*)"\)\.(\w+)\(', source)
    routes = [ROUTES_BY_KEY.get(key) for key in SENT_ROUTES[function]]
    operations = {call for _, call in calls} | {route.operation for route in routes if route and route.operation}
    named = {"".join(word.capitalize() for word in operation.split("_")) for operation in operations}
    assert named <= granted(function, "personalize")
    if function in {"Recommendations", "Ranking", "Events"}:
        assert named == granted(function, "personalize")


def test_only_creators_pass_roles_and_each_only_to_its_service() -> None:
    to_personalize = {"PersonalizeRole": "personalize.amazonaws.com"}
    expected = {
        "Erase": to_personalize,
        "Reconcile": {**to_personalize, "ScheduleRole": "scheduler.amazonaws.com"},
    }
    for function in FUNCTIONS:
        passed = {
            statement["Resource"]["Fn::GetAtt"][0]: statement["Condition"]["StringEquals"]["iam:PassedToService"]
            for statement in allowed(function)
            if "iam:PassRole" in actions(statement)
        }
        assert passed == expected.get(function, {})


def test_a_page_may_send_back_the_tag_of_an_answer() -> None:
    cors = RESOURCES["Api"]["Properties"]["DefinitionBody"]["x-amazon-apigateway-cors"]["Fn::If"][1]
    assert "etag" in cors["exposeHeaders"]
    assert "if-none-match" in cors["allowHeaders"]


def test_the_bucket_is_private_encrypted_versioned_and_sends_events_to_eventbridge() -> None:
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
    (deny,) = (one for one in statements if one["Sid"] == "OnlyTls")
    assert deny["Principal"] == deny["Action"].removeprefix("s3:") == "*"
    assert deny["Effect"] == "Deny"
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
        # In the bucket's policy only if the service sends it: its guide shows that for roles only.
        (operator,) = statement["Condition"].keys() - {"ArnLike"}
        assert operator == ("StringEquals" if statement["Action"] == "sts:AssumeRole" else "StringEqualsIfExists")
        assert statement["Condition"][operator] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


def test_reconcile_may_create_from_recipes_which_belong_to_no_account() -> None:
    """https://github.com/aws-samples/retail-demo-store/pull/627: since 2024 the service checks recipes, too."""
    recipes = {"Fn::Sub": "arn:${AWS::Partition}:personalize:::recipe/*"}
    (statement,) = (one for one in allowed("Reconcile") if one["Resource"] == recipes)
    assert set(actions(statement)) == {"personalize:CreateRecommender", "personalize:CreateSolution"}


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
