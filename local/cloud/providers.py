"""What a resource provider is: how CloudFormation creates, updates and deletes one type of resource.

The name is CloudFormation's own; the providers stand in `resources.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.cloud.lambdas import Lambdas

Properties = Mapping[str, Any]
PARTITION = "aws"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stack is created: account, region, the template's folder, who runs functions, where the API answers."""

    account: str
    region: str
    root: Path
    lambdas: Lambdas
    api_url: str

    def arn(self, service: str, resource: str) -> str:
        """An ARN of this account and region."""
        return f"arn:{PARTITION}:{service}:{self.region}:{self.account}:{resource}"


@dataclass
class Resource:
    """A created resource as moto's CloudFormation sees it: what Ref and GetAtt tell."""

    physical_resource_id: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    cf_resource_type: str = ""
    logical_resource_id: str = ""

    def get_cfn_attribute(self, name: str) -> str:
        """Fn::GetAtt."""
        return self.attributes[name]

    def is_created(self) -> bool:
        """Everything here is at once."""
        return True


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
