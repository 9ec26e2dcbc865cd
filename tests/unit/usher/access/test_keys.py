"""API keys: made, found, rotated and revoked; the table contains no secret."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from usher.access.keys import ITEM, Keys
from usher.errors import UsherError
from usher.storage.table import Table

from tests.unit.usher.world import TABLE, World

NOW = datetime(2026, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def at(world: World) -> Callable[[timedelta], Keys]:
    """The keys after some time."""
    return lambda passed: Keys(Table(world.dynamodb, TABLE), lambda: NOW + passed)


@pytest.fixture
def keys(at: Callable[[timedelta], Keys]) -> Keys:
    return at(timedelta())


def test_a_key_is_found_with_its_group_and_routes(keys: Keys) -> None:
    text = keys.create("films", "mail tool", ["POST events"])
    found = keys.find(text)
    assert found
    assert (found.group, found.name, found.routes) == ("films", "mail tool", ("POST events",))
    assert [one.id for one in keys.of("films")] == [text.split(".")[1]]


def test_the_table_has_no_secret(keys: Keys) -> None:
    text = keys.create("films", "mail tool", ["POST events"])
    kept = json.dumps(keys.table.get("films", ITEM), default=str)
    assert text.split(".")[1] in kept
    assert text.split(".")[2] not in kept


def test_no_two_keys_have_a_salt_in_common(keys: Keys) -> None:
    for _ in range(3):
        keys.create("films", "same", ["POST events"])
    assert len({one["salt"] for key in keys.of("films") for one in key.hashes}) == 3


def changed(text: str) -> list[str]:
    group, key_id, secret = text.split(".")
    other = "b" if secret[0] == "a" else "a"
    return [
        f"music.{key_id}.{secret}", f"{group}.k000000000.{secret}", f"{group}.{key_id}.{other}{secret[1:]}",
        f"{group}.{key_id}.{secret[:-1]}", f"{group}.{key_id}.", f"{group}.{key_id}", secret, "", "..", f"{text}.",
        f" {text}", f"{text} ", f"{text}\n", f"{text},{text}", f"Bearer {text}", text.upper(),
        f"{group}.group.{secret}", f"{group}.item.keys", f"*.{key_id}.{secret}",
        "\ud800.k000000000.x", f"{group}.{key_id}.\ud800",
    ]  # fmt: skip


def test_only_the_key_opens(keys: Keys) -> None:
    text = keys.create("films", "mail tool", ["POST events"])
    assert [one for one in changed(text) if keys.find(one)] == []


@given(st.text(max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
def test_no_text_makes_the_search_fail(keys: Keys, text: str) -> None:
    assert keys.find(text) is None


def test_old_and_new_are_valid_for_a_while(at: Callable[[timedelta], Keys], keys: Keys) -> None:
    first = keys.create("films", "mail tool", ["POST events"])
    key_id = first.split(".")[1]
    second = keys.rotate("films", key_id, 2 * DAY)
    third = at(DAY).rotate("films", key_id, 7 * DAY)
    valid = {
        days: [text for text in (first, second, third) if at(timedelta(days=days)).find(text)] for days in (1, 2, 7, 8)
    }
    assert valid == {1: [first, second, third], 2: [second, third], 7: [second, third], 8: [third]}
    assert len({first, second, third}) == 3


def test_a_former_secret_can_end_at_once(keys: Keys) -> None:
    first = keys.create("films", "leaked", ["POST events"])
    second = keys.rotate("films", first.split(".")[1], timedelta())
    assert [bool(keys.find(text)) for text in (first, second)] == [False, True]


def test_a_revoked_key_opens_nothing_and_the_others_do(keys: Keys) -> None:
    gone, other = (keys.create("films", name, ["POST events"]) for name in ("gone", "other"))
    keys.revoke("films", gone.split(".")[1])
    assert [bool(keys.find(text)) for text in (gone, other)] == [False, True]
    with pytest.raises(UsherError, match="has no key"):
        keys.revoke("films", gone.split(".")[1])
    with pytest.raises(UsherError, match="has no key group"):
        keys.rotate("films", "group", DAY)


def test_a_groups_removal_takes_all_its_keys(keys: Keys) -> None:
    films, music = (keys.create(group, "mail tool", ["POST events"]) for group in ("films", "music"))
    keys.remove("films")
    assert [bool(keys.find(text)) for text in (films, music)] == [False, True]


def test_a_key_needs_routes_that_exist_and_a_name(keys: Keys) -> None:
    with pytest.raises(UsherError, match="There is no route POST event\\. Routes: GET recommendations"):
        keys.create("films", "mail tool", ["POST event"])
    with pytest.raises(UsherError, match="1 to 100"):
        keys.create("films", "", ["POST events"])


def test_a_group_has_a_limited_number_of_keys(keys: Keys) -> None:
    few = replace(keys, max_keys=2)
    for _ in range(2):
        few.create("films", "n", ["POST events"])
    with pytest.raises(UsherError, match=r"films has 2 keys.*Revoke one first"):
        few.create("films", "n", ["POST events"])


def test_a_concurrent_rotation_is_reported(keys: Keys) -> None:
    key_id = keys.create("films", "mail tool", ["POST events"]).split(".")[1]

    def somebody_else_rotates() -> datetime:
        keys.rotate("films", key_id, DAY)
        return NOW

    with pytest.raises(UsherError, match="Somebody else"):
        replace(keys, clock=somebody_else_rotates).rotate("films", key_id, DAY)
