"""The usage of groups, by the service's own figures."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from usher.aws import client, now
from usher.config.model import Solution
from usher.costs.calculation import NO_DATA, Size
from usher.costs.ledger import Spending
from usher.costs.metering import Meter, Span, spans, uses_of_span
from usher.costs.months import Month, Use
from usher.costs.traffic import WINDOW, advice, traffic
from usher.prices import PRICES
from usher.resources.billed import Billed
from usher.storage.table import Table

from tests.unit.usher.world import ARN_PREFIX, TABLE, World, interactions

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SIMS = {"recipeArn": "arn:aws:personalize:::recipe/aws-similar-items"}
V2 = {"recipeArn": "arn:aws:personalize:::recipe/aws-user-personalization-v2"}


def campaign(solution: dict[str, Any], tps: int = 1, created: datetime = NOON - 30 * WINDOW) -> Billed:
    members = {"status": "ACTIVE", "minProvisionedTPS": tps, "creationDateTime": created}
    return Billed("campaign", "arn:campaign/c", members, solution)


def use_of(one: Billed, requests: dict[datetime, float], span: Span, **facts: Any) -> dict[str, Any]:
    trained = facts.get("trained", {})
    return uses_of_span([one], {one.arn: trained}, {one.arn: requests}, facts.get("size", NO_DATA), 0, {}, span)


def test_an_hour_of_a_campaign_costs_its_provisioned_requests_or_those_that_came() -> None:
    span, busy = Span(NOON, NOON + HOUR), {NOON: 4600.0, NOON + HOUR: 1e6}
    idle = use_of(campaign(SIMS), {}, span)
    assert idle["campaigns"].dollars == pytest.approx(3.6 * PRICES["requestThousand"])
    assert "requests" not in idle
    used = use_of(campaign(SIMS), busy, span)
    assert used["campaigns"] == idle["campaigns"]
    assert (used["requests"].amount, used["requests"].dollars) == (4600, pytest.approx(PRICES["requestThousand"]))


def test_the_cost_of_an_idle_v2_campaign_is_unknown_and_never_reported_as_known() -> None:
    span = Span(NOON, NOON + HOUR)
    idle = use_of(campaign(V2, 2), {}, span)["campaigns"]
    assert (idle.amount, idle.dollars, idle.at_most) == (2, 0, pytest.approx(7.2 * PRICES["requestThousandV2"]))
    used = use_of(campaign(V2, 2), {NOON: 10_000}, span)
    assert used["requests"].dollars == used["requests"].at_most == pytest.approx(10 * PRICES["requestThousandV2"])
    assert used["campaigns"].at_most == 0


def test_a_campaign_counts_from_its_creation_on_and_not_while_it_has_failed() -> None:
    half = use_of(campaign(SIMS, created=NOON + HOUR / 2), {}, Span(NOON, NOON + HOUR))
    assert half["campaigns"].amount == 0.5
    failed = campaign(SIMS)
    assert (
        use_of(replace(failed, members={**failed.members, "status": "CREATE FAILED"}), {}, Span(NOON, NOON + HOUR))
        == {}
    )


def test_trainings_cost_the_hours_or_the_interactions_that_the_service_bills() -> None:
    span, size = Span(NOON, NOON + HOUR), Size({}, 500_000, 10, {}, {})
    v1 = use_of(Billed("solution", "s", SIMS, SIMS), {}, span, trained=[{"trainingHours": 4.2}], size=size)
    assert (v1["training"].amount, v1["training"].dollars) == (4.2, pytest.approx(4.2 * PRICES["trainingHour"]))
    v2 = use_of(Billed("solution", "s", V2, V2), {}, span, trained=[{"trainingHours": 4.2}], size=size)
    assert (v2["trainingV2"].amount, v2["trainingV2"].dollars) == (pytest.approx(500_000), pytest.approx(1))


@given(st.lists(st.integers(1, 2000), max_size=20), st.integers(0, 800))
@example([24], 0)  # at the end of a month
def test_each_hour_counts_once_however_often_it_is_measured(gaps: list[int], born: int) -> None:
    """Also over the ends of months."""
    begin = datetime(2026, 1, 31, tzinfo=UTC)
    one, by_month, at = (
        campaign(SIMS, created=begin + born * HOUR),
        {"2026-01": Month("2026-01", measured_at=begin)},
        begin,
    )
    hours = 0.0
    for gap in gaps:
        at += min(gap, 600) * HOUR  # never more than a month
        present, former = f"{at:%Y-%m}", f"{at.replace(day=1, hour=0) - HOUR:%Y-%m}"
        for month, span in spans(by_month.get(former, Month(former)), by_month.get(present, Month(present)), at):
            by_month[month.name] = replace(month, measured_at=span.until)
            hours += use_of(one, {}, span).get("campaigns", Use()).amount
    assert hours == pytest.approx(max(0.0, (at - begin) / HOUR - born))


def test_a_campaign_without_requests_for_two_weeks_is_reported_with_its_price() -> None:
    one = campaign(SIMS)
    notice = advice(one, "campaign/c", "usher.yaml: solutions.c.campaign", traffic(one, {}, NOON))
    assert notice
    assert notice.message == "campaign/c has had no request in 14 days, and costs $144.12 a month."
    assert not advice(one, "campaign/c", "", traffic(one, {NOON - WINDOW: 1}, NOON)), "one request is enough"
    young = campaign(SIMS, created=NOON - WINDOW + HOUR)
    assert not advice(young, "campaign/c", "", traffic(young, {}, NOON)), "nothing is known of it yet"
    v2 = campaign(V2)
    notice = advice(v2, "campaign/c", "", traffic(v2, {}, NOON))
    assert notice
    assert "at most $388.80 a month" in notice.message


@given(st.floats(0.001, 60 * 3600), st.integers(1, 50))
def test_the_recommended_capacity_suffices_for_the_busiest_hour_and_saves_money(busiest: float, tps: int) -> None:
    one = campaign(SIMS, tps)
    notice = advice(one, "campaign/c", "", traffic(one, {NOON - HOUR: busiest}, NOON))
    if notice:
        advised = int(notice.remedy.partition(": ")[2].partition(";")[0])
        assert max(1, busiest / 3600) <= advised < tps
    else:
        assert tps == 1 or busiest / 3600 > tps - 1


def test_a_group_is_measured_by_the_services_figures(world: World) -> None:
    world.put("films/interactions.csv", interactions())
    states = world.settle(world.plan(Solution("top", "aws-popularity-count", campaign={"minProvisionedTPS": 2})))
    arn = states["campaign/top"].arn
    spending, at = Spending(Table(world.dynamodb, TABLE), now), now() + 3 * HOUR
    client("cloudwatch").put_metric_data(
        Namespace="AWS/Personalize",
        MetricData=[
            {
                "MetricName": "GetRecommendations",
                "Dimensions": [{"Name": "CampaignArn", "Value": arn}],
                "Value": 9000,
                "Unit": "Count",
                "Timestamp": now() + HOUR,
            }
        ],
    )
    meter = Meter(world.inventory, client("cloudwatch"), spending, world.bucket)
    month = meter.measure("films", f"{ARN_PREFIX}:dataset-group/films", at)
    hours = (at.replace(minute=0, second=0, microsecond=0) - now()) / HOUR
    assert month.uses["campaigns"].amount == pytest.approx(2 * hours, abs=0.1)
    assert month.uses["requests"].amount == 9000
    assert month.uses["training"].amount == pytest.approx(
        world.personalize.describe_solution_version(solutionVersionArn=states["solution_version/top"].arn)[
            "solutionVersion"
        ]["trainingHours"]
    )
    assert month.uses["storage"].amount > 0
    assert spending.of("films").traffic[arn]["busiestHour"] == 9000
    assert Meter(world.inventory, client("cloudwatch"), spending, world.bucket).measure(
        "films", f"{ARN_PREFIX}:dataset-group/films", at
    ) == month, "measured again within the hour"  # fmt: skip
