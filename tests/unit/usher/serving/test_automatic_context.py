"""The automatic context of requests."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.config.keys import CONTEXT_SOURCES
from usher.routes import ROUTES
from usher.serving.automatic_context import SOURCES, ZONE, context_of
from usher.serving.requests import read_request

from tests.unit.usher.serving.test_serving_map import LIVE

NIGHT = datetime(2026, 1, 4, 23, 30, tzinfo=UTC)  # a Sunday


def test_the_config_determines_the_available_details() -> None:
    assert set(CONTEXT_SOURCES) == SOURCES.keys()


@pytest.mark.parametrize(
    ("headers", "hour", "weekday"),
    [
        ({}, "23", "Sunday"),
        ({"X-Time-Zone": "Asia/Tokyo"}, "8", "Monday"),
        ({"CloudFront-Viewer-Time-Zone": "America/New_York"}, "18", "Sunday"),
        ({"x-time-zone": "Europe/Berlin", "CloudFront-Viewer-Time-Zone": "America/New_York"}, "0", "Monday"),
        ({"x-time-zone": "Nowhere/Land"}, "23", "Sunday"),
        ({"x-time-zone": "../../etc/passwd"}, "23", "Sunday"),
        ({"x-time-zone": "/etc/localtime"}, "23", "Sunday"),
    ],
)
def test_hour_and_weekday_are_those_of_the_users_time_zone(headers: dict[str, str], hour: str, weekday: str) -> None:
    assert context_of({"H": "hour", "W": "weekday"}, headers, NIGHT) == {"H": hour, "W": weekday}


@pytest.mark.parametrize(
    ("headers", "device"),
    [
        ({"user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148"}, "phone"),
        ({"user-agent": "Mozilla/5.0 (Linux; Android 14; Pixel 8) Mobile Safari/537.36"}, "phone"),
        ({"user-agent": "Mozilla/5.0 (Linux; Android 13; SM-X200) Safari/537.36"}, "tablet"),
        ({"user-agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"}, "desktop"),
        ({"user-agent": "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0)"}, "tv"),
        ({"user-agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15"}, "desktop"),
        ({"user-agent": "Opera/9.80 (Windows NT 6.1) Presto/2.12"}, "desktop"),
        ({"user-agent": "Amazon CloudFront", "CloudFront-Is-Tablet-Viewer": "true"}, "tablet"),
    ],
)
def test_the_device_follows_from_the_user_agent_or_cloudfront(headers: dict[str, str], device: str) -> None:
    assert context_of({"DEVICE": "device"}, headers, NIGHT) == {"DEVICE": device}


@pytest.mark.parametrize("agent", ["Amazon CloudFront", "python-requests/2.32", "curl/8.5.0", "okhttp/4.12", "Shop/7"])
def test_a_server_that_asks_for_a_user_is_not_the_users_device(agent: str) -> None:
    assert context_of({"DEVICE": "device"}, {"user-agent": agent}, NIGHT) == {}


@given(st.from_regex(ZONE, fullmatch=True))
def test_any_time_zone_ends_in_an_hour(zone: str) -> None:
    assert 0 <= int(context_of({"H": "hour"}, {"x-time-zone": zone}, NIGHT)["H"]) < 24


def test_context_without_a_header_is_left_out() -> None:
    assert context_of({"D": "device", "C": "country"}, {"CloudFront-Viewer-Country": "x" * 2000}, NIGHT) == {}
    assert context_of({"C": "country"}, {"CloudFront-Viewer-Country": "DE"}, NIGHT) == {"C": "DE"}


def test_explicit_context_of_a_request_takes_precedence() -> None:
    options = {"userId": "u", "context": {"DEVICE": "fridge"}}
    route = ROUTES["recommendations"]
    request = read_request("films", LIVE, route, options, {"DEVICE": "phone", "HOUR": "5"})
    assert request.call["context"] == {"DEVICE": "fridge", "HOUR": "5"}


def test_actions_have_no_context() -> None:
    request = read_request("films", {"solutions": {}, "filters": {}}, ROUTES["actions"], {"userId": "u"}, {"HOUR": "5"})
    assert "context" not in request.members
