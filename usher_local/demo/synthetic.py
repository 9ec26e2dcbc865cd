"""A small shop's synthetic data, equal for equal seeds."""

import random


def interactions(users: int = 60, events: int = 20, items: int = 40, seed: int = 0) -> str:
    """A CSV of interactions: each user walks along the items from a random start."""
    random_ = random.Random(seed)
    rows = ["USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE"]
    for user in range(users):
        start = random_.randrange(items)
        rows += [
            f"u{user},i{(start + step) % items},{1_700_000_000 + user * 1000 + step},watch" for step in range(events)
        ]
    return "\n".join(rows) + "\n"


def items(count: int = 40) -> str:
    """A CSV of items in three genres."""
    return "ITEM_ID,GENRES\n" + "".join(
        f"i{item},{'Comedy|Drama' if item % 2 else 'Horror'}\n" for item in range(count)
    )
