"""The tables and diagrams of the docs, made from the code, the template, the lock files and the state machines.

`make docs` writes them into the pages.
"""

import re
from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import metadata
from pathlib import Path
from textwrap import indent
from typing import Any

from layers import sbom
from tests.unit.docs import adding, api, architecture, commands
from tests.unit.stack.files import MACHINES, machine
from usher_local.personalize.control.kinds import KINDS
from usher_local.personalize.core.algorithms import PARAMETERS, TRANSFORMATIONS
from usher_local.personalize.core.recipes import ACTIONS, RANKING, RECIPES, SEGMENTS, Recipe
from usher_local.personalize.core.use_cases import NEEDS, use_case
from usher_local.recommenders import registry

ROOT = Path(__file__).parents[3]
PAGES = [
    ROOT / "docs" / name
    for name in ("adding.md", "api.md", "architecture.md", "cli.md", "local-personalize.md", "licences.md")
]
PINNED = re.compile(r"^([\w.-]+)==(\S+)", re.M)
MARKED = re.compile(r"<!-- (table|diagram|part): (\w+) -->\n(.*?)<!-- end of \1 -->", re.S)
REQUESTS = {
    RANKING: "GetPersonalizedRanking",
    ACTIONS: "GetActionRecommendations",
    SEGMENTS: "CreateBatchSegmentJob",
}
LEARNS = {
    "aws-next-best-action": "action interactions",
    "aws-semantic-similarity": "the textual field of items",
}


def hyperparameters(recipe: Recipe) -> list[str]:
    """The parameters of the algorithm and of the feature transformation."""
    transformation = TRANSFORMATIONS.get(recipe.transformation or recipe.name, {})
    return [*PARAMETERS.get(recipe.algorithm_name, {}), *transformation]


def recipes() -> Iterable[str]:
    """One row per recipe: its model and hyperparameters."""
    yield from _head("Recipe", "Model", "Hyperparameters", "Without effect")
    for recipe in RECIPES:
        names = hyperparameters(recipe)
        model = registry.RECIPES[recipe.name].__name__
        inert = [name for name in names if name in registry.INERT]
        obeyed = [name for name in names if name not in registry.INERT]
        yield _row(_code([recipe.name]), model, _code(_pairs(obeyed)), _code(inert))


def behaviour() -> Iterable[str]:
    """One row per recipe: its behaviour besides scoring."""
    columns = "Request", "Learns from", "Event that excludes an item", "New items", "Also returns"
    yield from _head("Recipe", *columns, "Batch inference")
    for recipe in RECIPES:
        case = use_case(recipe)
        needs = case.needs or NEEDS.get(recipe.type, ())
        request = REQUESTS.get(recipe.type) or " ".join(["GetRecommendations", *(f"`{name}`" for name in needs)])
        new = "explored" if case.explores else "scored by content" if case.newcomers else ""
        more = {"scores": recipe.scored, "reasons": case.explains and recipe.type != RANKING, "metadata": case.explains}
        cells = LEARNS.get(recipe.name) or case.learns or "all events", case.drops or "", new
        yield _row(
            _code([recipe.name]), request, *cells, ", ".join(filter(more.get, more)), "yes" if recipe.batch else ""
        )


def kinds() -> Iterable[str]:
    """One row per kind of resource that takes time or is limited."""
    yield from _head("Resource", "Minutes it takes", "At most")
    for kind in KINDS.values():
        limits = [
            f"{quota.limit}{' pending' * quota.pending} {'per dataset group' if quota.group else 'in a region'}"
            for quota in kind.quotas
        ]
        if kind.minutes or limits:
            yield _row(kind.words, f"{kind.minutes:g}" if kind.minutes else "none", ", ".join(limits))


def pinned() -> dict[str, dict[str, str]]:
    """Versions of the packages of each layer, by name."""
    files = sorted(ROOT.glob("layers/*/requirements.txt"))
    return {file.parent.name: dict(PINNED.findall(file.read_text())) for file in files}


