"""The items of a group."""

from usher_cli.ui.browse import MAX_COLUMNS, Browsed, browse
from usher_cli.ui.controls import data_with_notes, picture_choice, shown_picture
from usher_cli.ui.markup import Cell, Column, day, tile
from usher_cli.ui.parts import empty
from usher_cli.ui.visit import Visit


async def show(visit: Visit) -> None:
    """Show a table of items, with search."""
    data = await data_with_notes(visit)
    hidden = {data.title_column, data.picture_column}
    names = [name for name in data.items.columns if name not in hidden][:MAX_COLUMNS]

    def row(item: str) -> list[str | Cell]:
        values, (number, newest) = data.items.values(item), data.interactions.by_item.get(item, (0, 0.0))
        title = data.title(item)
        link = Cell(title, visit.address("item", id=item), tile(item, title, shown_picture(visit, data, item)))
        cells = (values.get(name, "").replace("|", ", ") for name in names)
        return [link, item, *cells, f"{number:,}", day(newest)]

    picture_choice(visit, data)
    columns = [Column("Item"), Column("ID"), *map(Column, names), Column("Interactions", True), Column("Newest")]
    browse(
        Browsed(columns, data.find_items, row, lambda text: empty(f"No item matches {text}.")),
        "Search by title, ID or any value",
        visit.options.get("search", ""),
    )
