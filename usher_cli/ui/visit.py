"""A visit of a page: which stack and group it is about, and what its address asks for."""

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
    """Empty on pages that are about all groups."""
    options: Mapping[str, str] = field(default_factory=dict)
    """The query of its address."""
    loads_pictures: bool = False
    """Whether the browser may load items' pictures from where the data says."""
    ahead: asyncio.Future[Any] | None = None
    """What the page's `read_ahead` will have read."""

    async def read(self, ask: Callable[..., Result], *arguments: object) -> Result:
        """What a function answers that asks AWS: in a thread, so that all other pages go on meanwhile."""
        return await asyncio.to_thread(ask, *arguments)

    def address(self, view: str, **options: str) -> str:
        """The address of another view of the group, such as `person` with `id="42"`."""
        query = urlencode({name: text for name, text in options.items() if text})
        return f"/{quote(self.group)}/{view}" + (f"?{query}" if query else "")


Show = Callable[[Visit], Awaitable[None]]
"""Fills a page whose frame is there."""


@dataclass(frozen=True, slots=True)
class Page:
    """A view, and where it is found."""

    path: str
    """`/` or `/{group}/<view>`."""
    title: str
    icon: str
    """A name of Material Icons; empty: the navigation leaves it out, as another view leads to it."""
    section: str
    """The part of the navigation."""
    about: str
    """One sentence below the title."""
    show: Show
    read_ahead: Callable[[Visit], Awaitable[Any]] | None = None
    """What the view needs first. It is read while the browser still loads the page; None: the view reads by itself."""

    @property
    def view(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]
