"""Dataset export jobs: the content of a dataset as CSV in a bucket."""

from usher_local.personalize.core import request_checks, schemas
from usher_local.personalize.core.errors import InvalidInputError
from usher_local.personalize.core.resources import Backend, Resource, Values
from usher_local.personalize.core.storage import Location
from usher_local.personalize.data.backend import DataBackend


def check(backend: Backend, values: Values) -> None:
    """Check the role, that the target is a bucket, and that the type of dataset can be exported."""
    request_checks.role(backend, values["roleArn"])
    request_checks.s3_path("output", values["jobOutput"]["s3DataDestination"]["path"])
    if backend.get("Dataset", values["datasetArn"]).values["datasetType"] == "ACTIONS":
        raise InvalidInputError("Actions datasets cannot be exported")


def run(backend: DataBackend, job: Resource) -> None:
    """The work: write the imported, streamed or all records into one file, named after the job, in the schema's
    fields."""
    dataset = backend.get("Dataset", job.values["datasetArn"])
    schema = schemas.parse_schema(backend.get("Schema", dataset.values["schemaArn"]).values["schema"])
    names = [field.name for field in schema.fields]
    text = backend.data(dataset).export(dataset.values["datasetType"], job.values["ingestionMode"], names)
    target = Location.of(backend, job.values["roleArn"], job.values["jobOutput"]["s3DataDestination"]["path"])
    target.write(f"{job.values['jobName']}.csv", text.encode())
