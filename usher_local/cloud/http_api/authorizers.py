"""The authorizers of an HTTP API: by a token (JWT authorizer) or by a function (Lambda authorizer).

SAM CLI's local API (1.170.0) does not check tokens, and calls its functions again for each request.

Not supported: Lambda authorizers that answer with a policy; the check of the issuer during the deployment.
"""

import json
import logging
import re
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

log = logging.getLogger(__name__)

ALGORITHMS = ["RS256", "RS384", "RS512"]
"""API Gateway supports RSA algorithms only."""
ISSUER_SECONDS = 1.5
"""The seconds for which API Gateway waits for an issuer."""
KEYS_SECONDS = 7200.0
"""The seconds for which API Gateway caches the issuer's keys."""
LOCAL = {"127.0.0.1", "localhost"}
SCHEME = "x-amazon-apigateway-authorizer"


class RefusedError(Exception):
    """API Gateway refuses a request; the message is for the log."""

    def __init__(self, status: HTTPStatus, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.headers = status, dict(headers or {})


@dataclass(frozen=True, slots=True)
class AuthorizerRequest:
    """The parts of a request for an authorizer. `variables`: the values of `$context`."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    variables: Mapping[str, Any]
    event: Callable[[], dict[str, Any]]
    """Returns the event of the route's function."""

    def source(self, expression: str) -> str:
        """The value of an identity source; "" if the request lacks it."""
        kind, _, name = expression.removeprefix("$").removeprefix("request.").partition(".")
        known: Mapping[str, Mapping[str, Any]] = {
            "header": {key.lower(): value for key, value in self.headers.items()},
            "querystring": self.query,
            "context": self.variables,
        }
        return str(known.get(kind, {}).get(name.lower() if kind == "header" else name) or "")


class Authorizer(Protocol):
    """Authenticates and authorizes callers."""

    def admit(self, request: AuthorizerRequest, scopes: Sequence[str]) -> dict[str, Any]:
        """The event's `requestContext.authorizer`. RefusedError if the caller lacks the permission or the route's
        `scopes`."""


def authorizers(body: Mapping[str, Any], ask: "Ask") -> dict[str, Authorizer]:
    """The authorizers of an API's OpenAPI document, by name; `ask` invokes a function."""
    schemes = body.get("components", {}).get("securitySchemes", {})
    return {name: _authorizer(scheme[SCHEME], ask) for name, scheme in schemes.items() if SCHEME in scheme}


def required(body: Mapping[str, Any], name: str) -> Iterator[tuple[str, str, list[str]]]:
    """Method, path and scopes of every operation that requires a security scheme."""
    for path, methods in body.get("paths", {}).items():
        for method, operation in methods.items():
            for requirement in operation.get("security", ()):
                if name in requirement:
                    yield method.upper(), path, requirement[name]


Ask = Callable[[str, str, str], tuple[str, bool]]
"""Invokes a function (an ARN) with an event and a role or "". Returns the answer, and whether it is an error."""


def _authorizer(given: Mapping[str, Any], ask: Ask) -> Authorizer:
    source = given.get("identitySource", [])
    sources = tuple(source if isinstance(source, list) else source.split(","))
    if given["type"] == "jwt":
        configuration = given["jwtConfiguration"]
        return TokenAuthorizer(configuration["issuer"], tuple(configuration["audience"]), *sources)
    if given.get("authorizerPayloadFormatVersion") != "2.0" or not given.get("enableSimpleResponses"):
        raise ValueError("the local cloud supports only Lambda authorizers with format 2.0 and simple responses")
    function = given["authorizerUri"].partition("/functions/")[2].removesuffix("/invocations")
    ttl = float(given.get("authorizerResultTtlInSeconds") or 0)
    return FunctionAuthorizer(function, given.get("authorizerCredentials", ""), sources, ttl, ask)


@dataclass(slots=True)
class TokenAuthorizer:
    """A JWT authorizer. Thread-safe.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
    """

    issuer: str
    audience: tuple[str, ...]
    source: str = "$request.header.Authorization"
    now: Callable[[], float] = time.time
    _keys: dict[str, Any] = field(default_factory=dict)
    _read: float = 0.0

    def admit(self, request: AuthorizerRequest, scopes: Sequence[str]) -> dict[str, Any]:
        """The token's claims, as text."""
        text = request.source(self.source)
        if not text:
            raise RefusedError(HTTPStatus.UNAUTHORIZED, "no token", {"WWW-Authenticate": "Bearer"})
        claims = self._claims(re.sub(r"^Bearer\s+", "", text, flags=re.IGNORECASE))
        held = _texts(claims.get("scope", claims.get("scp")))
        if scopes and not held & {*scopes}:
            raise RefusedError(HTTPStatus.FORBIDDEN, "the token lacks the route's scopes")
        return {
            "jwt": {"claims": {name: _text(value) for name, value in claims.items()}, "scopes": list(scopes) or None}
        }

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            claims = jwt.decode(token, self._key, ALGORITHMS).claims
        except OSError:
            raise _invalid("OIDC discovery endpoint communication error") from None
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise _invalid(f"signature or form: {type(error).__name__}") from None
        now = self.now()
        if claims.get("iss") != self.issuer:
            raise _invalid("the token has another issuer")
        if not _texts(claims.get("aud", claims.get("client_id"))) & {*self.audience}:
            raise _invalid("the token does not have a valid audience")
        expires, *begun = (_seconds(claims, name, now) for name in ("exp", "nbf", "iat"))
        if "exp" not in claims or expires <= now:
            raise _invalid("the token has expired")
        if any(one > now for one in begun):
            raise _invalid("the token is not valid yet")
        return claims

    def _key(self, obj: Any) -> Any:
        """The issuer's key that signed a token; its header must name the key."""
        key_id = obj.headers()["kid"]
        if key_id not in self._keys or self.now() - self._read > KEYS_SECONDS:
            found = _fetch(_fetch(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")["jwks_uri"])
            self._keys = {key.kid: key for key in KeySet.import_key_set({"keys": found["keys"]}).keys if key.kid}
            self._read = self.now()
        return self._keys[key_id]


def _fetch(url: str) -> Any:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOCAL):
        raise OSError(f"{url} is neither https nor on this machine")
    with urllib.request.urlopen(url, timeout=ISSUER_SECONDS) as answer:  # noqa: S310 - checked above
        return json.load(answer)


def _invalid(reason: str) -> RefusedError:
    challenge = f'Bearer scope="" error="invalid_token" error_description="{reason}"'
    return RefusedError(HTTPStatus.UNAUTHORIZED, reason, {"WWW-Authenticate": challenge})


def _seconds(claims: Mapping[str, Any], name: str, now: float) -> float:
    value = claims.get(name, now)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _invalid(f"{name} is not a number")
    return value


def _texts(value: Any) -> set[str]:
    return {*value.split()} if isinstance(value, str) else {str(one) for one in value or ()}


def _text(value: Any) -> str:
    """A claim in the form of an HTTP API's event: text, with a list as `[one two]`."""
    if isinstance(value, list):
        return f"[{' '.join(map(_text, value))}]"
    return value if isinstance(value, str) else json.dumps(value)


@dataclass(slots=True)
class FunctionAuthorizer:
    """A Lambda authorizer. Thread-safe.

    API Gateway caches an answer for all routes by the values of the identity sources alone. If a function's decision
    depends on more, such as `$context.routeKey`, the sources must include it.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
    """

    function: str
    role: str
    sources: tuple[str, ...]
    seconds: float
    """The seconds for which an answer is cached; 0: no cache."""
    ask: Ask
    now: Callable[[], float] = time.monotonic
    _kept: dict[tuple[str, ...], tuple[float, Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def admit(self, request: AuthorizerRequest, scopes: Sequence[str]) -> dict[str, Any]:  # noqa: ARG002 - scopes are of tokens
        """The context in the function's answer."""
        values = tuple(request.source(source) for source in self.sources)
        if not all(values):
            raise RefusedError(HTTPStatus.UNAUTHORIZED, "an identity source is missing")
        with self._lock:
            ends, answer = self._kept.get(values, (0.0, None))
        if answer is None or ends <= self.now():
            answer = self._answer(request, values)
            if self.seconds and values:
                with self._lock:
                    self._kept[values] = self.now() + self.seconds, answer
        if not answer["isAuthorized"]:
            raise RefusedError(HTTPStatus.FORBIDDEN, "the authorizer denied the request")
        return {"lambda": answer.get("context") or {}}

    def _answer(self, request: AuthorizerRequest, values: Sequence[str]) -> dict[str, Any]:
        event = {name: value for name, value in request.event().items() if name not in ("body", "isBase64Encoded")}
        about = {"type": "REQUEST", "routeArn": request.variables.get("routeArn"), "identitySource": list(values)}
        text, errored = self.ask(self.function, json.dumps({**event, **about}), self.role)
        try:
            answer = None if errored else json.loads(text)
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or not isinstance(answer.get("isAuthorized"), bool):
            raise RefusedError(
                HTTPStatus.INTERNAL_SERVER_ERROR, "the authorizer failed, or answered neither true nor false"
            )
        return answer
