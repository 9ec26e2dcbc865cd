"""The usage of groups in a month, from the ledger."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from usher.config.model import Budget
from usher.costs.budgets import budget_notes, budget_text, month_record
from usher.costs.ceilings import AboveCeilingError, Ceilings, Estimate
from usher.costs.ledger import Past, Spending
from usher.costs.months import Month, Months, Use, priced_use
from usher.run_record import MonthlyCost
from usher.storage.table import Table

from tests.unit.usher.world import TABLE, World

BEGUN = datetime(2026, 11, 21, tzinfo=UTC)
SERVING: MonthlyCost = {
    "id": "campaign/c", "arn": "c", "what": "serving", "desired": True, "dollars": 144.0, "atMost": 144.0
}  # fmt: skip


@pytest.fixture
def months(world: World) -> Months:
    return Months(Table(world.dynamodb, TABLE), lambda: BEGUN)


def test_uses_add_up_each_with_its_amount_and_its_price(months: Months) -> None:
    first = months.of("films")
    assert months.measure(
        "films", first, BEGUN, {"campaigns": Use(1, 0, 0.54), "requests": priced_use(10, 0.5)}, 99, "d"
    )
    again = months.of("films")
    assert months.measure("films", again, BEGUN + timedelta(hours=1), {"campaigns": Use(2, 0, 1)}, 99, "d")
    months.order("films", "run-1", {"batch": priced_use(60, 0.01)})
    month = months.of("films")
    assert month.uses == {
        "campaigns": Use(3, 0, 1.54),
        "requests": priced_use(10, 0.5),
        "batch": priced_use(60, 0.01),
    }
    assert (month.dollars, month.at_most) == pytest.approx((0.51, 2.05))
    assert (month.measured_at, month.size, month.sized_on) == (BEGUN + timedelta(hours=1), 99, "d")
    assert not months.of("shop").uses


def test_two_measurements_of_the_same_hours_count_once(months: Months) -> None:
    for expected in (True, False):
        assert months.measure("films", Month("2026-11"), BEGUN, {"training": priced_use(1, 0.24)}, 0, "") is expected
    assert months.of("films").uses == {"training": priced_use(1, 0.24)}


def test_an_order_that_is_repeated_counts_once(months: Months) -> None:
    for run in ("run-1", "run-1", "run-2"):
        months.order("films", run, {"imports": priced_use(1, 0.05)})
    assert months.of("films").uses == {"imports": priced_use(2, 0.1)}


def test_months_are_kept_apart_and_expire(months: Months, world: World) -> None:
    months.order("films", "run-1", {"imports": priced_use(1, 0.05)})
    december = replace(months, clock=lambda: datetime(2026, 12, 1, tzinfo=UTC))
    assert not december.of("films").uses
    assert december.of("films", "2026-11").uses
    expires = Table(world.dynamodb, TABLE).get("films", "month#2026-11")["expires"]
    assert datetime.fromtimestamp(int(expires), UTC) == datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=400)


def test_unmeasured_orders_count_as_spent() -> None:
    month = Month("2026-11", {"campaigns": priced_use(10, 5), "imports": priced_use(1, 0.5)})
    assert month.spent(ordered=0) == 5.5
    assert month.spent(ordered=20.5) == 25.5, "20 of it are trainings at work"
    assert replace(month, uses={**month.uses, "training": priced_use(9, 30)}).spent(ordered=20.5) == 35.5


def test_the_forecast_adds_live_and_repeated_costs_until_the_end_of_the_month() -> None:
    budget = Budget(100)
    past = Past(month=Month("2026-11", {"campaigns": priced_use(1, 60)}), budget=budget)
    record = month_record(past, [SERVING], BEGUN)
    assert record["spent"] == 60
    assert record["forecast"] == pytest.approx(60 + 10 / 30 * 144)
    (note,) = budget_notes("films", record)
    assert note.message == "is $100.00; 2026-11 will cost about $108.00."
    (near,) = budget_notes("films", {**record, "spent": 80})
    assert near.message == "$80.00 of $100.00 are spent in 2026-11."
    assert not list(budget_notes("films", {**record, "forecast": 99}))


def test_people_are_notified_of_the_stop_and_its_end() -> None:
    past = Past(month=Month("2026-12", {"campaigns": priced_use(1, 250)}), budget=Budget(300))
    assert "has spent $250.00 of its budget of $300.00 in 2026-12. At $300.00, nothing" in budget_text("films", past)
    spent = replace(past, budget=Budget(250))
    assert "Until 2027-01-01, nothing more is imported, trained or exported; serving" in budget_text("films", spent)


def test_a_budget_stops_resources_that_would_exceed_it_and_none_that_is_free() -> None:
    estimate = Estimate({"solution_version/s": 20}, spent=285, budget=Budget(300))
    (problem,) = Ceilings().check_estimate("films", estimate)
    assert (problem.place, problem.message) == (
        "films/: budget",
        "allows $300.00 a month. $285.00 are spent, and this would add about $20.00.",
    )
    assert "monthly: 305" in problem.remedy
    assert not Ceilings().check_estimate("films", replace(estimate, budget=Budget(305))), "the remedy, followed, works"
    assert not Ceilings().check_estimate("films", replace(estimate, run={"filter/f": 0})), "a rollback is free"
    serving = replace(estimate, run={}, more_serving=20)
    assert Ceilings().check_estimate("films", serving), "a new campaign is new spending, too"
    assert Ceilings().check_estimate("films", replace(estimate, budget=Budget(600, stop_at=0.5)))


def test_orders_that_each_fit_a_budget_are_refused_once_they_do_not_fit_together(world: World) -> None:
    spending = Spending(Table(world.dynamodb, TABLE), lambda: BEGUN)
    spending.note_settings("films", Budget(100), {})
    estimate = Estimate.without_resources(spending.of("films"), {"films/: exports.s": 60}, {"batch": priced_use(9, 60)})
    Ceilings().order(spending, "films", "export-1", estimate)
    Ceilings().order(spending, "films", "export-1", estimate)
    with pytest.raises(AboveCeilingError):
        Ceilings().order(spending, "films", "export-2", estimate)
    past = spending.of("films")
    assert (past.spent, past.ordered_in_month) == (60, 60)
    assert past.month.uses == {"batch": priced_use(9, 60)}


def test_people_are_notified_once_of_each_share(months: Months) -> None:
    assert [months.mark_notified("films", "2026-11", share) for share in (0.8, 0.8, 1.0, 0.8)] == [
        True,
        False,
        True,
        False,
    ]
    assert months.of("films").notified == 1
