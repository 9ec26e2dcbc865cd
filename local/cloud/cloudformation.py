"""From the unchanged SAM template to a stack: AWS's own transform, then moto's CloudFormation."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml
from moto.cloudformation import cloudformation_backends, parsing
from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

from local.cloud.lambda_resources import LOCAL_BUCKET
from local.cloud.patching import replaced
from local.cloud.providers import Create, Place
from local.cloud.resources import CREATE

# It warns of metrics that only AWS's own service publishes.
logging.getLogger("samtranslator.metrics").setLevel(logging.ERROR)

# Property of a SAM resource that names a local file or folder.
SOURCES = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}


def load(path: Path, parameters: Mapping[str, str]) -> dict[str, Any]:
    """The CloudFormation template behind a SAM template. AWS's transform raises what is wrong with it."""
    template: dict[str, Any] = yaml_parse(path.read_text())
    for resource in template["Resources"].values():
        properties = resource.get("Properties") or {}
        if (name := SOURCES.get(resource["Type"])) in properties:
            properties[name] = f"s3://{LOCAL_BUCKET}/{properties[name]}"
        if resource["Type"] == "AWS::Serverless::StateMachine" and "DefinitionUri" in properties:
            definition = path.parent / properties.pop("DefinitionUri")
            properties["Definition"] = yaml.safe_load(definition.read_text())
    found: dict[str, Any] = transform(template, dict(parameters), SimpleNamespace(load=dict))
    return found


class Adapter:
    """Stands for one of moto's resource classes and creates by our table."""

    def __init__(self, create: Create, place: Place) -> None:
        self._create = create
        self._place = place

    def has_cfn_attr(self, attr: str) -> bool:  # noqa: ARG002
        """Asked before anything is created; `get_cfn_attribute` will tell."""
        return True

    def create_from_cloudformation_json(
        self, resource_name: str, cloudformation_json: Mapping[str, Any], *_: str, **__: str
    ) -> Any:
        """Called by moto for each resource of the type, with Refs and functions resolved."""
        return self._create(resource_name, cloudformation_json.get("Properties", {}), self._place)


@contextmanager
def complete(place: Place) -> Iterator[None]:
    """Let moto create the types of our table as the table says."""
    stock = parsing.get_model_map
    ours = {kind: Adapter(create, place) for kind, create in CREATE.items()}
    with replaced(parsing, "get_model_map", lambda: {**stock(), **ours}):
        yield


def create_stack(name: str, template: Mapping[str, Any], parameters: Mapping[str, str], place: Place) -> Any:
    """Create a stack, in this process so that a failure shows its cause."""
    backend = cloudformation_backends[place.account][place.region]
    return backend.create_stack(name, json.dumps(applicable(template, parameters)), dict(parameters))


def applicable(template: Mapping[str, Any], parameters: Mapping[str, str]) -> dict[str, Any]:
    """A template without the resources whose condition does not hold: moto keeps them as None, and stumbles over it."""
    values = {name: one.get("Default") for name, one in template.get("Parameters", {}).items()} | dict(parameters)
    conditions = template.get("Conditions", {})
    holds = {name: parsing.parse_condition(condition, values, conditions) for name, condition in conditions.items()}
    resources = template["Resources"].items()
    return {**template, "Resources": {name: one for name, one in resources if holds.get(one.get("Condition"), True)}}


def function_arns(stack: Any, template: Mapping[str, Any]) -> dict[str, str]:
    """ARN by logical id of each function of a stack; of its alias where it has one, since events go there."""
    resources = template["Resources"].items()
    arns = {
        name: stack.resource_map[name].function_arn
        for name, resource in resources
        if resource["Type"] == "AWS::Lambda::Function"
    }
    aliases = {
        resource["Properties"]["FunctionName"]["Ref"]: stack.resource_map[name].physical_resource_id
        for name, resource in resources
        if resource["Type"] == "AWS::Lambda::Alias"
    }
    return arns | aliases
