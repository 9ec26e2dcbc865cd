"""Requests of any client are validated against botocore's model."""

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from moto.core.utils import get_service_model

from tests.unit.personalize.world import SCHEMAS, World, schema
from usher_local.personalize.api.validation import compiled, validate
from usher_local.personalize.core.errors import InvalidInputError

NAME = r"^[a-zA-Z0-9][a-zA-Z0-9\-_]*"


def shape(operation: str) -> Any:
    return get_service_model("personalize").operation_model(operation).input_shape


@pytest.mark.parametrize(
    ("operation", "params", "message"),
    [
        ("CreateDatasetGroup", {"name": "a" * 64}, "at 'name' failed .* length less than or equal to 63"),
        ("CreateDatasetGroup", {"name": "-a"}, "at 'name' failed .* regular expression pattern"),
        ("CreateDatasetGroup", {"name": "a", "domain": "PETS"}, r"enum value set: \[ECOMMERCE, VIDEO_ON_DEMAND\]"),
        ("CreateDatasetGroup", {}, "Value null at 'name' failed to satisfy constraint: Member must not be null"),
        ("CreateDatasetGroup", {"name": 1}, "at 'name' failed .* type string"),
        ("ListSchemas", {"maxResults": 101}, "at 'maxResults' failed .* value less than or equal to 100"),
        ("ListSchemas", {"maxResults": True}, "type integer"),
        ("CreateDatasetGroup", {"name": "a", "tags": [{"tagKey": "k"}]}, "at 'tags.1.member.tagValue' failed"),
        (
            "CreateSolution",
            {
                "name": "a",
                "datasetGroupArn": "arn:aws:personalize:::x/y",
                "solutionConfig": {"algorithmHyperParameters": {"a": 1}},
            },
            "at 'solutionConfig.algorithmHyperParameters.a.member' failed .* type string",
        ),
    ],
)
def test_a_request_that_does_not_fit_the_model_is_refused(operation: str, params: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        validate(shape(operation), params)


@pytest.mark.parametrize("service", ["personalize", "personalize-runtime", "personalize-events"])
def test_every_pattern_of_the_models_can_be_checked(service: str) -> None:
    model = get_service_model(service)
    patterns = [p for name in model.shape_names if (p := model.shape_for(name).metadata.get("pattern"))]
    for pattern in patterns:
        compiled(pattern)


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(InvalidInputError, match=r"^InvalidInputException: 2 validation errors detected"):
        validate(shape("CreateDatasetGroup"), {"name": "?", "domain": "PETS"})


@given(st.from_regex(NAME, fullmatch=True).filter(lambda name: len(name) <= 63))
def test_every_name_that_fits_the_pattern_is_taken(name: str) -> None:
    validate(shape("CreateDatasetGroup"), {"name": name})


def test_the_service_validates_requests_that_boto3_does_not(world: World) -> None:
    client: Any = boto3.client("personalize", "us-east-1", config=Config(parameter_validation=False))
    with pytest.raises(client.exceptions.InvalidInputException, match="Member must not be null"):
        client.create_dataset_group()
    with pytest.raises(world.personalize.exceptions.ResourceNotFoundException, match="does not exist"):
        world.solution("arn:aws:personalize:us-east-1:123456789012:dataset-group/nobody")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a valid Avro schema"),
        ('{"type": "array"}', "expected a record"),
        ('{"type": "record", "fields": [{"name": "A"}]}', "is not a field"),
        ('{"type": "record", "fields": [{"name": "A", "type": {"type": "map"}}]}', "unsupported type of field A"),
        ('{"type": "record", "fields": [{"name": "A_B", "type": "int"}, {"name": "AB", "type": "int"}]}', "duplicate"),
    ],
)
def test_an_invalid_schema_is_refused(world: World, text: str, message: str) -> None:
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match=message):
        world.personalize.create_schema(name="s", schema=text)


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("INTERACTIONS", SCHEMAS["USERS"], "missing the required field ITEM_ID"),
        ("ITEMS", SCHEMAS["ITEMS"].replace('"ITEM_ID", "type": "string"', '"ITEM_ID", "type": "int"'), "type string"),
        ("USERS", schema("Users", ("USER_ID", "string")), "at least one metadata field"),
        ("PETS", SCHEMAS["ITEMS"], "Unsupported dataset type: PETS"),
    ],
)
def test_a_dataset_needs_a_schema_of_its_type(world: World, kind: str, text: str, message: str) -> None:
    group = world.group()
    with pytest.raises(ClientError, match=message):
        world.dataset(group, kind, text)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"eventType": "watch", "solutionConfig": {"eventValueThreshold": "high"}}, "must be a number, not high"),
        ({"solutionConfig": {"eventValueThreshold": "3"}}, "needs an eventType"),
    ],
)
def test_a_solution_with_a_bad_threshold_is_refused(world: World, more: Any, message: str) -> None:
    group = world.group()
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match=message):
        world.solution(group, **more)


def test_a_dataset_has_the_domain_of_its_group(world: World) -> None:
    group = world.group(domain="VIDEO_ON_DEMAND")
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match="domain of the schema"):
        world.dataset(group)


def test_a_key_needs_a_role(world: World) -> None:
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match="roleArn is required"):
        world.group(kmsKeyArn="arn:aws:kms:us-east-1:123456789012:key/0")


@pytest.mark.parametrize(
    ("leave_out", "message"), [("roleArn", "roleArn is required"), ("dataLocation", "dataLocation is required")]
)
def test_an_import_needs_role_and_location(world: World, leave_out: str, message: str) -> None:
    more = {} if leave_out == "roleArn" else {"roleArn": world.role}
    source = {} if leave_out == "dataLocation" else {"dataLocation": "s3://a/b.csv"}
    dataset = world.dataset(world.group())
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match=message):
        world.personalize.create_dataset_import_job(jobName="j", datasetArn=dataset, dataSource=source, **more)
