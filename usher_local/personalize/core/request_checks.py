"""Checks for requests of several kinds: roles, places in S3, and resources of the same dataset group."""

from usher_local.personalize.core import schemas
from usher_local.personalize.core.access import check_role
from usher_local.personalize.core.errors import InvalidInputError
from usher_local.personalize.core.resources import Backend, Resource, Values


def same_group(backend: Backend, filter_arn: str, resource: Resource) -> Resource:
    """The ACTIVE filter with this ARN. InvalidInputError if it belongs to another dataset group."""
    found = backend.active("Filter", filter_arn)
    if found.values["datasetGroupArn"] != backend.group_of(resource):
        raise InvalidInputError(f"The filter {filter_arn} belongs to another dataset group")
    return found


def role_and_location(backend: Backend, values: Values) -> None:
    """Check the role and the place of a job that reads from S3."""
    if "roleArn" not in values:
        raise InvalidInputError("roleArn is required")
    role(backend, values["roleArn"])
    if "dataLocation" not in values["dataSource"]:
        raise InvalidInputError("dataSource.dataLocation is required")


def role(backend: Backend, arn: str) -> None:
    """Check that Personalize can assume the role."""
    check_role(backend.account_id, backend.partition, backend.region_name, arn)


def s3_path(name: str, path: str) -> None:
    """Check that the path of an input or output is in a bucket."""
    if not path.startswith("s3://"):
        raise InvalidInputError(f"Invalid S3 {name} path")


def schemas_of(backend: Backend, group_arn: str) -> dict[str, schemas.Schema]:
    """The schemas of a group's datasets, by the type of dataset."""
    return {
        found.values["datasetType"]: schemas.parse_schema(
            backend.get("Schema", found.values["schemaArn"]).values["schema"]
        )
        for found in backend.find("Dataset", group_arn)
    }
