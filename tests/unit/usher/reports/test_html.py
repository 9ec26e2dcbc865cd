"""Usher's HTML pages: their restrictions for browsers, for any texts in them."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from usher.reports.evaluation_page import render_evaluation_page
from usher.reports.run_page import render_run_page

from tests.unit.usher.reports import test_evaluation_page, test_run_page

HOSTILE = [
    "<script>alert(1)</script>",
    "</style></title></svg><script>alert(1)</script>",
    "\"' onload=alert(1) style=color:red x='",
    "javascript:alert(1)",
    '<img src="https://example.com/x"><base href="//example.com/"><meta http-equiv=refresh content=0>',
    "<!--<script>",
    "]]><svg/onload=alert(1)>",
    "\u2028\u2029\u202eevil\u2066\x00",
]
PAGES = {
    "run": lambda text: render_run_page(test_run_page.record(text)),
    "evaluation": lambda text: render_evaluation_page(test_evaluation_page.whole(text)),
    "begun": lambda text: render_run_page(test_run_page.BEGUN | {"group": text}),
    "empty evaluation": lambda text: render_evaluation_page(test_evaluation_page.empty(text)),
}


class Elements(HTMLParser):
    """Records every element with its attributes, and the contents of the style sheets."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.styles: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found[-1][0] == "style":
            self.styles.append(data)

    def metas(self, key: str) -> dict[str | None, str | None]:
        return {one[key]: one["content"] for tag, one in self.found if tag == "meta" and key in one}


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", PAGES)
def test_a_browser_takes_nothing_but_the_pages_own_style_sheet(name: str, text: str) -> None:
    read = Elements(PAGES[name](text))
    (style,) = read.styles
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert read.metas("http-equiv") == {"Content-Security-Policy": policy}
    assert read.metas("name")["referrer"] == "no-referrer"
    tags = [tag for tag, _ in read.found]
    assert tags.index("style") > tags.index("meta")
    assert not {"script", "img", "a", "link", "base", "iframe", "object", "embed", "form", "use", "image"} & {*tags}
    attributes = {attribute for _, given in read.found for attribute in given}
    assert not {one for one in attributes if one.startswith("on") or one in {"style", "href", "src", "xlink:href"}}
    assert not re.search(r"url\(|@import|@font-face", style)
