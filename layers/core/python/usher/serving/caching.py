"""Cache headers of an answer (RFC 9111), and 304 for a caller that has it already (RFC 9110, If-None-Match). Pure."""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

OF_A_USER = "private, no-cache"
"""Only the caller may keep it, and must revalidate it each time."""
OF_NOBODY = "private, max-age=60"
"""The caller may keep the answer, which is the same for all users. No shared cache may, as callers are authorized."""
NOT_KEPT = "no-store"
VARYING = "Authorization, Origin, X-Api-Key"
"""The headers that an answer depends on. API Gateway puts the page's origin into an answer (CORS), so pages of other
origins must not get it from the cache.
"""


def cached(answer: dict[str, Any], method: str, headers: Mapping[str, str], *, for_all: bool) -> dict[str, Any]:
    """A function's answer with Cache-Control and, if it may be kept, ETag; 304 without a body if the caller has the
    same.
    """
    if method != "GET" or answer["statusCode"] != 200:
        return {**answer, "headers": {**answer["headers"], "Cache-Control": NOT_KEPT}}
    tag = f'"{sha256(answer["body"].encode()).hexdigest()[:32]}"'
    kept = {"Cache-Control": OF_NOBODY if for_all else OF_A_USER, "ETag": tag, "Vary": VARYING}
    known = next((value for name, value in headers.items() if name.lower() == "if-none-match"), "")
    if tag in re.findall('"[^"]*"', known):
        return {"statusCode": 304, "headers": kept, "body": "", "isBase64Encoded": False}
    return {**answer, "headers": {**answer["headers"], **kept}}
