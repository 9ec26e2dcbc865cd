"""Templates, stacks and resources in the form of CloudFormation's API."""

import re
from collections.abc import Mapping
from typing import Any

from usher_local.cloud.cloudformation import templates
from usher_local.cloud.cloudformation.stack import Deployed, Stack, Target
from usher_local.cloud.cloudformation.templates import Template

Given = Mapping[str, Any]

IAM_TYPES = re.compile(r"AWS::IAM::(AccessKey|Group|InstanceProfile|(Managed)?Policy|Role|User(ToGroupAddition)?)")


def declared(template: Template) -> Given:
    """The common members of GetTemplateSummary and ValidateTemplate."""
    iam = any(IAM_TYPES.fullmatch(str(one.get("Type"))) for one in template["Resources"].values())
    needed = [*(["CAPABILITY_IAM"] if iam else []), *(["CAPABILITY_AUTO_EXPAND"] if templates.macros(template) else [])]
    return {
        "Description": template.get("Description", ""),
        "Capabilities": needed,
        "DeclaredTransforms": templates.macros(template),
        "Parameters": [
            {
                "ParameterKey": name,
                "ParameterType": one.get("Type", "String"),
                "NoEcho": truth(one.get("NoEcho", False)),
                "Description": one.get("Description", ""),
                **({"DefaultValue": str(one["Default"])} if "Default" in one else {}),
            }
            for name, one in template.get("Parameters", {}).items()
        ],
    }


def truth(value: Any) -> bool:
    """A boolean, which templates may also write as text."""
    return str(value).lower() == "true"


def pairs(values: Mapping[str, str]) -> list[Given]:
    """Tags as the API lists them."""
    return [{"Key": key, "Value": value} for key, value in values.items()]


def shown_parameters(target: Target) -> list[Given]:
    """The values of parameters; those with NoEcho are masked."""
    kinds = target.template.get("Parameters", {})
    return [
        {
            "ParameterKey": name,
            "ParameterValue": "****"
            if truth(kinds.get(name, {}).get("NoEcho"))
            else ",".join(value)
            if isinstance(value, list)
            else str(value),
        }
        for name, value in target.parameters.items()
    ]


def shown_stack(stack: Stack) -> Given:
    """A stack as DescribeStacks returns it."""
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "Description": stack.current.template.get("Description", ""),
        "Parameters": shown_parameters(stack.current),
        "CreationTime": stack.created,
        **({"LastUpdatedTime": stack.updated} if stack.updated else {}),
        "StackStatus": stack.status,
        **({"StackStatusReason": stack.reason} if stack.reason else {}),
        "DisableRollback": False,
        "Outputs": stack.outputs,
        "Tags": pairs(stack.current.tags),
        "EnableTerminationProtection": False,
    }


def shown_resource(stack: Stack, one: Deployed, time: str) -> Given:
    """A resource as the API returns it; `time` is the name of the member with the time of its last change."""
    own = [event for event in stack.events if event["LogicalResourceId"] == one.logical_id]
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "LogicalResourceId": one.logical_id,
        "PhysicalResourceId": one.physical_id,
        "ResourceType": one.kind,
        time: one.changed,
        "ResourceStatus": own[-1]["ResourceStatus"],
    }
