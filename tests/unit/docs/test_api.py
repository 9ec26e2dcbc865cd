"""The OpenAPI document follows from the tables of routes and errors. tests/unit/fuzz tests the API against it."""

from usher.serving.api_pages import DOCUMENT

from tests.unit.stack.files import SENT_ROUTES
from usher_cli.api_document import api_document, as_text


def test_the_document_is_current() -> None:
    assert DOCUMENT.read_text() == as_text(), "Run python -m usher_cli.api_document"


def test_the_document_has_every_route_of_the_template() -> None:
    documented = {f"{method.upper()} {path}" for path, methods in api_document()["paths"].items() for method in methods}
    assert documented == set().union(*SENT_ROUTES.values())
