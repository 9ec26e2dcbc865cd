"""The interface of a resource provider, which creates, updates and deletes one type of resource.

The name is CloudFormation's own; `resource_providers.py` has the table of providers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moto.awslambda.models import LambdaFunction

from usher_local.cloud.http_api.apis import Apis

Properties = Mapping[str, Any]
PARTITION = "aws"


@dataclass(frozen=True, slots=True)
class Place:
    """The place of stacks: account, region, the folder of local sources, and the functions and APIs to call."""

    account: str
    region: str
    root: Path
    submit: Callable[[LambdaFunction, str, str], object]
    """Invokes a function asynchronously with an event (JSON), by an ARN."""
    apis: Apis
    client: Callable[[str], Any]
    """Returns the boto3 client of a service."""
    stack_id: str = ""
    """The ARN of the resource's stack."""
    logical_id: str = ""
    """The resource's name in the template."""

    def arn(self, service: str, resource: str) -> str:
        """An ARN of this account and region."""
        return f"arn:{PARTITION}:{service}:{self.region}:{self.account}:{resource}"


@dataclass
class Resource:
    """A created resource: the values of Ref and GetAtt."""

    physical_resource_id: str
    attributes: Mapping[str, str] = field(default_factory=dict)

    def get_cfn_attribute(self, name: str) -> str:
        """Fn::GetAtt."""
        return self.attributes[name]


class ResourceError(Exception):
    """The service can't make the resource as the template describes it; the message is CloudFormation's."""


Create = Callable[[str, Properties, Place], Any]
Update = Callable[[Any, Properties, Properties, Place], Any]
Delete = Callable[[Any, Place], None]


@dataclass(frozen=True, slots=True)
class Provider:
    """The handlers of one type. `update(resource, old, new, place)` changes in place and returns the resource."""

    create: Create
    delete: Delete
    update: Update | None = None
    """None: a change replaces the resource."""
    name: str = ""
    """The property with the physical name, which must be unique in the account and region; empty without one."""