def licences() -> Iterable[str]:
    """One row per deployed package, with the licence from the metadata of the installed version."""
    yield from _head("Package", "Version", "Layer", "Licence")
    for layer, versions in pinned().items():
        for name, version in versions.items():
            yield _row(name, version, layer, sbom.licence(name, metadata(name)))


def diagram(path: Path) -> Iterable[str]:
    """A state machine in the language of https://mermaid.js.org/syntax/stateDiagram.html, with its conditions."""
    yield "```mermaid\nstateDiagram-v2\n"
    yield from _states(machine(path))
    yield "```\n"


def _states(scope: dict[str, Any]) -> Iterable[str]:
    """The states of a machine or of a map, and the transitions between them."""
    yield f"    [*] --> {_id(scope['StartAt'])}\n"
    for name, state in scope["States"].items():
        yield f'    state "{name}" as {_id(name)}'
        if "ItemProcessor" in state:
            yield " {\n" + indent("".join(_states(state["ItemProcessor"])), "    ") + "    }"
        yield "\n"
        for target, label in _ways(state):
            yield f"    {_id(name)} --> {target}" + (f": {label}" if label else "") + "\n"


def _ways(state: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """The next states of a state, with their conditions."""
    for choice in state.get("Choices", []):
        condition = re.sub(r"\$states\.input\.?(?=(\w?))", lambda met: "" if met[1] else "input", choice["Condition"])
        yield _id(choice["Next"]), condition.strip("{% }")
    for catch in state.get("Catch", []):
        named = [error for error in catch["ErrorEquals"] if error != "States.ALL"]
        yield _id(catch["Next"]), ", ".join(named) or "error"
    if "Default" in state:
        yield _id(state["Default"]), "otherwise"
    else:
        yield _id(state["Next"]) if "Next" in state else "[*]", ""


def _id(name: str) -> str:
    return "".join(word.capitalize() for word in re.findall(r"\w+", name))


TABLES: dict[str, Callable[[], Iterable[str]]] = {
    "recipes": recipes,
    "behaviour": behaviour,
    "kinds": kinds,
    "licences": licences,
    "commands": lambda: _rows([("Command", "Effect", "Changes"), *commands.overview()]),
    "exits": lambda: _rows([("Status", "Meaning"), *commands.exits()]),
    "reference": commands.reference,
    "routes": lambda: _rows(api.routes()),
    "additions": lambda: _rows(adding.overview()),
    "packages": lambda: _rows(architecture.packages()),
    "functions": lambda: _rows(architecture.functions()),
    "rights": lambda: _rows(architecture.rights()),
    "resources": lambda: _rows(architecture.kinds()),
    **{path.name.removesuffix(".asl.yaml"): partial(diagram, path) for path in MACHINES},
}


def written(page: str) -> str:
    """The page with its tables and diagrams generated anew."""

    def written_again(mark: re.Match[str]) -> str:
        kind, name, _ = mark.groups()
        return f"<!-- {kind}: {name} -->\n" + "".join(TABLES[name]()) + f"<!-- end of {kind} -->"

    return MARKED.sub(written_again, page)


def _head(*names: str) -> Iterable[str]:
    return _row(*names), "|" + "---|" * len(names) + "\n"


def _rows(rows: Iterable[tuple[str, ...]]) -> Iterable[str]:
    """A table whose first row is its head."""
    head, *others = rows
    yield from _head(*head)
    yield from (_row(*cells) for cells in others)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |\n"


def _pairs(names: list[str]) -> Iterable[str]:
    """The names, with a minimum and its maximum as one."""
    for name in names:
        if f"min_{name.removeprefix('max_')}" not in names or not name.startswith("max_"):
            has_maximum = name.startswith("min_") and name.replace("min_", "max_", 1) in names
            yield f"{{min,max}}_{name.removeprefix('min_')}" if has_maximum else name


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(written(path.read_text()))
