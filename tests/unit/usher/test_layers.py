"""Which package may import which, as the packages' docstrings say; and no circle anywhere."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.unit.stack.files import REPOSITORY

USHER = REPOSITORY / "layers/core/python/usher"
PACKAGES = sorted(path.parent for path in USHER.glob("*/__init__.py"))
ROOTS = {"usher": USHER, "usher_cli": REPOSITORY / "usher_cli", "usher_local": REPOSITORY / "usher_local"}


def imports(path: Path) -> set[str]:
    """The dotted names that a file imports, wherever in it; what is imported from a module may be a module, too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            found |= {str(node.module), *(f"{node.module}.{one.name}" for one in node.names)}
        elif isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
    return found


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_package_imports_what_its_docstring_names(package: Path) -> None:
    docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or ""
    [named] = re.findall(r"May import: ([\w, \n]+)\.", docstring)
    allowed = set(re.split(r",\s+", named)) - {"nothing"}
    used = {name.split(".")[1] for path in package.glob("*.py") for name in imports(path) if name.startswith("usher.")}
    assert used & {one.name for one in PACKAGES} - {package.name} == allowed


def test_no_packages_import_each_other() -> None:
    every = {one.name for one in PACKAGES}
    graph = {
        package.name: {n.split(".")[1] for path in package.glob("*.py") for n in imports(path) if n.count(".")} & every
        for package in PACKAGES
    }
    TopologicalSorter({name: targets - {name} for name, targets in graph.items()}).prepare()


@pytest.mark.parametrize("root", ROOTS)
def test_no_files_import_each_other(root: str) -> None:
    files = {
        ".".join([root, *path.relative_to(folder).with_suffix("").parts]).removesuffix(".__init__"): path
        for folder in [ROOTS[root]]
        for path in folder.rglob("*.py")
    }
    TopologicalSorter({name: imports(path) & files.keys() - {name} for name, path in files.items()}).prepare()
