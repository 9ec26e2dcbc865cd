"""The tables of docs/architecture.md, made from the code and the template."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from usher.resources.kinds import KINDS, Kind

from tests.unit.stack.files import REPOSITORY, TEMPLATE

USHER = REPOSITORY / "layers" / "core" / "python" / "usher"
DOCSTRING = re.compile(r'"""(.+?)\n\nMay import: ([\w, ]+)\.', re.S)
VERB = re.compile(r"personalize:([A-Z][a-z]+)")
MAX_ACTIONS = 3
"""The most actions of Personalize that a cell names; of more actions, it has the verbs."""
Statement = Mapping[str, Any]


class _Loader(yaml.CSafeLoader):
    """Reads CloudFormation's short forms as plain text."""


_Loader.add_multi_constructor("!", lambda _, __, node: node.value if isinstance(node.value, str) else None)


def packages() -> Iterable[tuple[str, ...]]:
    """The packages of the core layer: their duties, and the packages that they may import."""
    yield "Package", "Duty", "May import"
    for path in sorted(USHER.glob("*/__init__.py")):
        duty, imports = DOCSTRING.findall(path.read_text())[0]
        yield f"`{path.parent.name}`", " ".join(duty.split()), imports


def functions() -> Iterable[tuple[str, ...]]:
    """The functions: their duties, their layers, and the packages that they import themselves."""
    yield "Function", "Duty", "Layers", "Imports"
    for path in sorted((REPOSITORY / "functions").glob("*/app.py")):
        code = path.read_text()
        layers = "core, data" if _function(path.parent.name).get("Layers") else "core"
        imports = sorted({name for name in re.findall(r"^from usher\.(\w+)", code, re.M) if (USHER / name).is_dir()})
        duty = re.findall(r'^"""(?:API: )?(.+?)(?:"""|\n)', code)[0]
        yield f"`{path.parent.name}`", duty[0].upper() + duty[1:], layers, ", ".join(imports)


def rights() -> Iterable[tuple[str, ...]]:
    """The permissions of each function's role, except those to read the bucket."""
    yield "Function", "Writes below `out/`", "Deletes below `out/`", "Table", "Personalize", "Other services"
    for path in sorted((REPOSITORY / "functions").glob("*/app.py")):
        policies = _function(path.parent.name)["Policies"]
        statements = [one for policy in policies if isinstance(policy, dict) for one in policy["Statement"]]
        actions = sorted({action for statement in statements for action in _listed(statement["Action"])})
        yield (
            f"`{path.parent.name}`",
            _folders(statements, "s3:PutObject"),
            _folders(statements, "s3:DeleteObject"),
            ", ".join(action.removeprefix("dynamodb:") for action in actions if action.startswith("dynamodb:")),
            _personalize([action for action in actions if action.startswith("personalize:")]),
            _others(actions),
        )


def kinds() -> Iterable[tuple[str, ...]]:
    """The kinds of resources."""
    yield "Kind", "Found by", "Usual minutes", "Changed in place"
    for kind in KINDS.values():
        mutable = ", ".join(f"`{name}`" for name in kind.mutable)
        yield f"`{kind.name}`", _found_by(kind), f"{kind.minutes:g}" if kind.minutes else "at once", mutable


def _function(folder: str) -> Mapping[str, Any]:
    """The properties of the function whose code is in a folder."""
    resources = yaml.load(TEMPLATE.read_text(), _Loader)["Resources"].values()  # noqa: S506 - our own file
    properties: list[Mapping[str, Any]] = [one.get("Properties", {}) for one in resources]
    [function] = [one for one in properties if one.get("CodeUri") == f"functions/{folder}"]
    return function


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _folders(statements: Iterable[Statement], action: str) -> str:
    """The folders below `out/` on which an action is allowed."""
    resources = [
        resource
        for statement in statements
        if action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    ]
    return ", ".join(re.findall(r"/out/(\w+)/", " ".join(map(str, resources))))


def _personalize(actions: list[str]) -> str:
    if len(actions) <= MAX_ACTIONS:
        return ", ".join(action.removeprefix("personalize:") for action in actions)
    return ", ".join(sorted({verb for action in actions for verb in VERB.findall(action)}))


def _others(actions: list[str]) -> str:
    """Actions of services without a column."""
    columns = ("s3:", "dynamodb:", "personalize:")
    return ", ".join(f"`{action}`" for action in actions if not action.startswith(columns))


def _found_by(kind: Kind) -> str:
    if kind.identified_by_type:
        return "dataset group and type"
    if not kind.parent:
        return "its name"
    parent = re.sub(r"(?<=[a-z])([A-Z])", lambda letter: f" {letter[0].lower()}", kind.parent.removesuffix("Arn"))
    return f"newest of its {parent}{', or its name' if kind.arn else ''}"
