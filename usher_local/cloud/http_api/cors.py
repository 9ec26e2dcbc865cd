"""Cross-origin requests to an HTTP API, by the member `x-amazon-apigateway-cors` of its OpenAPI document.

API Gateway answers every OPTIONS request itself, before any authorizer, and replaces the integration's own headers.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

ANY = "*"


@dataclass(frozen=True, slots=True)
class Cors:
    """The origins whose pages may read an API's answers, and their allowed requests. Without origins, CORS is off."""

    origins: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age: int | None = None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        """The settings in an API's document."""
        given = body.get("x-amazon-apigateway-cors") or {}
        origins, methods, headers, exposed = (
            tuple(given.get(name, ())) for name in ("allowOrigins", "allowMethods", "allowHeaders", "exposeHeaders")
        )
        age = given.get("maxAge")
        return cls(origins, methods, headers, exposed, None if age is None else int(age))

    def allows(self, origin: str | None) -> bool:
        """Whether pages of an origin may read answers."""
        return origin is not None and bool({ANY, origin} & {*self.origins})

    def answer(self, origin: str | None) -> dict[str, str]:
        """The CORS headers of an answer to a page of an origin; empty if the page may not read it."""
        if not self.allows(origin):
            return {}
        exposed = {"Access-Control-Expose-Headers": ",".join(self.exposed)} if self.exposed else {}
        return {"Access-Control-Allow-Origin": ANY if ANY in self.origins else str(origin), **exposed}

    def preflight(self, origin: str | None) -> dict[str, str]:
        """The headers of the answer to a preflight."""
        if not (headers := self.answer(origin)):
            return {}
        headers.pop("Access-Control-Expose-Headers", None)
        allowed = {"Methods": self.methods, "Headers": self.headers}
        headers |= {f"Access-Control-Allow-{name}": ",".join(values) for name, values in allowed.items() if values}
        return headers if self.max_age is None else {**headers, "Access-Control-Max-Age": str(self.max_age)}
