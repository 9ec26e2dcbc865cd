"""Context that requests supply automatically: by their headers, and by their time. Pure.

CloudFront's headers are present if the API is behind a distribution that adds them:
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/adding-cloudfront-headers.html
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from dateutil.tz import gettz

ZONE = re.compile(r"[A-Za-z_]{1,30}(/[A-Za-z0-9_+-]{1,30}){0,2}")
"""A name of the time zone database, and never a file's path, which gettz would open."""
DEVICES = {
    "tv": re.compile(r"smart-?tv|appletv|googletv|hbbtv|\btv\b", re.I),
    "tablet": re.compile(r"ipad|tablet|kindle|android(?!.*mobile)", re.I),
    "phone": re.compile(r"mobi|iphone|ipod|android", re.I),
    "desktop": re.compile(r"^(mozilla|opera)/", re.I),
}
"""The parts of a User-Agent that identify each device. A server's or CloudFront's own matches none."""
VIEWERS = {"smarttv": "tv", "tablet": "tablet", "mobile": "phone", "desktop": "desktop"}
"""Usher's name for a device, by CloudFront's."""
Headers = Mapping[str, str]


def context_of(wanted: Mapping[str, str], headers: Headers, time: datetime) -> dict[str, str]:
    """The value of each context field that the request supplies. `wanted`: one of SOURCES, by field."""
    lower = {name.lower(): value for name, value in headers.items()}
    values = {name: SOURCES[source](lower, time) for name, source in wanted.items()}
    return {name: value for name, value in values.items() if value}


def _device(headers: Headers, _: datetime) -> str:
    for viewer, device in VIEWERS.items():
        if headers.get(f"cloudfront-is-{viewer}-viewer") == "true":
            return device
    agent = headers.get("user-agent", "")
    return next((name for name, pattern in DEVICES.items() if pattern.search(agent)), "")


def _country(headers: Headers, _: datetime) -> str:
    country = headers.get("cloudfront-viewer-country", "")
    return country if re.fullmatch("[A-Z]{2}", country) else ""


def _local(headers: Headers, time: datetime) -> datetime:
    """The user's local time; UTC if the location is unknown."""
    name = headers.get("x-time-zone") or headers.get("cloudfront-viewer-time-zone") or ""
    return time.astimezone(gettz(name)) if ZONE.fullmatch(name) and gettz(name) else time


SOURCES: Mapping[str, Callable[[Headers, datetime], str]] = {
    "device": _device,
    "hour": lambda headers, time: str(_local(headers, time).hour),
    "weekday": lambda headers, time: _local(headers, time).strftime("%A"),
    "country": _country,
}
"""The values that a request can supply."""
