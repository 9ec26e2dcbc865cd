"""Data deletion jobs of Personalize, which delete all data of users from a dataset group.

https://docs.aws.amazon.com/personalize/latest/dg/delete-records.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from usher.aws import error_code
from usher.clients import PersonalizeClient
from usher.resources.kinds import STACK_TAG
from usher.run_record import DeletionJob

EXPECTED_SECONDS = 3600.0
"""The expected duration of a job; the guide promises a day at most."""
ENDED = ("COMPLETED", "FAILED")
NOT_YET = (
    "LimitExceededException", "ResourceAlreadyExistsException", "ResourceInUseException", "ThrottlingException",
)  # fmt: skip
"""Errors of the service after which a later call succeeds or finds the job: at most five jobs may wait."""


@dataclass(frozen=True, slots=True)
class DeletionJobs:
    """Data deletion jobs. `personalize` is a boto3 client that does not repeat a creation."""

    personalize: PersonalizeClient
    role_arn: str
    stack_arn: str

    def create(self, dataset_group: str, name: str, location: str) -> DeletionJob | None:
        """Create a job, unless there is one of this name. `location`: the CSV of users. None: the service can't take it
        yet.
        """
        if existing := next(self._named(dataset_group, name), ""):
            return self.look_up(existing)
        try:
            answer = self.personalize.create_data_deletion_job(
                jobName=name,
                datasetGroupArn=dataset_group,
                dataSource={"dataLocation": location},
                roleArn=self.role_arn,
                tags=[{"tagKey": STACK_TAG, "tagValue": self.stack_arn}],
            )
        except self.personalize.exceptions.ClientError as error:
            if error_code(error) in NOT_YET:
                return None
            raise
        return self.look_up(answer["dataDeletionJobArn"])

    def look_up(self, arn: str) -> DeletionJob:
        """A job's present state."""
        found = self.personalize.describe_data_deletion_job(dataDeletionJobArn=arn)["dataDeletionJob"]
        job: DeletionJob = {"arn": arn, "status": found["status"], "createdAt": found["creationDateTime"].isoformat()}
        if found["status"] in ENDED:
            job["endedAt"] = found["lastUpdatedDateTime"].isoformat()
            job["deleted"] = int(found.get("numDeleted", 0))
            job["reason"] = str(found.get("failureReason", ""))
        return job

    def _named(self, dataset_group: str, name: str) -> Iterator[str]:
        """The ARNs of the jobs with a name; botocore has no paginator for them."""
        token: dict[str, Any] = {}
        while True:
            page = self.personalize.list_data_deletion_jobs(datasetGroupArn=dataset_group, **token)
            yield from (one["dataDeletionJobArn"] for one in page["dataDeletionJobs"] if one["jobName"] == name)
            if not page.get("nextToken"):
                return
            token = {"nextToken": page["nextToken"]}
