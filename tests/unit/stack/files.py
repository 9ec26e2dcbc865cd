"""The stack's files, parsed."""

from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[3]
TEMPLATE = REPOSITORY / "template.yaml"
MACHINES = sorted((REPOSITORY / "statemachine").glob("*.asl.yaml"))


class _Loader(yaml.CSafeLoader):
    """Reads CloudFormation's short forms, such as `!GetAtt Table.Arn`, as their long forms."""


def _intrinsic(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.SequenceNode):
        value: Any = loader.construct_sequence(node, deep=True)
    else:
        value = node.value.split(".", 1) if tag == "GetAtt" else node.value
    return {tag if tag in {"Ref", "Condition"} else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _intrinsic)

_TEMPLATE: dict[str, Any] = yaml.load(TEMPLATE.read_text(), _Loader)  # noqa: S506
GLOBALS: dict[str, Any] = _TEMPLATE["Globals"]["Function"]
DEFAULTS: dict[str, str] = {name: str(one["Default"]) for name, one in _TEMPLATE["Parameters"].items()}
"""The defaults of the stack's parameters."""
RESOURCES: dict[str, Any] = _TEMPLATE["Resources"]
FUNCTIONS: dict[str, Any] = {
    name: resource["Properties"]
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::Serverless::Function"
}
SENT_ROUTES: dict[str, set[str]] = {name: set() for name in FUNCTIONS}
"""The routes that the APIs send to each function, such as `GET /{group}/recommendations`."""
for _path, _methods in RESOURCES["Api"]["Properties"]["DefinitionBody"]["paths"].items():
    for _method, _operation in _methods.items():
        _, _function = _operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
        SENT_ROUTES[_function["Function"]["Ref"].removesuffix(".Alias")].add(f"{_method.upper()} {_path}")


def policies(function: str) -> list[dict[str, Any]]:
    """The documents of a function's policies: its own, and those that it always shares with others."""
    shared = [
        one["Properties"] for one in RESOURCES.values() if one["Type"] == "AWS::IAM::Policy" and "Condition" not in one
    ]
    role = {"Ref": f"{function}Role"}
    return [*FUNCTIONS[function]["Policies"], *(one["PolicyDocument"] for one in shared if role in one["Roles"])]


def machine(path: Path) -> dict[str, Any]:
    """A state machine's definition, with the parameters filled in; each `${...}` left stands for a function."""
    text = (
        path.read_text()
        .replace("${Partition}", "aws")
        .replace("${MapConcurrency}", "5")
        .replace("${SettleSeconds}", "60")
    )
    definition: dict[str, Any] = yaml.load(text, yaml.CSafeLoader)
    return definition


def texts(value: Any) -> list[str]:
    """Every text in a nested value, keys included."""
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in texts(part)]
    return [value] if isinstance(value, str) else []
