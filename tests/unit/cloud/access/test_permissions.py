from typing import Any

import pytest

from usher_local.cloud.access.permissions import Demand, deletions_in, demands

PREFIX = "us-east-1:123456789012:"
PERSONALIZE = f"arn:aws:personalize:{PREFIX}"
TABLE = f"arn:aws:dynamodb:{PREFIX}table/t"
SOLUTION, GROUP = f"{PERSONALIZE}solution/s", f"{PERSONALIZE}dataset-group/g"
RECIPE = "arn:aws:personalize:::recipe/aws-sims"
EVENT_BUS = f"arn:aws:events:{PREFIX}event-bus/"
ROLE = "arn:aws:iam::123456789012:role/r"
FUNCTION = f"arn:aws:lambda:{PREFIX}function:f"
TO_PERSONALIZE = {"iam:PassedToService": "personalize.amazonaws.com"}
TAGGED = {"aws:RequestTag/k": "v", "aws:TagKeys": ("k",)}


@pytest.mark.parametrize(
    ("service", "operation", "given", "expected"),
    [
        ("dynamodb", "GetItem", {"TableName": "t"}, [("dynamodb:GetItem", TABLE)]),
        ("dynamodb", "Query", {"TableName": "t", "IndexName": "i"}, [("dynamodb:Query", f"{TABLE}/index/i")]),
        ("dynamodb", "BatchWriteItem", {"RequestItems": {"t": []}}, [("dynamodb:BatchWriteItem", TABLE)]),
        ("sts", "GetCallerIdentity", {}, []),
        ("sts", "AssumeRole", {"RoleArn": ROLE}, [("sts:AssumeRole", ROLE)]),
        ("dynamodb", "ListTables", {}, [("dynamodb:ListTables", "*")]),
        (
            "dynamodb",
            "TransactWriteItems",
            {"TransactItems": [{"Put": {"TableName": "t"}}, {"ConditionCheck": {"TableName": "t"}}]},
            [("dynamodb:PutItem", TABLE), ("dynamodb:ConditionCheckItem", TABLE)],
        ),
        ("lambda", "Invoke", {"FunctionName": "f"}, [("lambda:InvokeFunction", FUNCTION)]),
        ("lambda", "Invoke", {"FunctionName": FUNCTION}, [("lambda:InvokeFunction", FUNCTION)]),
        ("sns", "Publish", {"TopicArn": f"arn:aws:sns:{PREFIX}t"}, [("sns:Publish", f"arn:aws:sns:{PREFIX}t")]),
        *(
            ("sqs", f"{name}Batch", {"QueueUrl": "http://a/1/q"}, [(f"sqs:{name}", f"arn:aws:sqs:{PREFIX}q")])
            for name in ("ChangeMessageVisibility", "DeleteMessage", "SendMessage")
        ),
        (
            "scheduler",
            "CreateSchedule",
            {"Name": "s", "GroupName": "g", "Target": {"Arn": "arn:x", "RoleArn": ROLE}},
            [
                ("scheduler:CreateSchedule", f"arn:aws:scheduler:{PREFIX}schedule/g/s"),
                ("iam:PassRole", ROLE, {"iam:PassedToService": "scheduler.amazonaws.com"}),
            ],
        ),
        (
            "events",
            "PutEvents",
            {"Entries": [{"Source": "s", "DetailType": "d"}, {"EventBusName": "own"}]},
            [
                ("events:PutEvents", f"{EVENT_BUS}default", {"events:source": "s", "events:detail-type": "d"}),
                ("events:PutEvents", f"{EVENT_BUS}own"),
            ],
        ),
        ("personalize", "DescribeSolution", {"solutionArn": SOLUTION}, [("personalize:DescribeSolution", SOLUTION)]),
        ("personalize", "DescribeRecipe", {"recipeArn": RECIPE}, [("personalize:DescribeRecipe", RECIPE)]),
        ("personalize", "ListSolutionVersions", {"solutionArn": SOLUTION}, [("personalize:ListSolutionVersions", "*")]),
        ("personalize", "ListTagsForResource", {"a": SOLUTION}, [("personalize:ListTagsForResource", SOLUTION)]),
        ("personalize", "PutEvents", {"trackingId": "x"}, [("personalize:PutEvents", "*")]),
        ("monitoring", "GetMetricData", {"ScanBy": "x"}, [("cloudwatch:GetMetricData", "*")]),
        ("personalize", "PutItems", {"datasetArn": GROUP}, [("personalize:PutItems", GROUP)]),
        (
            "personalize",
            "CreateSolution",
            {"name": "s", "datasetGroupArn": GROUP, "recipeArn": RECIPE},
            [("personalize:CreateSolution", arn) for arn in (GROUP, RECIPE, SOLUTION)],
        ),
        (
            "personalize",
            "CreateSolutionVersion",
            {"solutionArn": SOLUTION, "name": "v", "tags": [{"tagKey": "k", "tagValue": "v"}]},
            [("personalize:CreateSolutionVersion", SOLUTION, TAGGED), ("personalize:TagResource", SOLUTION, TAGGED)],
        ),
        (
            "personalize",
            "CreateDataset",
            {"name": "d", "datasetGroupArn": GROUP, "datasetType": "Items"},
            [("personalize:CreateDataset", arn) for arn in (GROUP, f"{PERSONALIZE}dataset/g/ITEMS")],
        ),
        (
            "personalize",
            "CreateDatasetGroup",
            {"name": "g", "roleArn": ROLE},
            [("personalize:CreateDatasetGroup", GROUP), ("iam:PassRole", ROLE, TO_PERSONALIZE)],
        ),
        (
            "personalize",
            "CreateBatchSegmentJob",
            {"jobName": "j", "solutionVersionArn": f"{SOLUTION}/1", "roleArn": ROLE},
            [
                ("personalize:CreateBatchSegmentJob", f"{PERSONALIZE}batch-segment-job/j"),
                ("iam:PassRole", ROLE, TO_PERSONALIZE),
            ],
        ),
        (
            "personalize",
            "CreateBatchInferenceJob",
            {"jobName": "j", "solutionVersionArn": f"{SOLUTION}/1"},
            [
                ("personalize:CreateBatchInferenceJob", f"{SOLUTION}/1"),
                ("personalize:CreateBatchInferenceJob", f"{PERSONALIZE}batch-inference-job/j"),
            ],
        ),
        (
            "personalize",
            "UpdateCampaign",
            {"campaignArn": f"{PERSONALIZE}campaign/c", "solutionVersionArn": f"{SOLUTION}/1"},
            [("personalize:UpdateCampaign", f"{PERSONALIZE}campaign/c")],
        ),
        (
            "personalize",
            "UpdateMetricAttribution",
            {"metricAttributionArn": f"{PERSONALIZE}m", "metricsOutputConfig": {"roleArn": ROLE}},
            [("personalize:UpdateMetricAttribution", f"{PERSONALIZE}m"), ("iam:PassRole", ROLE, TO_PERSONALIZE)],
        ),
    ],
)
def test_a_request_demands(service: str, operation: str, given: dict[str, Any], expected: list[Any]) -> None:
    assert demands(service, operation, given, "us-east-1") == [Demand(*one) for one in expected]


@pytest.mark.parametrize("keys", [["a/b.csv"], ["a/b.csv", "c&d"]])
@pytest.mark.parametrize(
    ("version", "action"), [("", "s3:DeleteObject"), ("<VersionId>1</VersionId>", "s3:DeleteObjectVersion")]
)
def test_a_deletion_names_its_objects_and_demands_more_for_versions(keys: list[str], version: str, action: str) -> None:
    objects = "".join(f"<Object><Key>{key.replace('&', '&amp;')}</Key>{version}</Object>" for key in keys)
    assert deletions_in(f"<Delete>{objects}<Quiet>true</Quiet></Delete>") == [(action, key) for key in keys]
