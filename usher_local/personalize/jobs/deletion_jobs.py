"""Data deletion jobs: delete users from all datasets and models of a group.

https://docs.aws.amazon.com/personalize/latest/dg/delete-records.html
"""

from usher_local.personalize.core.errors import JobFailedError
from usher_local.personalize.core.resources import Resource
from usher_local.personalize.core.schemas import Field, Schema
from usher_local.personalize.core.storage import Location
from usher_local.personalize.jobs.import_jobs import read_csv
from usher_local.personalize.modelling.model_store import ModelBackend

MAX_BYTES = 100 * 2**20
USERS = Schema((Field("USER_ID", "string"),))


def run(backend: ModelBackend, job: Resource) -> None:
    """The work: read the users' IDs from CSV and delete them. Trained models keep their weights."""
    files = Location.of(backend, job.values["roleArn"], job.values["dataSource"]["dataLocation"]).read()
    if sum(map(len, files.values())) > MAX_BYTES:
        raise JobFailedError("The files with the users to delete are larger than 100 MB in total.")
    users = {user for key, content in files.items() for user in read_csv(content, USERS, key)["USER_ID"]}
    removed = backend.data(job).remove_users(users)
    backend.models.forget_users(backend, backend.group_of(job), users)
    backend.set_values(job, numDeleted=removed)
