"""Context that requests give by themselves: in their headers, and by the time at which they come. Pure.

CloudFront's headers are there if the API stands behind a distribution that adds them:
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
"""By device, what its User-Agent has. A server's or CloudFront's own is of no device."""
VIEWERS = {"smarttv": "tv", "tablet": "tablet", "mobile": "phone", "desktop": "desktop"}
"""By CloudFront's word for a device, ours."""
Headers = Mapping[str, str]


def context_of(wanted: Mapping[str, str], headers: Headers, time: datetime) -> dict[str, str]:
    """By name of a field, its value; without those that nothing gives. `wanted`: by name, one of SOURCES."""
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
    """The time where the user is; in UTC if it is unknown where."""
    name = headers.get("x-time-zone") or headers.get("cloudfront-viewer-time-zone") or ""
    return time.astimezone(gettz(name)) if ZONE.fullmatch(name) and gettz(name) else time


SOURCES: Mapping[str, Callable[[Headers, datetime], str]] = {
    "device": _device,
    "hour": lambda headers, time: str(_local(headers, time).hour),
    "weekday": lambda headers, time: _local(headers, time).strftime("%A"),
    "country": _country,
}
"""What a request can give."""
