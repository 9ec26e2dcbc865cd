"""CloudFormation templates: from SAM to plain resources, and from intrinsic functions to values. Pure.

AWS's own transform and moto's resolver of intrinsic functions (5.2.5) do the work.
"""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from moto.cloudformation import parsing
from samcli.yamlhelper import yaml_parse
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.translator.transform import transform

from usher_local.cloud.cloudformation.lambda_resources import LOCAL_BUCKET
from usher_local.cloud.cloudformation.provider import PARTITION, Place, Resource

# It warns about metrics that only AWS's own service publishes.
logging.getLogger("samtranslator.metrics").setLevel(logging.ERROR)

SAM = "AWS::Serverless-2016-10-31"
# Properties of SAM resources that name a local file or folder
SOURCES = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Serverless::StateMachine": "DefinitionUri",
}
# An element of a list that is AWS::NoValue is removed.
NO_VALUE = object()

Template = Mapping[str, Any]


class TemplateError(Exception):
    """CloudFormation refuses a template or its parameters; the message is the service's."""


class TransformError(TemplateError):
    """The SAM transform refuses a template."""


def parse(body: str) -> dict[str, Any]:
    """A template in JSON or YAML, with `!Ref` and the like in their long form."""
    template = yaml_parse(body)
    if not isinstance(template, dict) or not template.get("Resources"):
        raise TemplateError("Template format error: At least one Resources member must be defined.")
    return template


def source(path: Path) -> str:
    """A SAM template whose local files and folders are objects of the bucket `local-source`, as after `sam package`."""
    template = yaml_parse(path.read_text())
    for resource in template["Resources"].values():
        properties = resource.get("Properties") or {}
        if (name := SOURCES.get(resource["Type"])) in properties:
            properties[name] = f"s3://{LOCAL_BUCKET}/{properties[name]}"
    return json.dumps(template)


def load(path: Path, parameters: Mapping[str, str]) -> dict[str, Any]:
    """A local SAM template after the transform."""
    return transformed(parse(source(path)), parameters)


def transformed(template: Template, parameters: Mapping[str, str]) -> dict[str, Any]:
    """A template after the SAM transform. TransformError has the messages of AWS's transform."""
    if SAM not in macros(template):
        return dict(template)
    try:
        found: dict[str, Any] = transform(dict(template), dict(parameters), SimpleNamespace(load=dict))
    except InvalidDocumentException as error:
        causes = "; ".join(sorted(cause.message for cause in error.causes))
        raise TransformError(f"Transform {SAM} failed with: {error.message} {causes}") from error
    return {name: part for name, part in found.items() if name != "Transform"}


def macros(template: Template) -> list[str]:
    """The transforms that a template names."""
    named = template.get("Transform", [])
    return named if isinstance(named, list) else [named]


def parameter_values(template: Template, given: Mapping[str, str]) -> dict[str, Any]:
    """The value of each parameter: the given one or the default. TemplateError if it is missing or not allowed."""
    declared = template.get("Parameters", {})
    if unknown := sorted(given.keys() - declared.keys()):
        raise TemplateError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    if missing := sorted(name for name, one in declared.items() if name not in given and "Default" not in one):
        raise TemplateError(f"Parameters: [{', '.join(missing)}] must have values")
    return {
        name: parameter_value(name, one, str(given.get(name, one.get("Default")))) for name, one in declared.items()
    }


def parameter_value(name: str, declared: Mapping[str, Any], text: str) -> Any:
    """A parameter's value by its type. TemplateError if its declaration does not allow it."""
    kind = declared.get("Type", "String")
    try:
        value: Any = text.split(",") if kind.startswith("List<") or kind == "CommaDelimitedList" else text
        if kind == "Number":
            value = float(text) if "." in text else int(text)
    except ValueError:
        raise TemplateError(f"Parameter '{name}' must be a number") from None
    size = value if kind == "Number" else len(text)
    low, high = ("MinValue", "MaxValue") if kind == "Number" else ("MinLength", "MaxLength")
    pattern, allowed = declared.get("AllowedPattern"), declared.get("AllowedValues")
    if allowed is not None and text not in [str(one) for one in allowed]:
        raise TemplateError(f"Parameter '{name}' must be one of AllowedValues")
    if pattern is not None and not re.fullmatch(pattern, text):
        raise TemplateError(f"Parameter '{name}' must match pattern {pattern}")
    if not float(declared.get(low, "-inf")) <= size <= float(declared.get(high, "inf")):
        raise TemplateError(f"Parameter '{name}' must be between {declared.get(low)} and {declared.get(high)}")
    return value


