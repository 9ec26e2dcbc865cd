"""Direct requests from the clients of this process to moto, without signatures and without HTTP.

A request has the same method, address, headers and body, and names its caller. The local cloud as a server tests the
effects of signatures and of the network.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, lru_cache
from io import BytesIO
from typing import Any
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

from botocore import parsers
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.regions import EndpointRulesetResolver
from botocore.signers import RequestSigner
from moto import backend_index, backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.exceptions import HTTPException
from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)

from usher_local.cloud.core.patching import replaced
from usher_local.cloud.services.applications import Received

IGNORED = ("Key", "Prefix", "CopySource")
"""Parameters in S3's endpoint rules that no rule reads."""


@contextmanager
def in_process() -> Iterator[None]:
    """Send the block's requests directly."""
    with ExitStack() as stack:
        for owner, name, value in (
            (RequestSigner, "sign", _naming_the_caller(RequestSigner.sign)),
            (BotocoreStubber, "process_request", _answering(BotocoreStubber.process_request)),
            (EndpointRulesetResolver, "construct_endpoint", _kept(EndpointRulesetResolver.construct_endpoint)),
            # A clock that stands still has few different times.
            (parsers, "DEFAULT_TIMESTAMP_PARSER", lru_cache(4096)(parsers.DEFAULT_TIMESTAMP_PARSER)),
        ):
            stack.enter_context(replaced(owner, name, value))
        yield


def _naming_the_caller(stock: Any) -> Any:
    """Name the caller in a header instead of a signature; presigned URLs are signed as usual."""

    def sign(signer: Any, operation: str, request: AWSRequest, *arguments: Any, **named: Any) -> None:
        credentials = signer._credentials
        if arguments or named or not credentials:
            stock(signer, operation, request, *arguments, **named)
            return
        signing = request.context.get("signing", {})
        region, name = signing.get("region", signer.region_name), signing.get("signing_name", signer.signing_name)
        scope = f"{credentials.access_key}/20000101/{region}/{name}/aws4_request"
        request.headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"
        if "X-Amz-Trailer" in request.headers:
            request.headers["X-Amz-Content-SHA256"] = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

    return sign


def _kept(stock: Any) -> Any:
    """Cache the address of an operation, which is the same for all objects of a bucket and items of a table."""

    def construct_endpoint(resolver: Any, operation_model: Any, call_args: Any, request_context: Any) -> Any:
        given = operation_model, call_args, request_context
        if operation_model.operation_context_parameters:
            return stock(resolver, *given)
        named = (
            call_args.get(one.member_name) for one in operation_model.context_parameters if one.name not in IGNORED
        )
        place = (operation_model.name, request_context.get("use_global_endpoint"), *named)
        kept = resolver._instance_cache
        if place not in kept:
            kept[place] = stock(resolver, *given)
        return kept[place]

    return construct_endpoint


def _answering(stock: Any) -> Any:
    """Return moto's status, headers and body for a request."""

    def answer(stubber: BotocoreStubber, request: AWSPreparedRequest) -> Any:
        url = urlsplit(request.url)
        route = _route(f"{url.scheme}://{url.netloc}", url.path)
        if route is None:
            return stock(stubber, request)
        received = _received(request, url)
        try:
            return route(received, request.url, received.headers)
        except HTTPException as error:
            return error.code, error.get_headers(), error.get_body()

    return answer


@lru_cache(4096)
def _route(host: str, path: str) -> Callable[..., Any] | None:
    """moto's handler for an address, or None."""
    return next((answer for pattern, answer in _routes(host) if pattern.match(f"{host}{path}")), None)


@cache
def _routes(host: str) -> list[tuple[re.Pattern[str], Callable[..., Any]]]:
    service = next((service for service, pattern in backend_index.backend_url_patterns if pattern.match(host)), None)
    if service is None:
        return []
    there = backends.get_backend(service)
    backend = there[DEFAULT_ACCOUNT_ID]
    regional = backend["us-east-1"] if "us-east-1" in backend else backend["aws"]
    return [(re.compile(pattern), answer) for pattern, answer in regional.urls.items()]


def _received(request: AWSPreparedRequest, url: SplitResult) -> Received:
    """A request in the form in which moto receives it from a server."""
    body: Any = request.body or b""
    body = body.read() if hasattr(body, "read") else body
    body = body.encode() if isinstance(body, str) else body
    raw = f"{url.path}?{url.query}" if url.query else url.path
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(url.path).decode("latin-1"),
        "QUERY_STRING": url.query,
        "RAW_URI": raw,
        "SERVER_NAME": url.hostname,
        "SERVER_PORT": str(url.port or 443),
        "HTTP_HOST": url.netloc,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
    }
    preserved = {}
    for name, value in request.headers.items():
        key = environ_key_for_header(name)
        if key not in ("CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"):
            environ[key] = value.decode() if isinstance(value, bytes) else value
            if should_preserve_original_header_name(name):
                preserved[key] = name
    environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = preserved
    return Received(environ)
