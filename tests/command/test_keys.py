"""`usher keys`: the secret that it prints once, the lists that it shows, and its refusals."""

import json

import pytest
from usher.access.keys import Key, Keys
from usher.aws import client
from usher.storage.table import Table

from tests.command.world import run_command
from usher_cli.__main__ import main
from usher_cli.command import UNCONFIRMED
from usher_cli.deployed_stack import DeployedStack
from usher_local.simulation.stack import Stack


@pytest.fixture
def table(stack: Stack) -> Table:  # noqa: ARG001
    """The stack's table, with a group that has published."""
    found = DeployedStack("usher")
    found.serving.write("films", {"solutions": {}})
    return Table(client("dynamodb"), found.outputs["TableName"])


def made(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The key on stdout, alone in its line: all other output goes to stderr."""
    assert main(["keys", *arguments]) == 0
    return capsys.readouterr().out.removesuffix("\n")


def create(capsys: pytest.CaptureFixture[str], routes: str = "POST events, GET popular") -> str:
    return made(capsys, "create", "films", "--name", "mail tool", "--routes", routes)


def test_a_key_is_printed_once(table: Table, capsys: pytest.CaptureFixture[str]) -> None:
    text = create(capsys)
    group, key_id, secret = text.split(".")
    found = Keys(table).find(text)
    assert found
    assert (group, found.routes) == ("films", ("POST events", "GET popular"))
    shown = run_command(capsys, "keys", "list", "films")
    [listed] = json.loads(run_command(capsys, "keys", "list", "films", "--json"))
    assert (listed["id"], listed["name"]) == (key_id, "mail tool")
    assert key_id in shown
    assert secret not in shown + json.dumps(listed)


def test_a_key_may_have_a_limit(table: Table, capsys: pytest.CaptureFixture[str]) -> None:
    text = made(capsys, "create", "films", "--name", "page", "--routes", "GET popular", "--per-minute", "600")
    create(capsys)
    assert [key.per_minute for key in Keys(table).of("films")] == [600, None]
    again = made(capsys, "rotate", "films", text.split(".")[1])
    found = Keys(table).find(again)
    assert found
    assert found.per_minute == 600
    assert "600 a minute" in run_command(capsys, "keys", "list", "films")


@pytest.mark.parametrize("limit", ["0", "-1", "1.5", "many", "1000001", "9" * 20])
def test_a_limit_is_a_number(limit: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["keys", "create", "films", "--name", "n", "--routes", "GET popular", "--per-minute", limit])
    assert ended.value.code == 2


def test_a_former_secret_ends_at_the_announced_time(table: Table, capsys: pytest.CaptureFixture[str]) -> None:
    first = create(capsys)
    second = made(capsys, "rotate", "films", first.split(".")[1], "--days", "2")
    assert all(Keys(table).find(text) for text in (first, second))
    [listed] = json.loads(run_command(capsys, "keys", "list", "films", "--json"))
    assert len(listed["former"]) == 1
    third = made(capsys, "rotate", "films", first.split(".")[1], "--days", "0")
    assert [isinstance(Keys(table).find(text), Key) for text in (first, second, third)] == [False, False, True]


def test_a_revoked_key_is_gone(table: Table, capsys: pytest.CaptureFixture[str]) -> None:
    text = create(capsys)
    output = run_command(capsys, "keys", "revoke", "films", text.split(".")[1], status=UNCONFIRMED)
    assert "stops working within a minute" in output
    assert Keys(table).find(text) is not None
    assert "within a minute" in run_command(capsys, "keys", "revoke", "films", text.split(".")[1], "--yes")
    assert Keys(table).find(text) is None
    assert "films has no API keys." in run_command(capsys, "keys", "list", "films")
    assert "has no key" in run_command(capsys, "keys", "revoke", "films", text.split(".")[1], "--yes", status=1)


@pytest.mark.usefixtures("table")
def test_a_key_is_for_a_group_and_routes_that_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    unknown = run_command(capsys, "keys", "create", "music", "--name", "n", "--routes", "POST events", status=1)
    assert "The stack usher has no group music." in unknown
    assert "Routes: GET recommendations" in run_command(
        capsys, "keys", "create", "films", "--name", "n", "--routes", "events", status=1
    )


@pytest.mark.parametrize("days", ["-1", "367", "soon", "1.5", "9" * 20])
def test_a_former_secret_stays_for_a_year_at_most(days: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["keys", "rotate", "films", "k000000000", "--days", days])
    assert ended.value.code == 2
