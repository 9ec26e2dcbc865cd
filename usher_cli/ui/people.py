"""The people whom a group's data knows."""

from usher_cli.ui.parts import empty
from usher_cli.ui.visit import Visit


async def show(visit: Visit) -> None:
    """A table of users, with search."""
    empty(
        f"{visit.group} has no data yet.", f"Put interactions.csv into s3://{visit.stack.bucket.name}/{visit.group}/."
    )
