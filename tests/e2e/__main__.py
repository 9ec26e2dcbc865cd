"""`python -m tests.e2e STACK`: print what the tests do to a real account, ask for consent, and run them."""

import os
import sys

import pytest
from usher.prices import PRICES
from usher.resources.kinds import KINDS

STEPS = {
    "import, train and deploy": ("dataset_group", "dataset", "dataset_import_job", "solution_version", "campaign"),
    "export": ("batch_inference_job",),
    "evaluate": ("dataset_group", "dataset", "dataset_import_job", "solution_version", "batch_inference_job"),
}
REQUESTS_PER_HOUR = 3600
"""The minimum requests per hour that AWS bills for a campaign of a v1 recipe."""


def hours() -> dict[str, float]:
    """The usual hours of each step, from the table of kinds."""
    return {step: sum(KINDS[kind].minutes for kind in kinds) / 60 for step, kinds in STEPS.items()}


def cost() -> float:
    """US dollars: one training and one campaign of a v1 recipe; the cost of v2 recipes for 1,200 interactions is
    cents."""
    training = KINDS["solution_version"].minutes / 60 * PRICES["trainingHour"]
    return training + sum(hours().values()) * REQUESTS_PER_HOUR / 1000 * PRICES["requestThousand"]


def main(stack: str) -> int:
    """Ask and run the tests. Returns the exit status of pytest, or 1 without consent."""
    took = ", ".join(f"{step} {one:.1f} h" for step, one in hours().items())
    sys.stdout.write(
        f"The end-to-end tests use the stack {stack} of the account that your credentials belong to.\n"
        f"They make a dataset group e2e-<time> there, and delete it with all that is in it, and its files.\n"
        f"Usual duration: {took}. Cost: about ${cost():.2f} (docs/cost.md).\n"
    )
    if "AWS_ENDPOINT_URL" not in os.environ and input("Go on? [y/N] ").strip().lower() != "y":
        return 1
    return int(pytest.main(["tests/e2e", "--stack", stack, "-x", "-v", "-p", "no:cacheprovider"]))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
