"""An issuer of tokens in OpenID Connect: discovery, keys, and signed tokens."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

AUDIENCE = "shop"


def new_key(kid: str) -> RSAKey:
    """A key pair."""
    return RSAKey.generate_key(2048, {"kid": kid})


@dataclass
class Issuer:
    """Serves its keys at `url`, and signs tokens with the last one."""

    url: str = ""
    keys: list[RSAKey] = field(default_factory=lambda: [new_key("first")])
    paths: list[str] = field(default_factory=list)
    """The paths of the requests."""

    def token(self, subject: str = "anna", header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token that is valid for an hour, with other claims in place of these; None removes a claim."""
        now = int(time.time())
        every_claim = {"iss": self.url, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + 3600, **claims}
        content = {name: value for name, value in every_claim.items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": self.keys[-1].kid, **(header or {})}, content, self.keys[-1])


@contextmanager
def issuing() -> Iterator[Issuer]:
    """An issuer on a port of this machine."""
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.paths.append(self.path)
            pages = {
                "/.well-known/openid-configuration": {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"},
                "/keys": {"keys": [key.as_dict(private=False) for key in issuer.keys]},
            }
            self.send_response(200 if self.path in pages else 404)
            self.end_headers()
            self.wfile.write(json.dumps(pages.get(self.path)).encode())

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield issuer
        server.shutdown()
