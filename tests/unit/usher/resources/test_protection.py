"""The protection against CloudFormation's deletion of the stack, also while the answer is unknown."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from usher.resources.protection import refusal

REQUEST = {"RequestType": "Delete", "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/usher/1a2b"}
GROUP = "arn:aws:personalize:us-east-1:123456789012:dataset-group/OldFilms"


@pytest.fixture
def personalize() -> Any:
    return boto3.client("personalize", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")


def stub(client: Any, owner: str, status: str = "ACTIVE") -> Stubber:
    stubber = Stubber(client)
    group = {"name": "OldFilms", "datasetGroupArn": GROUP, "status": status}
    stubber.add_response("list_dataset_groups", {"datasetGroups": [group]})
    tags = [{"tagKey": "usher:stack", "tagValue": owner}, {"tagKey": "usher:group", "tagValue": "films"}]
    stubber.add_response("list_tags_for_resource", {"tags": tags})
    stubber.activate()
    return stubber


def test_a_dataset_group_is_named_by_the_group_that_is_to_be_removed(personalize: Any) -> None:
    stub(personalize, REQUEST["StackId"])
    assert "cost money without it: films. Remove each group" in refusal(personalize, REQUEST)


@pytest.mark.parametrize(
    ("owner", "status"), [("arn:aws:cloudformation:::stack/other/1", "ACTIVE"), (REQUEST["StackId"], "DELETE PENDING")]
)
def test_resources_of_others_and_deletions_in_progress_block_nothing(personalize: Any, owner: str, status: str) -> None:
    stub(personalize, owner, status)
    assert refusal(personalize, REQUEST) == ""


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_the_stack_is_made_and_changed_without_a_question(personalize: Any, kind: str) -> None:
    with Stubber(personalize):
        assert refusal(personalize, {**REQUEST, "RequestType": kind}) == ""


def test_while_personalize_does_not_answer_nothing_is_deleted(personalize: Any) -> None:
    with Stubber(personalize) as stubber:
        stubber.add_client_error("list_dataset_groups", "AccessDeniedException", "not authorized")
        text = refusal(personalize, REQUEST)
    assert text.startswith("Whether Personalize still has dataset groups of this stack is not known")
    assert text.endswith("not authorized. Delete the stack again.")
