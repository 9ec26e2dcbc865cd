"""What a resource provider is: how CloudFormation creates, updates and deletes one type of resource.

The name is CloudFormation's own; the providers stand in `resource_providers.py` and `lambda_resources.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from usher_local.cloud.apis import Apis
from usher_local.cloud.lambda_functions import Lambdas

Properties = Mapping[str, Any]
PARTITION = "aws"


@dataclass(frozen=True, slots=True)
class Place:
    """Where stacks are: account, region, the folder of local sources, who runs functions, who serves APIs.

    `client` gives the boto3 client of a service.
    """

    account: str
    region: str
    root: Path
    lambdas: Lambdas
    apis: Apis
    client: Callable[[str], Any]

    def arn(self, service: str, resource: str) -> str:
        """An ARN of this account and region."""
        return f"arn:{PARTITION}:{service}:{self.region}:{self.account}:{resource}"


@dataclass
class Resource:
    """A created resource: what Ref and GetAtt tell."""

    physical_resource_id: str
    attributes: Mapping[str, str] = field(default_factory=dict)

    def get_cfn_attribute(self, name: str) -> str:
        """Fn::GetAtt."""
        return self.attributes[name]


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
    """The property that sets the physical name, which must be unique in the account and region; empty for none."""
