"""The users in a group's data."""

from nicegui import ui

from usher_cli.ui.browse import MAX_COLUMNS, Browsed, browse
from usher_cli.ui.controls import data_with_notes
from usher_cli.ui.markup import Cell, Column, day, tile
from usher_cli.ui.parts import empty
from usher_cli.ui.visit import Visit


async def show(visit: Visit) -> None:
    """Show a table of users, with search; any other ID can be opened, too, as Personalize answers for unknown users."""
    data = await data_with_notes(visit)
    names = list(data.users.columns)[:MAX_COLUMNS]

    def row(user: str) -> list[str | Cell]:
        values, (number, newest) = data.users.values(user), data.interactions.by_user.get(user, (0, 0.0))
        link = Cell(user, visit.address("person", id=user), tile(user, user))
        return [link, *(values.get(name, "") for name in names), f"{number:,}", day(newest)]

    def nobody(text: str) -> None:
        empty(f"No user in the data matches {text}.", "Personalize also answers for unknown users.")
        ui.link(f"Recommendations for {text}", visit.address("person", id=text))

    columns = [Column("User"), *map(Column, names), Column("Interactions", is_number=True), Column("Newest")]
    browse(Browsed(columns, data.find_users, row, nobody), "Search by ID or any value", visit.options.get("search", ""))
