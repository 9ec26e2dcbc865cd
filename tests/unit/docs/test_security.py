"""Every row of docs/security.md names tests that there are."""

import ast
import re

import pytest

from tests.unit.stack.files import REPOSITORY

TABLE = re.compile(r"^\| Who \| May \| May not \| Tests \|\n\|[-|]+\|\n((?:\|.*\|\n)+)", re.M)
(ROWS,) = TABLE.findall((REPOSITORY / "docs" / "security.md").read_text())
TESTS = {
    node.name
    for path in (REPOSITORY / "tests").rglob("test_*.py")
    for node in ast.parse(path.read_text()).body
    if isinstance(node, ast.FunctionDef)
}


@pytest.mark.parametrize("row", ROWS.splitlines())
def test_a_row_names_the_tests_that_try_it(row: str) -> None:
    *_, named = (cell.strip() for cell in row.strip("|").split("|"))
    assert re.fullmatch(r"`test_\w+`(, `test_\w+`)*", named)
    assert set(re.findall(r"\w+", named)) <= TESTS
