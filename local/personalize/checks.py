"""What a new or changed resource must fulfil beyond botocore's model, and what the service adds to it.

One function per row of `kinds.KINDS` that needs one; what a request names is known to exist and to be ACTIVE.
"""

import re
import uuid
from typing import TYPE_CHECKING

from local.personalize import filters, schemas
from local.personalize.access import check_role
from local.personalize.exceptions import InvalidInputError, ResourceInUseError
from local.personalize.recipes import BY_ARN, SEGMENTS

if TYPE_CHECKING:
    from local.personalize.models import PersonalizeBackend
    from local.personalize.resources import Resource, Values

LATEST = "/$LATEST"


def schema(_: "PersonalizeBackend", values: "Values") -> None:
    """A schema must parse."""
    schemas.parse(values["schema"])


def dataset_group(_: "PersonalizeBackend", values: "Values") -> None:
    """An encrypted group needs a role that may use the key."""
    if "kmsKeyArn" in values and "roleArn" not in values:
        raise InvalidInputError("roleArn is required when kmsKeyArn is given")


def dataset(backend: "PersonalizeBackend", values: "Values") -> None:
    """The schema must suit the type and the group's domain."""
    values["datasetType"] = values["datasetType"].upper()
    domain = backend.get("DatasetGroup", values["datasetGroupArn"]).values.get("domain")
    found = backend.get("Schema", values["schemaArn"]).values
    if found.get("domain") != domain:
        raise InvalidInputError("The domain of the schema must be the domain of the dataset group")
    schemas.check_dataset(schemas.parse(found["schema"]), values["datasetType"], domain)


def dataset_update(backend: "PersonalizeBackend", resource: "Resource", values: "Values") -> None:
    """A new schema keeps every field of the old one, and what it adds may be null."""
    if resource.values["datasetType"] not in ("ITEMS", "USERS"):
        raise InvalidInputError("Only Items and Users datasets can be updated")
    old, new = (
        set(schemas.parse(backend.get("Schema", arn).values["schema"]).fields)
        for arn in (resource.values["schemaArn"], values["schemaArn"])
    )
    if not old <= new:
        raise InvalidInputError("The new schema must keep every field of the current schema")
    if not all(field.nullable for field in new - old):
        raise InvalidInputError("Fields that the new schema adds must be nullable")


def import_job(backend: "PersonalizeBackend", values: "Values") -> None:
    """The role must be assumable, and the first import of a dataset a full one."""
    _role(backend, values)
    if "dataLocation" not in values["dataSource"]:
        raise InvalidInputError("dataSource.dataLocation is required")
    jobs = backend.found("DatasetImportJob", values["datasetArn"])
    if values["importMode"] == "INCREMENTAL" and not any(job.status == "ACTIVE" for job in jobs):
        raise InvalidInputError("The first import into a dataset must have the import mode FULL")


def event_tracker(backend: "PersonalizeBackend", values: "Values") -> None:
    """The service gives the tracking id."""
    values |= {"accountId": backend.account_id, "trackingId": str(uuid.uuid4())}


def item_filter(backend: "PersonalizeBackend", values: "Values") -> None:
    """The expression must parse and name fields that exist."""
    known = {
        found.values["datasetType"]: schemas.parse(backend.get("Schema", found.values["schemaArn"]).values["schema"])
        for found in backend.found("Dataset", values["datasetGroupArn"])
    }
    filters.check(filters.parse(values["filterExpression"]), known)


def solution(_: "PersonalizeBackend", values: "Values") -> None:
    """There must be a recipe, and numbers given as text must be numbers."""
    if "recipeArn" not in values and not values["performAutoML"]:
        raise InvalidInputError("recipeArn is required unless performAutoML is true")
    if "recipeArn" in values and BY_ARN[values["recipeArn"]].domain:
        raise InvalidInputError(f"{values['recipeArn']} is for recommenders, not for solutions")
    threshold = values["solutionConfig"].get("eventValueThreshold")
    if threshold is not None and not re.fullmatch(r"-?\d+(\.\d+)?", threshold):
        raise InvalidInputError(f"eventValueThreshold must be a number, not {threshold}")
    if threshold is not None and "eventType" not in values:
        raise InvalidInputError("eventValueThreshold needs an eventType")


