"""The table of pages: each view is a module of its own with a function `show`."""

from usher_cli.ui import (
    compare,
    cost,
    events,
    filters,
    groups,
    health,
    item,
    items,
    keys,
    live,
    people,
    person,
    rank,
    run,
    runs,
    traffic,
    versions,
)
from usher_cli.ui.visit import Page

PEOPLE, OPERATIONS = "People and items", "Operations"

PAGES = (
    Page("/", "Groups", "home", "", "Every dataset group of this stack.", groups.show, groups.read),
    Page(
        "/{group}/people", "People", "people", PEOPLE, "The users in the data, and their recommendations.", people.show
    ),
    Page(
        "/{group}/person",
        "Person",
        "",
        PEOPLE,
        "Their interactions, beside the recommendations of each solution.",
        person.show,
    ),
    Page(
        "/{group}/items",
        "Items",
        "category",
        PEOPLE,
        "The items to recommend, and their numbers of interactions.",
        items.show,
    ),
    Page("/{group}/item", "Item", "", PEOPLE, "Its data, its users, and similar items.", item.show),
    Page(
        "/{group}/filters",
        "Filter bench",
        "filter_alt",
        PEOPLE,
        "Type one, and see the items that it leaves.",
        filters.show,
    ),
    Page("/{group}/compare", "Live and held", "compare", PEOPLE, "The live version beside the newest.", compare.show),
    Page("/{group}/events", "Try events", "touch_app", PEOPLE, "Send events, and watch the list move.", events.show),
    Page("/{group}/rank", "Re-rank", "swap_vert", PEOPLE, "Your order of some items beside theirs.", rank.show),
    Page(
        "/{group}/live",
        "Live",
        "bolt",
        OPERATIONS,
        "The models that answer now: since when, and by whose choice.",
        live.show,
    ),
    Page("/{group}/runs", "Runs", "history", OPERATIONS, "Past and current runs.", runs.show),
    Page("/{group}/run", "Run", "", OPERATIONS, "Its stages and resources.", run.show),
    Page("/{group}/versions", "Versions", "show_chart", OPERATIONS, "How good each training was.", versions.show),
    Page(
        "/{group}/traffic",
        "Events",
        "ssid_chart",
        OPERATIONS,
        "The events that users send, minute by minute.",
        traffic.show,
    ),
    Page("/{group}/keys", "API keys", "vpn_key", OPERATIONS, "For senders that can't sign requests.", keys.show),
    Page("/{group}/cost", "Cost", "payments", OPERATIONS, "The costs of Personalize for this group.", cost.show),
    Page("/health", "Health", "monitor_heart", OPERATIONS, "Alarms, queues and quotas of the stack.", health.show),
)
"""The pages in the order of the navigation."""
