"""The answer to an unsupported operation: an error in the protocol of the request, at once."""

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from werkzeug.wrappers import Response

log = logging.getLogger(__name__)
CODE = "NotImplemented"
FORM = "application/x-www-form-urlencoded"
"""The content type of requests in AWS's query protocol, whose answers are XML."""


def refusal(environ: Mapping[str, Any], what: object) -> Response:
    """An error after which clients do not retry."""
    message = f"The local cloud does not have this operation: {what}"
    log.warning("%s", message)
    if environ.get("CONTENT_TYPE", "").startswith(FORM):
        error = f"<Error><Type>Sender</Type><Code>{CODE}</Code><Message>{message}</Message></Error>"
        return Response(f"<ErrorResponse>{error}</ErrorResponse>", HTTPStatus.NOT_IMPLEMENTED, mimetype="text/xml")
    body = json.dumps({"__type": CODE, "message": message})
    return Response(body, HTTPStatus.NOT_IMPLEMENTED, {"x-amzn-ErrorType": CODE}, mimetype="application/json")
