"""The table of docs/api.md, made from the table of routes."""

import re
from collections.abc import Iterator

from usher.routes import ROUTES, Route

from tests.unit.stack.files import REPOSITORY

PAGE = REPOSITORY / "docs" / "api.md"
SECTION = re.compile(r"^##+ (.+)\n((?:(?!##).*\n)*)", re.M)


def routes() -> Iterator[tuple[str, str]]:
    """The routes: their paths, with a link to the section that describes them, and their purpose."""
    yield "Route", "What it does"
    sections = SECTION.findall(PAGE.read_text())
    for route in ROUTES.values():
        paths = ", ".join(f"`{_written(key, route)}`" for key in route.keys)
        heading = next((heading for heading, text in sections if f"`{route.keys[0]}`" in text), "")
        yield f"[{paths}](#{anchor(heading)})" if heading else paths, route.summary


def anchor(heading: str) -> str:
    """The anchor that a heading has on GitHub."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _written(key: str, route: Route) -> str:
    """A route with its subject, which is in the query unless it is in the path or in a body."""
    in_query = route.method == "GET" and route.subject and f"{{{route.subject}}}" not in key
    return f"{key}?{route.subject}=" if in_query else key
