"""The table of pages: each view is a module of its own with a function `show`."""

from usher_cli.ui import groups, people
from usher_cli.ui.visit import Page

PEOPLE, MACHINE = "People and items", "The machine"

PAGES = (
    Page("/", "Groups", "home", "", "Every dataset group of this stack.", groups.show),
    Page("/{group}/people", "People", "people", PEOPLE, "Who the data knows, and what they get.", people.show),
)
"""In the order of the navigation."""
