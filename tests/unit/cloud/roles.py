"""Roles for tests, in moto's IAM."""

import json
import re
from pathlib import Path
from typing import Any

import boto3

ACCOUNT = "123456789012"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions: str, resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def narrowed(group: str, api_id: str) -> dict[str, Any]:
    """The statement of docs/api.md that lets a caller ask for one group of an API."""
    page = (Path(__file__).parents[3] / "docs" / "api.md").read_text()
    (policy,) = (text for text in re.findall(r"```json\n(.*?)```", page, re.DOTALL) if "execute-api:Invoke" in text)
    (statement,) = json.loads(policy.replace("movielens", group).replace("a1b2c3d4e5", api_id))["Statement"]
    return dict(statement)


def make_role(service: str, *allowed: str | dict[str, Any], name: str = "r", **conditions: Any) -> str:
    """The ARN of a role that `service` may assume under `conditions`; `allowed` are actions or statements."""
    iam: Any = boto3.client("iam", region_name="us-east-1")
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole", "Condition": conditions}
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    if allowed:
        statements = [allow(one) if isinstance(one, str) else one for one in allowed]
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*statements))
    return arn
