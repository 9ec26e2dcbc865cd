"""docs/proof.md, made from `tests.claims`: `make docs` writes it."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from textwrap import fill

from tests.claims import CLAIMS, Claim

PAGE = Path(__file__).parents[1] / "docs" / "proof.md"
WIDTH = 120
HEAD = """# Claims and their tests

No test uses an AWS account. This page lists each claim about a deployment with the tests that prove it on the local
cloud ([its limits](local.md#what-it-does-not-reproduce)), the check of `./usher doctor`
([cli.md](cli.md#check-the-stack)), and what only an account can show. `make docs` generates it from `tests/claims.py`.

At the first deployment,

1. `make build`, then `sam deploy --guided`, as the [README](../README.md) says;
2. `./usher doctor`: no line may say `problem`;
3. drop `interactions.csv`, wait for the run to end, and check the boxes of this page.
"""


def page() -> str:
    """The page."""
    return HEAD + "".join(f"\n## {title}\n\n{''.join(items(claims))}" for title, claims in CLAIMS.items())


def items(claims: tuple[Claim, ...]) -> Iterator[str]:
    """A list of claims, each with its tests by file, and with a box for a look at the first deployment."""
    for claim in claims:
        yield wrapped(f"**{claim.says}**" + (f" Check: `{claim.check}`." if claim.check else ""), "- ")
        tests = [test.split("::") for test in claim.tests]
        for file, of_file in groupby(tests, lambda test: test[0]):
            yield wrapped(f"`{file}`: {', '.join(f'`{name}`' for _, name in of_file)}", "  - ")
        if not tests:
            yield "  - no test\n"
        if claim.seen:
            yield wrapped(claim.seen, "  - [ ] ")


def wrapped(text: str, bullet: str) -> str:
    """An item of a list."""
    indent = " " * (len(bullet) - len(bullet.lstrip()) + 2)
    return (
        fill(
            text,
            WIDTH,
            initial_indent=bullet,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        + "\n"
    )


if __name__ == "__main__":
    PAGE.write_text(page())
