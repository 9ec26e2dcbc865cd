"""Views of typed documents: every text from outside is escaped, and nothing important is left out."""

from datetime import UTC, datetime
from typing import Any

import pytest
from usher.resources.quota_use import QuotaUse

from usher_cli.doctor.examination import Result
from usher_cli.stack_views.events import Rate, Refusal
from usher_cli.ui import actions, groups, health, report, run, traffic

END = datetime(2026, 11, 27, 12, 0, 30, tzinfo=UTC)


def rate(metric: str, code: str = "", *minutes: tuple[str, float]) -> Rate:
    return {"group": "films", "metric": metric, "code": code, "minutes": list(minutes)}


def test_the_chart_of_events_has_a_point_for_each_minute() -> None:
    found = [
        rate("EventsAccepted", "", ("2026-11-27T11:30:00+00:00", 3.0), ("2026-11-27T11:59:00+00:00", 1.0)),
        rate("EventRequestsRefused", "BadEvent", ("2026-11-27T11:45:00+00:00", 2.0)),
        rate("EventsRefused", "", ("2026-11-27T11:45:00+00:00", 5.0)),
    ]
    svg = traffic.chart(found, 1, END)
    assert "accepted" in svg
    assert "refused" in svg
    assert "7" in svg, "what is refused by the API and by Personalize counts together"
    page = traffic.of_rates(found)
    assert "BadEvent" in page
    assert "requests refused by the API" in page


def test_reasons_of_refusals_are_escaped() -> None:
    assert "&lt;script&gt;" in traffic.of_refusals([Refusal("<script>", 2)])


@pytest.mark.parametrize(("used", "look"), [(5, "bad"), (4, "warn"), (3, "dim")])
def test_a_quota_that_is_nearly_full_is_marked(used: int, look: str) -> None:
    page = health.of_quotas([QuotaUse("films", "campaign", used, 5)])
    assert f'<span class="{look}">{used} of 5</span>' in page


def test_an_active_alarm_shows_its_reason_and_remedy() -> None:
    alarm: Any = {
        "name": "EventLost",
        "state": "ALARM",
        "since": END.isoformat(),
        "reason": "1 > 0",
        "means": "Read it",
    }
    page = health.of_alarms([alarm | {"silent": True}])
    assert all(one in page for one in ("EventLost", "1 &gt; 0", "Read it. Its actions are disabled"))
    assert groups.alarms_on([alarm, alarm | {"state": "OK"}]) == [alarm]


def test_a_group_without_a_run_names_the_files_that_start_one() -> None:
    page = groups.of_groups([{"group": "films", "last": None, "atWork": [], "live": []}])
    assert "films/interactions.csv" in page


def test_a_plan_shows_its_problems_sentences_and_resources() -> None:
    row: Any = {"id": "campaign/popular", "action": "update", "minutes": 15.0, "cost": None, "reason": "It differs."}
    problem: Any = {"place": "films/", "message": "has no room.", "remedy": "Ask for more."}
    plan: Any = {"sentences": ["It takes 15 minutes."], "rows": [row], "problems": [problem], "isWork": True}
    page = "".join(actions.shown(plan))
    for one in ("films/: has no room. Ask for more.", "It takes 15 minutes.", "campaign/popular", "not known"):
        assert one in page


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (59.9, "1 min"),
        (3599, "1 h 0 min"),
        (3600, "1 h 0 min"),
        (9000, "2 h 30 min"),
    ],
)
def test_durations_are_shown_in_plain_words(seconds: float, text: str) -> None:
    assert report.duration(seconds) == text


def test_links_keep_any_name_in_its_place() -> None:
    assert report.link("<b>", "a/b", "run", id="x&y") == '<a href="/a%2Fb/run?id=x%26y">&lt;b&gt;</a>'


@pytest.mark.parametrize(
    "time", ["2026-11-27T12:07:37.1+00:00", "2026-11-27T13:07:37+01:00", "2026-11-27T07:07:37-05:00"]
)
def test_times_are_utc_wherever_they_come_from(time: str) -> None:
    assert ">2026-11-27 12:07<" in report.minute(time)
    assert report.minute("") == ""


def test_an_examination_has_the_problems_first() -> None:
    found = [Result("stack", "ok", "It is complete."), Result("clock", "problem", "It is <late>.", "Set it.")]
    page = health.of_results(found)
    assert page.index("clock") < page.index("stack")
    assert "It is &lt;late&gt;." in page
    assert "Set it." in page


def test_the_log_of_a_run_leaves_out_members_that_no_line_has() -> None:
    line: Any = {"at": "2026-11-27T12:00:01.000+00:00", "group": "films", "run": "r", "action": "create"}
    page = run.of_log([line | {"resource": "campaign/popular"}, line])
    assert "12:00:01" in page
    assert "campaign/popular" in page
    assert "Status" not in page
