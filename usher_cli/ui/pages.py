"""The table of pages: each view is a module of its own with a function `show`."""

from usher_cli.ui import compare, events, filters, groups, item, items, people, person, rank
from usher_cli.ui.visit import Page

PEOPLE, MACHINE = "People and items", "The machine"

PAGES = (
    Page("/", "Groups", "home", "", "Every dataset group of this stack.", groups.show),
    Page("/{group}/people", "People", "people", PEOPLE, "Who the data knows, and what they get.", people.show),
    Page("/{group}/person", "Person", "", PEOPLE, "What they met, beside what each solution recommends.", person.show),
    Page("/{group}/items", "Items", "category", PEOPLE, "What is recommended, and how often it was met.", items.show),
    Page("/{group}/item", "Item", "", PEOPLE, "What is known of it, who met it, and what is like it.", item.show),
    Page(
        "/{group}/filters",
        "Filter bench",
        "filter_alt",
        PEOPLE,
        "Type a filter, see what it leaves.",
        filters.show,
    ),
    Page("/{group}/compare", "Live and held", "compare", PEOPLE, "The live version beside the newest.", compare.show),
    Page("/{group}/events", "Try events", "touch_app", PEOPLE, "Send events, and watch the list move.", events.show),
    Page("/{group}/rank", "Re-rank", "swap_vert", PEOPLE, "Your order of some items beside theirs.", rank.show),
)
"""In the order of the navigation."""
