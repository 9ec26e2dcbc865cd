"""The first view: every group of the stack."""

from nicegui import ui

from usher_cli.ui.parts import card, empty
from usher_cli.ui.visit import Visit


async def show(visit: Visit) -> None:
    """A card for each group."""
    groups = await visit.read(visit.stack.groups)
    if not groups:
        empty("There is no group yet.", f"Put interactions.csv into s3://{visit.stack.bucket.name}/<group>/.")
    with ui.element("div").classes("cards"):
        for group in groups:
            with card(group):
                ui.link("People", f"/{group}/people")
