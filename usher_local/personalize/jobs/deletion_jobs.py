"""Data deletion jobs: everything about some users, out of all datasets of a group."""

from usher_local.personalize.core.errors import JobFailedError
from usher_local.personalize.core.resources import Resource
from usher_local.personalize.core.schemas import Field, Schema
from usher_local.personalize.core.storage import Location
from usher_local.personalize.data.backend import DataBackend
from usher_local.personalize.jobs.import_jobs import read_csv

MAX_BYTES = 100 * 2**20
USERS = Schema((Field("USER_ID", "string"),))


def run(backend: DataBackend, job: Resource) -> None:
    """The work: read the users' ids from CSV and forget them; models trained before still know them."""
    files = Location.of(backend, job.values["roleArn"], job.values["dataSource"]["dataLocation"]).read()
    if sum(map(len, files.values())) > MAX_BYTES:
        raise JobFailedError("The files with the users to delete are larger than 100 MB in total.")
    users = {user for key, content in files.items() for user in read_csv(content, USERS, key)["USER_ID"]}
    backend.set_values(job, numDeleted=backend.data(job).remove_users(users))
