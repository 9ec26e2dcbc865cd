from typing import Any

import pytest

from local.cloud.iam import allowed, demands, keys_in

PREFIX = "us-east-1:123456789012:"
TABLE = f"arn:aws:dynamodb:{PREFIX}table/t"
SOLUTION = f"arn:aws:personalize:{PREFIX}solution/s"
ROLE = "arn:aws:iam::123456789012:role/r"
FUNCTION = f"arn:aws:lambda:{PREFIX}function:f"


@pytest.mark.parametrize(
    ("service", "operation", "given", "expected"),
    [
        ("dynamodb", "GetItem", {"TableName": "t"}, [("dynamodb:GetItem", TABLE)]),
        ("dynamodb", "Query", {"TableName": "t", "IndexName": "i"}, [("dynamodb:Query", f"{TABLE}/index/i")]),
        ("dynamodb", "BatchWriteItem", {"RequestItems": {"t": []}}, [("dynamodb:BatchWriteItem", TABLE)]),
        ("sts", "GetCallerIdentity", {}, []),
        ("dynamodb", "ListTables", {}, [("dynamodb:ListTables", "*")]),
        (
            "dynamodb",
            "TransactWriteItems",
            {"TransactItems": [{"Put": {"TableName": "t"}}, {"ConditionCheck": {"TableName": "t"}}]},
            [("dynamodb:PutItem", TABLE), ("dynamodb:ConditionCheckItem", TABLE)],
        ),
        ("lambda", "Invoke", {"FunctionName": "f"}, [("lambda:InvokeFunction", FUNCTION)]),
        ("lambda", "Invoke", {"FunctionName": FUNCTION}, [("lambda:InvokeFunction", FUNCTION)]),
        ("sqs", "SendMessage", {"QueueUrl": "http://h/1/q"}, [("sqs:SendMessage", f"arn:aws:sqs:{PREFIX}q")]),
        ("sns", "Publish", {"TopicArn": f"arn:aws:sns:{PREFIX}t"}, [("sns:Publish", f"arn:aws:sns:{PREFIX}t")]),
        ("personalize", "DescribeSolution", {"solutionArn": SOLUTION}, [("personalize:DescribeSolution", SOLUTION)]),
        ("personalize", "ListSolutionVersions", {"solutionArn": SOLUTION}, [("personalize:ListSolutionVersions", "*")]),
        ("personalize", "ListTagsForResource", {"a": SOLUTION}, [("personalize:ListTagsForResource", SOLUTION)]),
        ("personalize", "PutEvents", {"trackingId": "x"}, [("personalize:PutEvents", "*")]),
        ("personalize", "CreateSolution", {"name": "s"}, [("personalize:CreateSolution", SOLUTION)]),
        (
            "events",
            "PutEvents",
            {"Entries": [{}, {}]},
            [("events:PutEvents", f"arn:aws:events:{PREFIX}event-bus/default")],
        ),
        (
            "personalize",
            "CreateDatasetGroup",
            {"name": "g", "roleArn": ROLE},
            [
                ("personalize:CreateDatasetGroup", f"arn:aws:personalize:{PREFIX}dataset-group/g"),
                ("iam:PassRole", ROLE),
            ],
        ),
    ],
)
def test_a_request_demands(
    service: str, operation: str, given: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert demands(service, operation, given, "us-east-1") == expected


def statement(effect: str, action: str | list[str], resource: str | list[str], **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [
        ([], False),
        ([statement("Allow", "dynamodb:GetItem", TABLE)], True),
        ([statement("Allow", ["DynamoDB:get*"], [TABLE])], True),
        ([statement("Allow", "dynamodb:GetItem", TABLE + "2")], False),
        ([statement("Allow", "dynamodb:PutItem", TABLE)], False),
        ([statement("Allow", "*", "*"), statement("Deny", "dynamodb:*", TABLE)], False),
        ([statement("Allow", "*", "*"), statement("Deny", "*", "*", Condition={"Bool": {}})], True),
    ],
)
def test_a_policy_decides(policy: list[dict[str, Any]], verdict: bool) -> None:
    assert allowed(policy, "dynamodb:GetItem", TABLE) is verdict


@pytest.mark.parametrize("keys", [["a/b.csv"], ["a/b.csv", "c&d"]])
def test_a_deletion_names_its_objects(keys: list[str]) -> None:
    objects = "".join(f"<Object><Key>{key.replace('&', '&amp;')}</Key></Object>" for key in keys)
    assert keys_in(f"<Delete>{objects}<Quiet>true</Quiet></Delete>") == keys
