"""Verification of the AWS Signature Version 4 of an HTTP request, with botocore's own signers.

The signature is in the Authorization header or in the query of a pre-signed URL.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html

Not supported and refused: SigV4A, S3's signed chunks (`STREAMING-AWS4-HMAC-SHA256-PAYLOAD`), S3's POST policies.
"""

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from hashlib import sha256
from urllib.parse import parse_qsl, urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from werkzeug.wrappers import Request

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>\w+)/(?P<date>\d{8})/(?P<region>[\w-]+)/(?P<service>[\w.-]+)/aws4_request, ?"
    r"SignedHeaders=(?P<headers>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})",
    re.ASCII,
)
CONTENT_HASH = "x-amz-content-sha256"
UNSIGNED_PAYLOADS = ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
"""The values that S3, and no other service, accepts instead of the body's hash."""
ALLOWED_SKEW, S3_ALLOWED_SKEW = timedelta(minutes=5), timedelta(minutes=15)
MAX_EXPIRES_SECONDS = 7 * 24 * 3600


class Reason(Enum):
    """The reason why a signature is refused; services have codes of their own for each."""

    UNSIGNED = auto()
    UNKNOWN_KEY = auto()
    WRONG_TOKEN = auto()
    SKEWED = auto()
    EXPIRED = auto()
    MISMATCH = auto()


class SignatureError(Exception):
    """The request has no valid signature. `service` is the service that it was signed for, "" if unknown."""

    def __init__(self, reason: Reason, message: str, service: str = "") -> None:
        super().__init__(message)
        self.reason, self.service = reason, service


@dataclass(frozen=True, slots=True)
class Received:
    """A received request: the URL with path and query still encoded, and headers by their names in lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Callable[[], bytes]

    @classmethod
    def of(cls, request: Request) -> "Received":
        """A request that Werkzeug's server received."""
        raw = request.environ["RAW_URI"]
        url = raw if urlsplit(raw).scheme else f"http://{request.host}{raw}"
        headers = {name.lower(): value for name, value in request.headers.items()}
        return cls(request.method, url, headers, request.get_data)


@dataclass(frozen=True, slots=True)
class Signature:
    """The parts of a request's signature; `authorization` is its header, or that header's form of a pre-signed URL."""

    authorization: str
    stamp: str
    token: str
    expires: str | None
    """The lifetime of a pre-signed URL in seconds; None for a header."""


@dataclass(frozen=True, slots=True)
class Signer:
    """The signer of a request: access key, ARN, and the Authorization header as in `Signature`."""

    access_key: str
    arn: str
    authorization: str


def check(
    request: Received, find: Callable[[str], tuple[Credentials, str] | None], now: datetime, service: str | None = None
) -> Signer:
    """The signer of a request (for `service`, if that is given). SignatureError says what is wrong.

    `find` returns the credentials and the holder of an access key. The body is only read if the headers lack its hash,
    or after their signature is verified.
    """
    signature = signature_in(request)
    match = AUTHORIZATION.fullmatch(signature.authorization)
    if match is None or service not in (None, match["service"]):
        raise SignatureError(Reason.UNSIGNED, f"no signature for {service or 'AWS'}")

    def refused(reason: Reason, message: str) -> SignatureError:
        return SignatureError(reason, message, match["service"])

    found = find(match["key"])
    if found is None:
        raise refused(Reason.UNKNOWN_KEY, "the access key is unknown")
    credentials, holder = found
    if not hmac.compare_digest(signature.token.encode(), (credentials.token or "").encode()):
        raise refused(Reason.WRONG_TOKEN, "wrong session token")
    if wrong := untimely(signature, match, now):
        raise refused(wrong, "the signature's time is too far from now")
    names = match["headers"].split(";")
    unsigned = {name for name in request.headers if name.startswith("x-amz-")} - set(names)
    if "host" not in names or unsigned or not all(name in request.headers for name in names):
        raise refused(Reason.MISMATCH, "a required header is not signed, or a signed header is missing")
    s3 = match["service"] == "s3"
    declared = request.headers.get(CONTENT_HASH, UNSIGNED_PAYLOADS[0] if s3 and signature.expires is not None else "")
    if s3 and not declared:
        raise refused(Reason.MISMATCH, f"no {CONTENT_HASH}")
    body = b"" if declared else request.body()
    if not hmac.compare_digest(expected(request, signature, match, credentials, body), match["signature"]):
        raise refused(Reason.MISMATCH, "the signature does not match")
    open_body = s3 and declared in UNSIGNED_PAYLOADS
    if declared and not open_body and sha256(request.body()).hexdigest() != declared:
        raise refused(Reason.MISMATCH, "the body differs from the signed one")
    return Signer(match["key"], holder, signature.authorization)


def signature_in(request: Received) -> Signature:
    """The signature in a request's header or query."""
    query = dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))
    if "X-Amz-Signature" not in query:
        header, stamp, token = (
            request.headers.get(name, "") for name in ("authorization", "x-amz-date", "x-amz-security-token")
        )
        return Signature(header, stamp, token, None)
    if "authorization" in request.headers:
        raise SignatureError(Reason.UNSIGNED, "the request has two signatures, in the header and in the query")
    algorithm, credential, signed, signature, stamp, token, expires = (
        query.get(f"X-Amz-{name}", "")
        for name in ("Algorithm", "Credential", "SignedHeaders", "Signature", "Date", "Security-Token", "Expires")
    )
    header = f"{algorithm} Credential={credential}, SignedHeaders={signed}, Signature={signature}"
    return Signature(header, stamp, token, expires)


def untimely(signature: Signature, match: re.Match[str], now: datetime) -> Reason | None:
    """The reason why a signature is not valid now, or None."""
    skew = S3_ALLOWED_SKEW if match["service"] == "s3" else ALLOWED_SKEW
    try:
        signed = datetime.strptime(signature.stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        life = timedelta(seconds=int(signature.expires)) if signature.expires is not None else skew
    except (ValueError, OverflowError):
        return Reason.MISMATCH
    if not signature.stamp.startswith(match["date"]) or not 0 < life.total_seconds() <= MAX_EXPIRES_SECONDS:
        return Reason.MISMATCH
    if signed - now > skew:
        return Reason.SKEWED
    if now - signed > life:
        return Reason.EXPIRED if signature.expires is not None else Reason.SKEWED
    return None


def expected(
    request: Received, signature: Signature, match: re.Match[str], credentials: Credentials, body: bytes
) -> str:
    """The signature that the holder of the credentials would have made."""
    in_query, in_header = (S3SigV4QueryAuth, S3SigV4Auth) if match["service"] == "s3" else (SigV4QueryAuth, SigV4Auth)
    url, question, query = request.url.partition("?")
    kept = [pair for pair in query.split("&") if not pair.startswith("X-Amz-Signature=")]
    headers = {name: request.headers[name] for name in match["headers"].split(";")}
    made = AWSRequest(request.method, f"{url}{question}{'&'.join(kept)}", headers, body)
    made.context["timestamp"] = signature.stamp
    signer = (in_header if signature.expires is None else in_query)(credentials, match["service"], match["region"])
    digest: str = signer.signature(signer.string_to_sign(made, signer.canonical_request(made)), made)
    return digest
