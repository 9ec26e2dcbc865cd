"""The allowed imports between packages, by the packages' docstrings; and no circle."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.unit.stack.files import REPOSITORY

USHER = REPOSITORY / "layers/core/python/usher"
ROOTS = {"usher": USHER, "usher_cli": REPOSITORY / "usher_cli", "usher_local": REPOSITORY / "usher_local"}
LAYERED = {
    **ROOTS,
    "usher_local.cloud": REPOSITORY / "usher_local/cloud",
    "usher_local.personalize": REPOSITORY / "usher_local/personalize",
}
PACKAGES = {
    f"{root}.{path.parent.name}": path.parent
    for root, folder in LAYERED.items()
    for path in sorted(folder.glob("*/__init__.py"))
}


def imports(path: Path) -> set[str]:
    """The dotted names that a file imports at any place; an imported name may be a module, too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            found |= {str(node.module), *(f"{node.module}.{one.name}" for one in node.names)}
        elif isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
    return found


def packages(package: str) -> set[str]:
    """The other packages beside a package that its files import, by their last names."""
    root, _, own = package.rpartition(".")
    names = {name for path in PACKAGES[package].rglob("*.py") for name in imports(path)}
    beside = {name.removeprefix(f"{root}.").split(".")[0] for name in names if name.startswith(f"{root}.")}
    return {name for name in beside - {own} if f"{root}.{name}" in PACKAGES}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_the_packages_in_its_docstring(package: str) -> None:
    docstring = ast.get_docstring(ast.parse((PACKAGES[package] / "__init__.py").read_text())) or ""
    [named] = re.findall(r"May import: ([\w, \n]+)\.", docstring)
    assert packages(package) == set(re.split(r",\s+", named)) - {"nothing"}


@pytest.mark.parametrize("root", LAYERED)
def test_no_packages_import_each_other(root: str) -> None:
    graph = {name.rpartition(".")[2]: packages(name) for name in PACKAGES if name.rpartition(".")[0] == root}
    TopologicalSorter(graph).prepare()


def test_no_files_import_each_other() -> None:
    files = {
        ".".join([root, *path.relative_to(folder).with_suffix("").parts]).removesuffix(".__init__"): path
        for root, folder in ROOTS.items()
        for path in folder.rglob("*.py")
    }
    TopologicalSorter({name: imports(path) & files.keys() - {name} for name, path in files.items()}).prepare()