def solution_update(_: "PersonalizeBackend", resource: "Resource", values: "Values") -> None:
    """The new configuration is merged into the solution's."""
    values["solutionConfig"] = resource.values["solutionConfig"] | values.get("solutionUpdateConfig", {})


def campaign(backend: "PersonalizeBackend", values: "Values") -> None:
    """`<solution>/$LATEST` becomes the newest version; segments cannot be served."""
    arn = values["solutionVersionArn"]
    if arn.endswith(LATEST):
        if not values.get("campaignConfig", {}).get("syncWithLatestSolutionVersion"):
            raise InvalidInputError("$LATEST needs syncWithLatestSolutionVersion in campaignConfig")
        version = newest_version(backend, arn.removesuffix(LATEST))
        if version is None:
            raise InvalidInputError(f"There is no ACTIVE version of the solution {arn.removesuffix(LATEST)}")
        values["solutionVersionArn"] = version.arn
    recipe = BY_ARN[backend.get("SolutionVersion", values["solutionVersionArn"]).values["recipeArn"]]
    if recipe.type == SEGMENTS:
        raise InvalidInputError(f"The recipe {recipe.name} does not support campaigns")


def campaign_update(backend: "PersonalizeBackend", resource: "Resource", values: "Values") -> None:
    """What the request leaves out stays as it is."""
    for member in ("solutionVersionArn", "minProvisionedTPS", "campaignConfig"):
        if member in resource.values:
            values.setdefault(member, resource.values[member])
    campaign(backend, values)


def follow_latest(backend: "PersonalizeBackend", resource: "Resource") -> None:
    """A campaign that is in sync updates itself when a newer version has become ACTIVE."""
    if not resource.values.get("campaignConfig", {}).get("syncWithLatestSolutionVersion"):
        return
    version = newest_version(backend, resource.values["solutionVersionArn"].rsplit("/", 1)[0])
    if version and version.arn != resource.values["solutionVersionArn"] and not resource.updating:
        backend.begin_update(resource, resource.values | {"solutionVersionArn": version.arn})


def newest_version(backend: "PersonalizeBackend", solution_arn: str) -> "Resource | None":
    """The newest version of a solution that is ACTIVE."""
    return next((v for v in backend.found("SolutionVersion", solution_arn) if v.status == "ACTIVE"), None)


def batch_job(backend: "PersonalizeBackend", values: "Values") -> None:
    """The role must be assumable, the recipe must do batches, input and output differ."""
    _role(backend, values)
    source = values["jobInput"]["s3DataSource"]["path"]
    target = values["jobOutput"]["s3DataDestination"]["path"]
    for name, path in (("input", source), ("output", target)):
        if not path.startswith("s3://") or source == target:
            raise InvalidInputError(f"Invalid S3 {name} path")
    version = backend.get("SolutionVersion", values["solutionVersionArn"])
    recipe = BY_ARN[version.values["recipeArn"]]
    if not recipe.batch:
        raise InvalidInputError(f"The recipe {recipe.name} does not support batch inference")
    if values["batchInferenceJobMode"] == "THEME_GENERATION":
        raise InvalidInputError("Theme generation is not available in this region")
    if "filterArn" in values:
        same_group(backend, values["filterArn"], version)


def same_group(backend: "PersonalizeBackend", filter_arn: str, resource: "Resource") -> "Resource":
    """The ACTIVE filter at this ARN; InvalidInputError if it belongs to another dataset group."""
    found = backend.active("Filter", filter_arn)
    if found.values["datasetGroupArn"] != backend.group_of(resource):
        raise InvalidInputError(f"The filter {filter_arn} belongs to another dataset group")
    return found


def stop_version(backend: "PersonalizeBackend", version_arn: str) -> None:
    """Give up the creation of a solution version, which must not have ended."""
    version = backend.get("SolutionVersion", version_arn)
    if not version.life.pending:
        raise ResourceInUseError(f"{version_arn} cannot be stopped; its status is {version.status}.")
    version.life.stop()


def _role(backend: "PersonalizeBackend", values: "Values") -> None:
    if "roleArn" not in values:
        raise InvalidInputError("roleArn is required")
    check_role(backend.account_id, backend.partition, values["roleArn"])
