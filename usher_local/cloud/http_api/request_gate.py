"""The access control of the local cloud's ports.

`local_only` is for every port. A web page can send requests to this machine, so it refuses requests of pages: the
browser names the page's origin or site (https://www.w3.org/TR/fetch-metadata/), and after DNS rebinding another host.
AWS would answer a page that signs; this is stricter. An HTTP API answers the pages that its CORS settings name.
`signed_only` is for AWS's port, which refuses unsigned requests.

The host is `127.0.0.1` or `localhost`, so the path contains S3's buckets. boto3 puts them there for every custom
endpoint, and so do the aws CLI and SAM CLI.
"""

import io
import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from botocore.credentials import Credentials
from moto.core.request import Request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from usher_local.cloud.access.sigv4 import CONTENT_HASH, Reason, Received, SignatureError, check
from usher_local.cloud.http_api.cors import Cors

log = logging.getLogger(__name__)

Application = Callable[[dict[str, Any], Any], Any]
Find = Callable[[str], tuple[Credentials, str] | None]

HOSTS = ("127.0.0.1", "localhost")
MAX_UNVERIFIED_BYTES = 70_167_211
"""The bytes of a request that are read before its signature is verified: Lambda's limit for an archive in a request."""

# By protocol: S3's; query; JSON. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html,
# https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html,
# https://docs.aws.amazon.com/personalize/latest/dg/CommonErrors.html
CODES = {
    Reason.UNSIGNED: ("AccessDenied", "MissingAuthenticationToken", "MissingAuthenticationTokenException"),
    Reason.UNKNOWN_KEY: ("InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException"),
    Reason.WRONG_TOKEN: ("InvalidToken", "InvalidClientTokenId", "UnrecognizedClientException"),
    Reason.SKEWED: ("RequestTimeTooSkewed", "SignatureDoesNotMatch", "InvalidSignatureException"),
    Reason.EXPIRED: ("AccessDenied", "SignatureDoesNotMatch", "InvalidSignatureException"),
    Reason.MISMATCH: ("SignatureDoesNotMatch", "SignatureDoesNotMatch", "InvalidSignatureException"),
}


def local_only(app: Application, port: int, cors: Callable[[], Cors] = Cors) -> Application:
    """An application that answers programs of this machine, and of web pages only those that `cors` names."""
    hosts = {f"{host}:{port}" for host in HOSTS}

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        if wrong := foreign(environ, hosts, cors()):
            log.warning("%s %.200r refused: %.200s", environ["REQUEST_METHOD"], environ["PATH_INFO"], wrong)
            return Response("Forbidden\n", HTTPStatus.FORBIDDEN)(environ, start_response)
        return app(environ, start_response)

    return answer


def foreign(environ: Mapping[str, Any], hosts: set[str], cors: Cors) -> str:
    """The evidence that a request is not from a program of this machine, or ""."""
    if (host := environ.get("HTTP_HOST", "")) not in hosts:
        return f"Host is {host!r}, not {' or '.join(sorted(hosts))}"
    if cors.allows(environ.get("HTTP_ORIGIN")):
        return ""
    if "HTTP_ORIGIN" in environ:
        return f"a web page of {environ['HTTP_ORIGIN']!r} sent it"
    # "none" is an address that a person typed into the browser, such as a pre-signed URL.
    if (site := environ.get("HTTP_SEC_FETCH_SITE", "none")) != "none":
        return f"a web page sent it (Sec-Fetch-Site: {site!r})"
    return ""


def signed_only(app: Application, find: Find) -> Application:
    """An application that answers only signers with a key that `find` knows; others get their protocol's error."""

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        request.max_content_length = None if CONTENT_HASH in request.headers else MAX_UNVERIFIED_BYTES
        received = Received.of(request)
        try:
            signer = check(received, find, datetime.now(UTC))
            body = request.get_data()
        except SignatureError as error:
            log.warning("%s %.200r refused: %s", request.method, request.path, error)
            return refusal(received.headers, error)(environ, start_response)
        except HTTPException as error:  # too large, or incomplete
            return error(environ, start_response)
        environ["HTTP_AUTHORIZATION"] = signer.authorization  # moto reads the signer only there
        environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        return app(environ, start_response)

    return answer


def refusal(headers: Mapping[str, str], error: SignatureError) -> Response:
    """AWS's answer to a wrong signature, in the protocol of the request."""
    s3, query, plain = CODES[error.reason]
    if error.service != "s3" and headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        error_xml = f"<Error><Type>Sender</Type><Code>{query}</Code><Message>{error}</Message></Error>"
        return Response(f"<ErrorResponse>{error_xml}</ErrorResponse>", HTTPStatus.FORBIDDEN, mimetype="text/xml")
    if error.service not in ("", "s3") or "x-amz-target" in headers:
        body = json.dumps({"__type": plain, "message": str(error)})
        return Response(body, HTTPStatus.FORBIDDEN, {"x-amzn-ErrorType": plain}, mimetype="application/json")
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{s3}</Code><Message>{error}</Message></Error>'
    return Response(body, HTTPStatus.FORBIDDEN, mimetype="application/xml")
