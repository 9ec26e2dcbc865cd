"""A visit of a page: its stack and group, and the options of its address."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from usher_cli.deployed_stack import DeployedStack

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Visit:
    """One page, opened once."""

    stack: DeployedStack
    group: str = ""
    """The group; empty on pages about all groups."""
    options: Mapping[str, str] = field(default_factory=dict)
    """The query of its address."""
    loads_pictures: bool = False
    """Whether the browser may load items' pictures from the addresses in the data."""
    ahead: asyncio.Future[Any] | None = None
    """The future result of the page's `read_ahead`."""

    async def read(self, ask: Callable[..., Result], *arguments: object) -> Result:
        """The result of a function that calls AWS, in a thread, so that all other pages stay responsive."""
        return await asyncio.to_thread(ask, *arguments)

    def address(self, view: str, **options: str) -> str:
        """The address of another view of the group, such as `person` with `id="42"`."""
        query = urlencode({name: text for name, text in options.items() if text})
        return f"/{quote(self.group)}/{view}" + (f"?{query}" if query else "")


Show = Callable[[Visit], Awaitable[None]]
"""Fills a page inside its frame."""


@dataclass(frozen=True, slots=True)
class Page:
    """A view, and its place in the navigation."""

    path: str
    """`/` or `/{group}/<view>`."""
    title: str
    icon: str
    """A name of Material Icons; empty: it is not in the navigation, as another view links to it."""
    section: str
    """The part of the navigation."""
    about: str
    """One sentence below the title."""
    show: Show
    read_ahead: Callable[[Visit], Awaitable[Any]] | None = None
    """Reads the first data of the view while the browser still loads the page; None: the view reads by itself."""

    @property
    def view(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]
