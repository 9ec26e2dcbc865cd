"""Validation of data, filters and jobs beyond botocore's model, and the members that the service adds.

One function per row of `kinds.KINDS` that needs one. The resources that a request names exist and are ACTIVE.
"""

import uuid
from collections.abc import Callable

from usher_local.personalize.core import request_checks, schemas
from usher_local.personalize.core.errors import InvalidInputError, ResourceAlreadyExistsError
from usher_local.personalize.core.recipes import BY_ARN, SEGMENTS, Recipe
from usher_local.personalize.core.resources import Backend, Resource, Values
from usher_local.personalize.filters import checks


def schema(_: Backend, values: Values) -> None:
    """Check that a schema parses."""
    schemas.parse_schema(values["schema"])


def dataset_group(_: Backend, values: Values) -> None:
    """Check that an encrypted group has a role, which must be able to use the key."""
    if "kmsKeyArn" in values and "roleArn" not in values:
        raise InvalidInputError("roleArn is required when kmsKeyArn is given")


def dataset(backend: Backend, values: Values) -> None:
    """Check that the schema suits the type and the group's domain."""
    values["datasetType"] = values["datasetType"].upper()
    domain = backend.get("DatasetGroup", values["datasetGroupArn"]).values.get("domain")
    found = backend.get("Schema", values["schemaArn"]).values
    if found.get("domain") != domain:
        raise InvalidInputError("The domain of the schema must be the domain of the dataset group")
    schemas.check_dataset(schemas.parse_schema(found["schema"]), values["datasetType"], domain)
    if values["datasetType"] == "ACTION_INTERACTIONS":
        values["trackingId"] = str(uuid.uuid4())  # PutActionInteractions needs no event tracker


def dataset_update(backend: Backend, resource: Resource, values: Values) -> None:
    """Check that a new schema keeps every field of the old one, and that added fields are nullable."""
    if resource.values["datasetType"] not in ("ITEMS", "USERS"):
        raise InvalidInputError("Only Items and Users datasets can be updated")
    old, new = (
        set(schemas.parse_schema(backend.get("Schema", arn).values["schema"]).fields)
        for arn in (resource.values["schemaArn"], values["schemaArn"])
    )
    if not old <= new:
        raise InvalidInputError("The new schema must keep every field of the current schema")
    if not all(field.nullable for field in new - old):
        raise InvalidInputError("Fields that the new schema adds must be nullable")


def import_job(backend: Backend, values: Values) -> None:
    """Check the role and the place, and that the first import of a dataset is a full one."""
    request_checks.role_and_location(backend, values)
    jobs = backend.find("DatasetImportJob", values["datasetArn"])
    if values["importMode"] == "INCREMENTAL" and not any(job.status == "ACTIVE" for job in jobs):
        raise InvalidInputError("The first import into a dataset must have the import mode FULL")


def event_tracker(backend: Backend, values: Values) -> None:
    """Add the tracking ID. Names must be unique, although the ARN contains none."""
    if any(tracker.values["name"] == values["name"] for tracker in backend.find("EventTracker")):
        raise ResourceAlreadyExistsError(f"Another event tracker with name {values['name']} already exists.")
    values |= {"accountId": backend.account_id, "trackingId": str(uuid.uuid4())}


def item_filter(backend: Backend, values: Values) -> None:
    """Check that the expression parses and names existing fields."""
    known = request_checks.schemas_of(backend, values["datasetGroupArn"])
    others = [
        checks.parse_filter(f.values["filterExpression"]) for f in backend.find("Filter", values["datasetGroupArn"])
    ]
    checks.check_filter(checks.parse_filter(values["filterExpression"]), known, others)


def batch_inference_job(backend: Backend, values: Values) -> None:
    """Check that the recipe supports batch recommendations."""
    _batch_job(backend, values, "batch inference", lambda recipe: recipe.batch)
    if values["batchInferenceJobMode"] == "THEME_GENERATION":
        raise InvalidInputError("The local Personalize does not generate themes; leave batchInferenceJobMode out")


def batch_segment_job(backend: Backend, values: Values) -> None:
    """Check that the recipe makes segments."""
    _batch_job(backend, values, "batch segments", lambda recipe: recipe.type == SEGMENTS)


def _batch_job(backend: Backend, values: Values, words: str, supported: Callable[[Recipe], bool]) -> None:
    request_checks.role(backend, values["roleArn"])
    source = values["jobInput"]["s3DataSource"]["path"]
    target = values["jobOutput"]["s3DataDestination"]["path"]
    request_checks.s3_path("input", "" if source == target else source)
    request_checks.s3_path("output", target)
    version = backend.get("SolutionVersion", values["solutionVersionArn"])
    recipe = BY_ARN[version.values["recipeArn"]]
    if not supported(recipe):
        raise InvalidInputError(f"The recipe {recipe.name} does not support {words}")
    if "filterArn" in values:
        request_checks.same_group(backend, values["filterArn"], version)
