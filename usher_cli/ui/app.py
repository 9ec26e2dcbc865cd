"""Serves the pages of a stack on this machine: without deployment, build or internet."""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import uvicorn
from fastapi import FastAPI, Request
from nicegui import core, ui
from starlette.middleware.trustedhost import TrustedHostMiddleware
from usher.errors import UsherError

from usher_cli.deployed_stack import DeployedStack
from usher_cli.explanation import EXPLAINED, explanation
from usher_cli.stack_views.health import alarms
from usher_cli.stack_views.overview import overview
from usher_cli.ui.frame import frame
from usher_cli.ui.pages import PAGES
from usher_cli.ui.parts import note
from usher_cli.ui.visit import Page, Visit

SLOWEST_SECONDS = 60
"""The seconds for the list of groups, as AWS's clients try for so long. NiceGUI's default for a page is 3 seconds."""

MAX_AHEAD_SECONDS = 0.5
"""The seconds within which a page waits for its first reads; later ones are filled in."""


def application(stack: DeployedStack, host: str = "localhost") -> FastAPI:
    """The pages of a stack. They answer only under the names of this machine, and `host`, and only to their own
    scripts:

    a page of another site that is open in the same browser can neither read them nor press their buttons.
    """
    app = FastAPI(openapi_url=None)
    for page in PAGES:
        _register(page, stack)
    ui.run_with(app, title="Usher", dark=None, show_welcome_message=False, language="en-US")
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["localhost", "127.0.0.1", "[::1]", host])
    core.sio.eio.cors_allowed_origins = None  # NiceGUI lets pages of every origin open the socket
    return app


def serve(stack: DeployedStack, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve the pages until Ctrl-C; `ready` gets the address. Raises UsherError if the port is taken."""
    log = logging.getLogger("nicegui")
    log.setLevel(logging.ERROR)
    log.addFilter(_is_fault)
    config = uvicorn.Config(application(stack, host), host=host, port=port, log_level="error")
    with listen(host, port) as listening:
        threading.Thread(target=_warm_up, args=(stack,), daemon=True).start()
        ready(f"http://{host}:{listening.getsockname()[1]}")
        uvicorn.Server(config).run([listening])


def _is_fault(record: logging.LogRecord) -> bool:
    """Whether a log record is about an error. A browser that leaves before its page is complete leaves NiceGUI's drawer
    waiting.
    """
    return not (record.exc_info and isinstance(record.exc_info[1], TimeoutError))


def listen(host: str, port: int) -> socket.socket:
    """Listen at a port. Raises UsherError if it is taken."""
    try:
        return socket.create_server((host, port))
    except OSError as error:
        other = f"Choose another: usher ui --port {port + 1}, make up UI_PORT={port + 1}."
        raise UsherError(f"Port {port} of {host} can't be used: {error.strerror}. {other}") from None


def _warm_up(stack: DeployedStack) -> None:
    """Read the data of the first view, so that clients and connections are ready for the first request."""
    with suppress(*EXPLAINED):
        overview(stack)
        alarms(stack)


def _register(page: Page, stack: DeployedStack) -> None:
    @ui.page(page.path, response_timeout=SLOWEST_SECONDS)
    async def _visited(request: Request) -> None:
        pictures = request.cookies.get("pictures") == "yes"
        visit = Visit(stack, request.path_params.get("group", ""), dict(request.query_params), pictures)
        if page.read_ahead:
            visit = replace(visit, ahead=asyncio.ensure_future(page.read_ahead(visit)))
        groups: list[str] = []
        problem = ""
        try:
            groups = await visit.read(stack.groups)
        except EXPLAINED as error:
            problem = explanation(error)
        with frame(page, PAGES, visit, groups, request.cookies.get("theme", "auto")):
            if problem:
                note("bad", problem)
            elif visit.group and visit.group not in groups:
                note("bad", f"There is no group {visit.group}.", "Choose one at the top.")
            elif visit.ahead and (await asyncio.wait([visit.ahead], timeout=MAX_AHEAD_SECONDS))[0]:
                await _show(page, visit)
            else:
                _show_later(page, visit)


async def _show(page: Page, visit: Visit) -> None:
    """Show the view, or the reason why it can't be shown."""
    try:
        await page.show(visit)
    except EXPLAINED as error:
        note("bad", explanation(error))
    except Exception:
        note("bad", "This view has failed: a bug in Usher.", "The terminal has the details.")
        raise


def _show_later(page: Page, visit: Visit) -> None:
    """Show the view once the browser is connected. A placeholder is replaced by the first content."""

    async def fill() -> None:
        try:
            await _show(page, visit)
        finally:
            waiting.delete()

    ui.timer(0, fill, once=True)
    waiting = ui.skeleton(height="12rem").classes("w-full waiting")
