"""Check the AWS Signature Version 4 of a received HTTP request, with botocore's own signer."""

import hmac
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, ?"
    r"SignedHeaders=(?P<headers>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
ALLOWED_SKEW = timedelta(minutes=5)


class SignatureError(Exception):
    """The request is not signed, or not by whom it says."""


def check(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    find: Callable[[str], tuple[Credentials, str] | None],
    now: datetime,
) -> tuple[str, str]:
    """Access key and ARN of who signed a request for `execute-api`; SignatureError says what is wrong.

    `url` as received (path and query still encoded); `headers` with names in lower case; `find` tells credentials and
    holder of an access key.
    """
    match = AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if match is None or match["service"] != "execute-api":
        raise SignatureError("no signature for execute-api")
    found = find(match["key"])
    if found is None:
        raise SignatureError(f"unknown access key {match['key']}")
    credentials, holder = found
    stamp = headers.get("x-amz-date", "")
    if not stamp.startswith(match["date"]) or abs(now - time_of(stamp)) > ALLOWED_SKEW:
        raise SignatureError("the signature is not from now")
    if credentials.token != headers.get("x-amz-security-token"):
        raise SignatureError("wrong session token")
    if headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD") not in ("UNSIGNED-PAYLOAD", sha256(body).hexdigest()):
        raise SignatureError("the body is not the one that was signed")
    signed = match["headers"].split(";")
    if "host" not in signed or not all(name in headers for name in signed):
        raise SignatureError("a signed header is missing")
    request = AWSRequest(method, url, {name: headers[name] for name in signed}, body)
    request.context["timestamp"] = stamp
    signer = SigV4Auth(credentials, match["service"], match["region"])
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    if not hmac.compare_digest(expected, match["signature"]):
        raise SignatureError("the signature does not match")
    return match["key"], holder


def time_of(stamp: str) -> datetime:
    """An `X-Amz-Date`; SignatureError where it is none."""
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise SignatureError("no X-Amz-Date") from error
