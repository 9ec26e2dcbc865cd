"""The WSGI applications of moto's services, without Flask, whose contexts and signals took a seventh of a request.

The addresses and their functions are those of moto's own applications (5.2.5). The CORS headers that moto's own add to
every answer are left out.
"""

from typing import Any

from botocore.exceptions import ClientError
from flask import Response
from moto.core.request import Request
from moto.moto_server import werkzeug_app
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import HTTPException

from usher_local.cloud.services.unknown_operations import refusal

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
"""The content types of bodies that are always parsed."""


class Received(Request):  # type: ignore[misc]
    """A request whose whole body is in memory (`io.BytesIO`), so that it need not be read from a stream."""

    def __init__(self, environ: dict[str, Any]) -> None:
        super().__init__(environ)
        if not environ.get("CONTENT_TYPE", "").startswith(FORMS) and "HTTP_CONTENT_ENCODING" not in environ:
            none = ImmutableMultiDict[str, Any]()
            self.__dict__ |= {"_cached_data": environ["wsgi.input"].getvalue(), "form": none, "files": none}


class _Served(Received):
    from_wsgi_server = True


def service_app(service: Any) -> Any:
    """The WSGI application of a service, by moto's name; None: of a service that moto does not have."""
    if service is None:
        return lambda environ, start_response: refusal(environ, "its service")(environ, start_response)
    made = werkzeug_app.create_backend_app(service)

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        try:
            endpoint, _ = made.url_map.bind_to_environ(environ).match()
            response = _answer(made.view_functions[endpoint].callback, _Served(environ))
        except NotImplementedError as error:
            response = refusal(environ, error)
        except HTTPException as error:
            response = error.get_response(environ)
        return response(environ, start_response)

    return app


def _answer(answer: Any, request: Request) -> Any:
    try:
        result = answer(request, request.raw_url, dict(request.headers))
    except ClientError as error:
        result = 400, {}, error.response["Error"]["Message"]
    status, headers, content = result if len(result) == 3 else (200, {}, result)
    response = Response(content, status, headers)
    if request.method == "HEAD" and "content-length" in headers:
        response.headers["Content-Length"] = headers["content-length"]  # the object's, which is not sent
    return response
