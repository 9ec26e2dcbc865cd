"""The API's description: its OpenAPI document, and a page that shows it.

The page is self-contained, so that it can be saved and opened: a browser can't sign requests. Its program is Swagger
UI, which Powertools includes.
"""

import gzip
from pathlib import Path

import aws_lambda_powertools
from aws_lambda_powertools.event_handler import Response

DOCUMENT = Path(__file__).with_name("openapi.json")
"""The document, written by `python -m usher_cli.api_document`."""
ASSETS = Path(aws_lambda_powertools.__file__).parent / "event_handler" / "openapi" / "swagger_ui"
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'"
PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Usher's API</title><style>{style}</style></head>
<body><div id="api"></div>
<script>{program}</script>
<script>SwaggerUIBundle({{dom_id: "#api", deepLinking: true, spec: {document}}});</script>
</body>
</html>
"""


def document() -> Response[str]:
    """The OpenAPI document."""
    return Response(200, content_type="application/json", body=DOCUMENT.read_text())


def page() -> Response[bytes]:
    """The page, compressed: every browser takes gzip, and curl does with --compressed."""
    html = PAGE.format(
        style=(ASSETS / "swagger-ui.min.css").read_text(),
        program=(ASSETS / "swagger-ui-bundle.min.js").read_text(),
        document=DOCUMENT.read_text().replace("</", "<\\/"),
    )
    headers: dict[str, str | list[str]] = {"Content-Encoding": "gzip", "Content-Security-Policy": POLICY}
    return Response(
        200, content_type="text/html; charset=utf-8", body=gzip.compress(html.encode(), mtime=0), headers=headers
    )
