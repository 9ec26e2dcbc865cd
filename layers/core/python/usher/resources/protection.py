"""The protection of a stack against its deletion, as a custom resource of CloudFormation.

CloudFormation does not know the resources that Usher creates in Personalize. If Usher were deleted with its stack, it
could no longer remove them, and campaigns would cost money for ever. So the custom resource, which is deleted before
all others, can't be deleted while there are dataset groups: all resources of Personalize except schemas are in one.
Protocol: CloudFormation user guide, "CloudFormation custom resource request and response reference".
"""

import json
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from usher.clients import PersonalizeClient
from usher.resources.inventory import Inventory
from usher.resources.kinds import GROUP_TAG, KINDS
from usher.resources.lookup import is_being_deleted
from usher.texts import clean

MAX_REASON_LENGTH = 1000
"""The most characters of a reason: the response has 4,096 bytes at most."""
REFUSED = (
    "Personalize still has dataset groups of this stack, which cost money without it: {}. Remove each group (usher "
    "remove <group>), then delete the stack again. To leave them: aws cloudformation delete-stack --stack-name {} "
    "--retain-resources DeletionProtection"
)
UNKNOWN = "Whether Personalize still has dataset groups of this stack is not known: {}. Delete the stack again."


def refusal(personalize: PersonalizeClient, request: Mapping[str, Any]) -> str:
    """The reason for refusing CloudFormation's request; empty if it is allowed. Never raises an error of a service."""
    if request["RequestType"] != "Delete":
        return ""
    stack_arn = str(request["StackId"])
    try:
        groups = ", ".join(sorted(groups_of_stack(Inventory({"personalize": personalize}, stack_arn))))
    except (BotoCoreError, ClientError) as error:
        return clean(UNKNOWN.format(error), MAX_REASON_LENGTH)
    return REFUSED.format(clean(groups, MAX_REASON_LENGTH), stack_arn.split("/")[1]) if groups else ""


def groups_of_stack(inventory: Inventory) -> Iterator[str]:
    """The groups of a stack with a dataset group that is not being deleted, by their folders' names."""
    kind = KINDS["dataset_group"]
    for summary in inventory.summaries(kind, {}):
        arn = str(summary["datasetGroupArn"])
        if not is_being_deleted(summary) and inventory.owns(kind, arn):
            yield inventory.tags(arn).get(GROUP_TAG, str(summary["name"]))


def answer(request: Mapping[str, Any], reason: str) -> None:
    """Report to CloudFormation that a request is done or, with a reason, refused."""
    response = {
        **{name: request[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
        "PhysicalResourceId": request["StackId"],
        "Status": "FAILED" if reason else "SUCCESS",
        "Reason": reason,
    }
    # The URL's signature does not include a content type.
    to = urllib.request.Request(  # noqa: S310 - the address is CloudFormation's
        request["ResponseURL"], json.dumps(response).encode(), {"Content-Type": ""}, method="PUT"
    )
    with urllib.request.urlopen(to, timeout=30):  # noqa: S310
        pass
