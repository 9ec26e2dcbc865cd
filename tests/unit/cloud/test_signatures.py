from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from local.cloud.signatures import SignatureError, check

HOLDER = "arn:aws:iam::123456789012:user/somebody"
USER = Credentials("AKIAUSER", "secret")
SESSION = Credentials("ASIASESSION", "other secret", "token")
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def find(key: str) -> tuple[Credentials, str] | None:
    return next(((one, HOLDER) for one in (USER, SESSION) if one.access_key == key), None)


def signed(
    method: str = "POST",
    url: str = "http://127.0.0.1:3000/a",
    body: bytes = b"{}",
    by: Credentials = USER,
    **extra: str,
) -> dict[str, Any]:
    """The arguments of `check` for a request that botocore signed."""
    request = AWSRequest(method, url, headers=extra, data=body)
    SigV4Auth(by, "execute-api", "eu-west-1").add_auth(request)
    headers = {name.lower(): value for name, value in request.headers.items()} | {"host": url.split("/")[2]}
    return {"method": method, "url": url, "headers": headers, "body": body, "find": find, "now": datetime.now(UTC)}


@given(st.lists(texts, max_size=3), st.dictionaries(texts, texts, max_size=3), st.binary(max_size=50))
def test_what_botocore_signs_is_accepted(path: list[str], query: dict[str, str], body: bytes) -> None:
    url = f"http://127.0.0.1:3000/{'/'.join(quote(part, safe='') for part in path)}"
    url += f"?{urlencode(query)}" if query else ""
    assert check(**signed(url=url, body=body)) == ("AKIAUSER", HOLDER)


def test_a_session_signs_with_its_token() -> None:
    assert check(**signed(by=SESSION)) == ("ASIASESSION", HOLDER)


def without(name: str) -> Any:
    return lambda given: given["headers"].pop(name)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda given: given.update(body=b"{ }"),
        lambda given: given.update(method="GET"),
        lambda given: given.update(url=given["url"] + "b"),
        lambda given: given.update(url=given["url"] + "?a=1"),
        lambda given: given.update(now=given["now"] + timedelta(minutes=6)),
        lambda given: given["headers"].update({"host": "elsewhere"}),
        lambda given: given["headers"].update({"x-amz-date": "yesterday"}),
        lambda given: given["headers"].update({"x-amz-content-sha256": "0" * 64}),
        lambda given: given["headers"].update({"x-amz-security-token": "token"}),
        lambda given: given["headers"].update({"authorization": "Bearer x"}),
        without("authorization"),
        without("x-amz-date"),
        without("host"),
    ],
)
def test_an_altered_request_is_refused(spoil: Any) -> None:
    given = signed()
    spoil(given)
    with pytest.raises(SignatureError):
        check(**given)


@pytest.mark.parametrize(
    "by",
    [Credentials("AKIANOBODY", "secret"), Credentials("AKIAUSER", "guessed"), Credentials("ASIASESSION", "secret")],
)
def test_a_stranger_is_refused(by: Credentials) -> None:
    with pytest.raises(SignatureError):
        check(**signed(by=by))
