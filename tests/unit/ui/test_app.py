"""The pages of `usher ui`, without a browser and without a stack."""

import asyncio
import socket
from collections.abc import Mapping

import httpx
import pytest
from moto import mock_aws
from usher.errors import UsherError

from usher_cli.deployed_stack import DeployedStack
from usher_cli.ui.app import application, listen
from usher_cli.ui.pages import PAGES
from usher_cli.ui.visit import Page

SOCKET = "/_nicegui_ws/socket.io/?EIO=4&transport=polling"


REQUESTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    **{page.path: (page.path.format(group="films"), {}) for page in PAGES},
    "another name": ("/", {"Host": "evil.example"}),
    "socket": (SOCKET, {}),
    "own socket": (SOCKET, {"Origin": "http://localhost:8080"}),
    "another origin": (SOCKET, {"Origin": "http://evil.example"}),
}


@pytest.fixture(scope="module")
def answers() -> dict[str, httpx.Response]:
    """The answers to all requests: NiceGUI serves once in a process."""

    async def ask() -> dict[str, httpx.Response]:
        app = application(DeployedStack("usher"))
        transport = httpx.ASGITransport(app)
        async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport) as client:
            return {
                name: await client.get(f"http://localhost:8080{path}", headers=headers)
                for name, (path, headers) in REQUESTS.items()
            }

    with mock_aws():
        return asyncio.run(ask())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_each_page_answers_and_says_in_a_line_that_the_stack_is_not_there(
    page: Page, answers: Mapping[str, httpx.Response]
) -> None:
    answer = answers[page.path]
    assert answer.status_code == 200
    assert page.title in answer.text
    assert "There is no stack usher in us-east-1." in answer.text


def test_pages_of_other_sites_can_neither_read_nor_press(answers: Mapping[str, httpx.Response]) -> None:
    """Their scripts reach this machine by a name of their own (DNS rebinding), or by a socket, which CORS allows."""
    names = ("another name", "socket", "own socket", "another origin")
    assert [answers[name].status_code for name in names] == [400, 200, 200, 400]


def test_a_taken_port_is_reported_with_the_remedy() -> None:
    with socket.create_server(("localhost", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsherError, match=f"Port {port} of localhost can't be used: .*usher ui --port {port + 1}"):
            listen("localhost", port)
