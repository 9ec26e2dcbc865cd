"""docs/proof.md is current, and names existing tests and checks."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.claims import CLAIMS, Claim
from tests.proof import PAGE, page
from usher_cli.doctor.checks import CHECKS

ROOT = Path(__file__).parents[3]
EVERY = [claim for claims in CLAIMS.values() for claim in claims]


@cache
def defined_in(file: str) -> set[str]:
    """The tests of a file; empty if the file does not exist."""
    path = ROOT / file
    tree = ast.parse(path.read_text() if path.exists() else "")
    return {one.name for one in tree.body if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")}


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: make docs"


@pytest.mark.parametrize("claim", EVERY, ids=lambda claim: claim.says[:50])
def test_the_tests_and_checks_in_claims_exist(claim: Claim) -> None:
    assert [one for one in claim.tests if one.partition("::")[2] not in defined_in(one.partition("::")[0])] == []
    assert claim.tests or claim.seen, "a claim needs a test, or a look at the first deployment"
    assert claim.check in {"", *(check.name for check in CHECKS)}


def test_every_check_of_the_doctor_stands_for_a_claim_or_for_the_basis_of_all() -> None:
    basis = {"outputs", "role's trust", "role's rights", "targets"}
    assert {claim.check for claim in EVERY} | basis >= {check.name for check in CHECKS}
