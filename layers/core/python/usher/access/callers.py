"""The rights of a caller of the HTTP API, from the authorizer's result. Pure.

The payload of an HTTP API has `requestContext.authorizer` with one member: `iam` (a signature), `jwt` (a token's
claims) or `lambda` (the answer of the function `authorize` about a key).
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from usher.errors import RequestError
from usher.routes import ROUTES_BY_KEY, short_name

SCOPE = "usher/all"
"""The scope of a token that may act for every user."""
USERS = frozenset({"userId", "userIds"})
"""The members of requests that name users, at any depth."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The users, groups and routes that a request may name."""

    user: str | None = None
    """The only user; None: any."""
    group: str | None = None
    """The only group; None: any."""
    routes: frozenset[str] | None = None
    """The only routes, by their short names; None: any."""
    key: str = ""
    """The ID of the key that was sent."""
    per_minute: int | None = None
    """The most requests of the key in a minute; None: no limit but the API's."""

    def check_route(self, route_key: str, group: str | None) -> None:
        """Raise RequestError (403) unless the route may be called. `group`: of the path; None where it has none."""
        name, route = short_name(route_key), ROUTES_BY_KEY.get(route_key)
        if self.group is not None and "{group}" in route_key and group != self.group:
            raise forbidden("This key is for another group.")
        if self.routes is not None and (route is None or name not in self.routes):
            raise forbidden(f"This key is not for {name}; it is for {', '.join(sorted(self.routes))}.")
        if self.user is not None and (route is None or route.needs_scope):
            raise forbidden(f"{name} needs a token with the scope {SCOPE}.")

    def check_users(self, content: object) -> None:
        """Raise RequestError (403) if a request's options or body name a user other than the caller's."""
        if self.user is not None and any(one != self.user for one in users_in(content)):
            raise forbidden(f"This token is only for its own user; another user needs the scope {SCOPE}.")

    def with_own_user(self, route_key: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """The body with the token's user filled in, where the route takes a user and the body names none."""
        if self.user is None or not ROUTES_BY_KEY[route_key].is_of_caller or content.get("userId") is not None:
            return dict(content)
        return {**content, "userId": self.user}


def caller_of(authorizer: Mapping[str, Any] | None, user_claim: str = "sub") -> Caller:
    """The caller of a request. `user_claim`: the claim of a token that holds the user's ID.

    Raises RequestError (403) if the authorizer's result has no known form.
    """
    match authorizer:
        case {"iam": Mapping()}:  # the caller's IAM policy has decided
            return Caller()
        case {"jwt": {"claims": Mapping() as claims}}:
            if SCOPE in scopes(claims):
                return Caller()
            if user := claims.get(user_claim):
                return Caller(user=str(user))
            raise forbidden(f"The token has no claim {user_claim[:99]}, which would name its user.")
        case {"lambda": {"group": str(group), "routes": list(routes), **limit}}:
            caller = Caller(group=group, routes=frozenset(map(str, routes)))
            match limit:
                case {"key": str(key), "perMinute": int(per_minute)}:
                    return replace(caller, key=key, per_minute=per_minute)
            return caller
    raise forbidden("The request names no caller.")


def scopes(claims: Mapping[str, Any]) -> set[str]:
    """A token's scopes: its claim `scope`, or `scp` of some issuers. An HTTP API turns a list into the text `[one
    two]`.
    """
    return {name for claim in ("scope", "scp") for name in re.split(r"[\s,]+", str(claims.get(claim, "")).strip("[]"))}


def users_in(content: object) -> Iterator[object]:
    """Every user ID in options or a body, at any depth; numbers become texts, as requests may write IDs as numbers."""
    if isinstance(content, Mapping):
        for name, value in content.items():
            yield from _ids(value) if name in USERS else users_in(value)
    elif isinstance(content, list):
        for part in content:
            yield from users_in(part)


def _ids(value: object) -> Iterable[object]:
    if value is None:  # null names no user
        return []
    if isinstance(value, list):
        return [one for part in value for one in _ids(part)]
    return [str(value) if isinstance(value, int) and not isinstance(value, bool) else value]


def forbidden(message: str) -> RequestError:
    """A RequestError with status 403."""
    return RequestError(403, "Forbidden", message)
