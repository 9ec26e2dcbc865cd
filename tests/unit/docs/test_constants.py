"""A limit that a test changes is an argument: no test replaces a constant of a module."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
CONSTANT = re.compile(r"(.+\.)?[A-Z][A-Z0-9_]+")


def replaced(source: str) -> Iterator[str]:
    """The constants that a source replaces, by setattr, setitem, a patch or an assignment."""
    for node in ast.walk(ast.parse(source)):
        names: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            names = [target for target in node.targets if isinstance(target, ast.Attribute)]
        elif isinstance(node, ast.Call) and node.args:
            called, (first, *rest) = ast.unparse(node.func), node.args
            if called.endswith(("setattr", "patch.object")):
                names = [first] if isinstance(first, ast.Constant) else rest[:1]
            elif called.endswith(("setitem", "patch", "patch.dict")):
                names = [first]
        yield from (name for one in names if CONSTANT.fullmatch(name := ast.unparse(one).strip("'")))


@pytest.mark.parametrize(
    "line",
    [
        'monkeypatch.setattr(module, "MOST", 1)',
        'patch.setattr("some.module.MOST", 1)',
        "monkeypatch.setitem(module.STEPS, 'a', 1)",
        'mock.patch("some.module.MOST", 1)',
        'patch.object(module, "MOST", 1)',
        "module.MOST = 1",
    ],
)
def test_each_way_to_replace_a_constant_is_seen(line: str) -> None:
    assert [*replaced(line)]


def test_no_test_replaces_a_constant() -> None:
    found = {str(path.relative_to(TESTS)): [*replaced(path.read_text())] for path in TESTS.rglob("*.py")}
    assert {path: names for path, names in found.items() if names} == {}
