"""Synthetic actions and interactions with them, for aws-next-best-action."""

from collections.abc import Iterator, Sequence

import numpy as np

ACTIONS = {"ACTION_ID": "string", "KIND": {"type": "string", "categorical": True}}
ANSWERS = {"USER_ID": "string", "ACTION_ID": "string", "EVENT_TYPE": "string", "TIMESTAMP": "long"}
OFFERED, KINDS, SHOWN = 20, ("club", "phone", "voucher"), 6


def actions() -> Iterator[tuple[str, str]]:
    """Rows of `ACTIONS`."""
    yield from ((f"a{number}", KINDS[number % len(KINDS)]) for number in range(OFFERED))


def answers(users: Sequence[str], newest: int, seed: int = 0) -> Iterator[tuple[str, str, str, int]]:
    """Rows of `ANSWERS`: each user is shown some actions and takes most of one kind, few of the others."""
    chance = np.random.default_rng(seed)
    for user in users:
        liked = chance.integers(len(KINDS))
        for number in chance.choice(OFFERED, SHOWN, replace=False).tolist():
            taken = chance.random() < (0.7 if number % len(KINDS) == liked else 0.1)
            yield user, f"a{number}", "TAKEN" if taken else "NOT_TAKEN", newest - int(chance.integers(30 * 86400))
