"""The stack's files, parsed."""

from pathlib import Path
from typing import Any

import yaml
from samcli.yamlhelper import yaml_parse

REPOSITORY = Path(__file__).parents[3]
TEMPLATE = REPOSITORY / "template.yaml"
MACHINES = sorted((REPOSITORY / "statemachine").glob("*.asl.yaml"))

RESOURCES: dict[str, Any] = yaml_parse(TEMPLATE.read_text())["Resources"]
FUNCTIONS: dict[str, Any] = {
    name: resource["Properties"]
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::Serverless::Function"
}


def machine(path: Path) -> dict[str, Any]:
    """A state machine's definition."""
    definition: dict[str, Any] = yaml.safe_load(path.read_text())
    return definition


def texts(value: Any) -> list[str]:
    """Every text in a nested value, keys included."""
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in texts(part)]
    return [value] if isinstance(value, str) else []
