"""Every entry of "What each may do" in docs/security.md names tests that exist."""

import ast
import re

import pytest

from tests.unit.stack.files import REPOSITORY

SECTION = re.compile(r"^## What each may do$(.*?)^## ", re.M | re.S)
(ENTRIES,) = SECTION.findall((REPOSITORY / "docs" / "security.md").read_text())
TESTS = {
    node.name
    for path in (REPOSITORY / "tests").rglob("test_*.py")
    for node in ast.parse(path.read_text()).body
    if isinstance(node, ast.FunctionDef)
}


@pytest.mark.parametrize(
    "entry", [" ".join(entry.split()) for entry in re.findall(r"^- (.*?)(?=\n-|\n\n)", ENTRIES, re.M | re.S)]
)
def test_an_entry_names_the_tests_that_try_it(entry: str) -> None:
    match = re.fullmatch(r"May .+\. Tests: (`test_\w+`(?:, `test_\w+`)*)\.", entry)
    assert match
    assert set(re.findall(r"\w+", match[1])) <= TESTS
