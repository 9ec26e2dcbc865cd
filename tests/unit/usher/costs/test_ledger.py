"""The ledger of the groups' orders in the last 30 days."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from usher.costs.ledger import ITEM, Spending
from usher.storage.table import Table

from tests.unit.usher.world import TABLE, World

BEGUN = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def spending(world: World) -> Spending:
    return Spending(Table(world.dynamodb, TABLE), lambda: BEGUN)


def facts(spending: Spending) -> tuple[float, float, int]:
    past = spending.of("films")
    return past.ordered, past.standing, past.users


def on_day(spending: Spending, day: int) -> Spending:
    return replace(spending, clock=lambda: BEGUN + timedelta(days=day))


def test_a_group_has_ordered_nothing_at_first(spending: Spending) -> None:
    assert facts(spending) == (0, 0, 0)


def test_orders_add_up_for_each_group_separately(spending: Spending) -> None:
    spending.order("films", "run-1", 1.5, standing=144.1, users=943)
    spending.order("films", "export-1", 0.25)
    spending.order("shop", "run-1", 7)
    assert facts(spending) == (1.75, 144.1, 943)
    assert spending.of("shop").ordered == 7


def test_a_step_that_is_tried_again_orders_once(spending: Spending) -> None:
    for _ in range(3):
        spending.order("films", "run-1", 1.5, standing=144.1, users=943)
    assert spending.of("films").ordered == 1.5


def test_the_later_of_two_concurrent_orders_is_reported_with_both(spending: Spending) -> None:
    assert spending.order("films", "export-1", 3) == 0
    assert spending.order("films", "export-2", 4) == 3
    assert spending.order("films", "export-2", 4) == 3, "another try"


def test_a_refused_event_is_withdrawn_and_may_be_retried(spending: Spending) -> None:
    spending.order("films", "run-1", 1, standing=144.1, users=943)
    spending.order("films", "export-1", 3)
    spending.cancel("films", 3)
    assert facts(spending) == (1, 144.1, 943)
    assert spending.order("films", "export-1", 3) == 1


def test_after_30_days_it_counts_no_more(spending: Spending, world: World) -> None:
    for day in range(40):
        on_day(spending, day).order("films", f"run-{day}", 1)
    assert on_day(spending, 39).of("films").ordered == 31, "the day itself and 30 before it"
    assert on_day(spending, 80).of("films").ordered == 0
    assert sum(name.startswith("@") for name in item(world)) == 31


def test_live_resources_are_known_until_some_time_after_the_removal(spending: Spending, world: World) -> None:
    spending.order("films", "run-1", 1, standing=144.1, users=943)
    assert "expires" not in item(world), "whatever the time without a run"
    spending.expire("films")
    assert float(item(world)["expires"]) > (BEGUN + timedelta(days=59)).timestamp()
    spending.order("films", "run-2", 1, standing=0, users=0)
    assert "expires" not in item(world)


def item(world: World) -> dict[str, Any]:
    return Table(world.dynamodb, TABLE).get("films", ITEM)
