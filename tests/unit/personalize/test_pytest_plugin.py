"""The fixture `personalize`, as in another project."""

import ast
import re
import sys

import pytest
import time_machine  # noqa: F401 - here and below: pytester forgets what a test has imported, and C loads once only

from tests.unit.stack.files import REPOSITORY
from usher_local.personalize import models  # noqa: F401

pytest_plugins = ["pytester"]
PAGE = (REPOSITORY / "docs" / "local-personalize.md").read_text()
EXAMPLES = [code for code in re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S) if "def test_" in code]


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) == 2


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_page_passes(pytester: pytest.Pytester, example: str) -> None:
    pytester.makepyfile(example)
    result = pytester.runpytest_inprocess("-p", "usher_local.pytest_plugin", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)


def test_every_test_has_a_personalize_of_its_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("number", [1, 2])
        def test_it_is_empty(personalize, number):
            assert personalize.list_dataset_groups()["datasetGroups"] == []
            personalize.create_dataset_group(name="films")
        """
    )
    result = pytester.runpytest_inprocess("-p", "usher_local.pytest_plugin", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2)


def test_projects_that_do_not_use_it_import_nothing_but_pytest() -> None:
    body = ast.parse((REPOSITORY / "usher_local" / "pytest_plugin.py").read_text()).body
    named = {one.name for node in body if isinstance(node, ast.Import) for one in node.names}
    named |= {str(node.module) for node in body if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in named} - sys.stdlib_module_names == {"pytest"}
