"""The answer to an operation that the local cloud does not have: an error in the protocol of the request, at once."""

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import flask
from moto.moto_server import werkzeug_app
from werkzeug.wrappers import Response

log = logging.getLogger(__name__)
CODE = "NotImplemented"
FORM = "application/x-www-form-urlencoded"
"""The content type of requests in AWS's query protocol, whose answers are XML."""


def service_app(service: str | None) -> Any:
    """The WSGI application of one of moto's services. None: of a service that moto does not have."""
    if service is None:
        return lambda environ, start_response: _refusal(environ, "its service")(environ, start_response)
    app: Any = werkzeug_app.create_backend_app(service)
    app.register_error_handler(NotImplementedError, lambda error: _refusal(flask.request.environ, error))
    return app


def _refusal(environ: Mapping[str, Any], what: object) -> Response:
    """An error that clients do not repeat their request after."""
    message = f"The local cloud does not have this operation: {what}"
    log.warning("%s", message)
    if environ.get("CONTENT_TYPE", "").startswith(FORM):
        error = f"<Error><Type>Sender</Type><Code>{CODE}</Code><Message>{message}</Message></Error>"
        return Response(f"<ErrorResponse>{error}</ErrorResponse>", HTTPStatus.NOT_IMPLEMENTED, mimetype="text/xml")
    body = json.dumps({"__type": CODE, "message": message})
    return Response(body, HTTPStatus.NOT_IMPLEMENTED, {"x-amzn-ErrorType": CODE}, mimetype="application/json")