class Scope(dict[str, Any]):
    """The names that a template's functions can refer to: parameters, pseudo parameters, mappings and resources."""

    def __init__(
        self,
        template: Template,
        parameters: Mapping[str, Any],
        stack: tuple[str, str],
        place: Place,
        exports: Mapping[str, str],
    ) -> None:
        name, arn = stack
        super().__init__(
            {
                **template.get("Mappings", {}),
                "AWS::AccountId": place.account,
                "AWS::NoValue": NO_VALUE,
                "AWS::NotificationARNs": [],
                "AWS::Partition": PARTITION,
                "AWS::Region": place.region,
                "AWS::StackId": arn,
                "AWS::StackName": name,
                "AWS::URLSuffix": "amazonaws.com",
                **parameters,
            }
        )
        self.cross_stack_resources = {name: SimpleNamespace(name=name, value=value) for name, value in exports.items()}
        conditions = template.get("Conditions", {})
        self.lazy_condition_map = parsing.LazyDict()
        for name, condition in conditions.items():
            self.lazy_condition_map[name] = lambda it=condition: parsing.parse_condition(
                it, self, self.lazy_condition_map
            )

    def holds(self, condition: str | None) -> bool:
        """Whether a named condition is true; True without a condition."""
        return condition is None or bool(self.lazy_condition_map[condition])

    def resolve(self, value: Any) -> Any:
        """A part of a template with its functions evaluated. TemplateError if it refers to an unknown name."""
        try:
            return without_no_value(parsing.clean_json(value, self))
        except KeyError as error:
            raise TemplateError(f"Template error: the template refers to {error}, which does not exist") from error


def without_no_value(value: Any) -> Any:
    """A resolved value without the properties and elements that are AWS::NoValue."""
    if isinstance(value, dict):
        return {name: without_no_value(one) for name, one in value.items() if one is not NO_VALUE}
    if isinstance(value, list):
        return [without_no_value(one) for one in value if one is not NO_VALUE]
    return value


def resources_in_order(template: Template, scope: Scope) -> dict[str, Mapping[str, Any]]:
    """The resources whose condition is true, each after those that it refers to or depends on."""
    wanted = {name: one for name, one in template["Resources"].items() if scope.holds(one.get("Condition"))}
    graph = {name: sorted({*references(body)} & wanted.keys() - {name}) for name, body in wanted.items()}
    try:
        return {name: wanted[name] for name in TopologicalSorter(graph).static_order()}
    except CycleError as error:
        names = ", ".join(sorted(set(error.args[1])))
        raise TemplateError(f"Circular dependency between resources: [{names}]") from error


def references(value: Any) -> Iterator[str]:
    """Every name that a part of a template refers to."""
    if isinstance(value, list):
        for one in value:
            yield from references(one)
    elif isinstance(value, dict):
        for function, argument in value.items():
            if function == "Ref":
                yield argument
            elif function == "Fn::GetAtt":
                yield argument[0]
            elif function == "DependsOn":
                yield from [argument] if isinstance(argument, str) else argument
            elif function == "Fn::Sub":
                text = argument if isinstance(argument, str) else argument[0]
                yield from re.findall(r"\$\{([^!.}]+)", text)
            yield from references(argument)


def imports(value: Any, scope: Scope) -> Iterator[str]:
    """The name of every export that a part of a template imports."""
    if isinstance(value, list | dict):
        for function, argument in value.items() if isinstance(value, dict) else enumerate(value):
            if function == "Fn::ImportValue":
                yield str(scope.resolve(argument))
            yield from imports(argument, scope)


@cache
def create_only(kind: str) -> frozenset[str]:
    """The properties of a type whose change replaces the resource, by CloudFormation's own schema of the type."""
    # The import takes more than a second, and only updates need it.
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    paths = [*schema.get("createOnlyProperties", []), *schema.get("conditionalCreateOnlyProperties", [])]
    return frozenset(path.split("/")[2] for path in paths)


def unresolved(name: str) -> Resource:
    """A placeholder for a resource that does not exist yet: every value that refers to it will change."""
    return Resource(f"{{{{{name}}}}}", _Unresolved(name))


class _Unresolved(dict[str, str]):
    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def __missing__(self, attribute: str) -> str:
        return f"{{{{{self._name}.{attribute}}}}}"
