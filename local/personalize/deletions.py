"""Data deletion jobs: everything about some users, out of all datasets of a group."""

from typing import TYPE_CHECKING

from local.personalize.exceptions import JobFailedError
from local.personalize.imports import read
from local.personalize.schemas import Field, Schema
from local.personalize.storage import Location

if TYPE_CHECKING:
    from local.personalize.models import PersonalizeBackend
    from local.personalize.resources import Resource

MAX_BYTES = 100 * 2**20
USERS = Schema((Field("USER_ID", "string"),))


def run(backend: "PersonalizeBackend", job: "Resource") -> None:
    """The work: read the users' ids from CSV and forget them; models trained before still know them."""
    files = Location.of(backend, job.values["roleArn"], job.values["dataSource"]["dataLocation"]).read()
    if sum(map(len, files.values())) > MAX_BYTES:
        raise JobFailedError("The files with the users to delete are larger than 100 MB in total.")
    users = {user for key, content in files.items() for user in read(content, USERS, key)["USER_ID"]}
    backend.tell(job, numDeleted=backend.data(job).remove_users(users))
