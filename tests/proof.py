"""docs/proof.md, made of `tests.claims`: `python -m tests.proof` writes it."""

from collections.abc import Iterator
from pathlib import Path

from tests.claims import CLAIMS, Claim

PAGE = Path(__file__).parents[1] / "docs" / "proof.md"
HEAD = """# What is proved, and what only an account can show

No test uses an AWS account. So each claim about a deployment stands here with the tests that prove it on the local
cloud ([what that does not reproduce](local.md#what-it-does-not-reproduce)), and with what only an account can show.
`python -m tests.proof` makes this page from `tests/claims.py`; a test sees to it that all tests it names exist.

`pytest <test>` runs one. `./usher doctor` makes the checks that are named ([cli.md](cli.md#is-the-stack-in-order)).
"""
CHECKLIST = """
## The first deployment

1. `make build`, then `sam deploy --guided`, as the [README](../README.md) says.
2. `./usher doctor` - no line may say `problem`.
3. Drop `interactions.csv` and wait for the run to end; then look at these:
"""


def page() -> str:
    """The page."""
    return HEAD + "".join(f"\n## {title}\n\n{''.join(rows(claims))}" for title, claims in CLAIMS.items()) + checklist()


def rows(claims: tuple[Claim, ...]) -> Iterator[str]:
    """A table of claims."""
    yield "| Claim | Proved by | Check |\n|---|---|---|\n"
    for claim in claims:
        tests = "<br>".join(f"`{test}`" for test in claim.tests) or "no test"
        yield f"| {claim.says} | {tests} | {claim.check} |\n"


def checklist() -> str:
    """What to look at by hand."""
    looks = [claim for claims in CLAIMS.values() for claim in claims if claim.seen]
    return CHECKLIST + "".join(f"   - [ ] {claim.says} {claim.seen}\n" for claim in looks)


if __name__ == "__main__":
    PAGE.write_text(page())
