"""The client for browsers, in a browser, on a live group: a guest visits, logs in, and is recognised."""

import json
import os
import queue
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from tests.integration.conftest import ROOT, Site, interactions, items

BROWSER = shutil.which("chromium")
SECONDS = 120
WATCHED = ["i20", "i21", "i22"]
CONFIG = """
solutions:
  for-you: {recipe: aws-user-personalization-v2}
filters:
  seen: EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")
"""
START = """
import { usher } from "/usher.js";
const settings = SETTINGS;
const refused = [];
const shop = usher({ ...settings, onError: (error) => refused.push(error), wait: 50 });
const ids = (answer) => answer.itemList.map((one) => one.itemId);
const post = (report) => fetch("/done", { method: "POST", body: JSON.stringify({ ...report, refused }) });
const kept = () => JSON.parse(localStorage.getItem("usher." + settings.group));
"""
GUEST = """
const first = await shop.recommend({ numResults: 40 });
for (const item of WATCHED) shop.track("watch", item);
const queued = kept().queue;
await shop.flush();
const after = ids(await shop.recommend({ numResults: 40, filter: "seen" }));
shop.track("watch", "i23");  // the page ends before its batch is sent
await post({ guest: shop.guestId(), first, queued, left: kept().queue.length, after });
location.href = "/user";
"""
USER = """
const left = kept().queue.length;
await shop.login("anna");
const user = ids(await shop.recommend({ numResults: 40, filter: "seen" }));
await post({ guest: shop.guestId(), left, user, waiting: kept().queue.length });
"""
SECOND = """
const before = ids(await shop.recommend({ numResults: 40, filter: "seen" }));
let zone;
window.fetch = ((fetch) => (url, request) => {
  zone = request?.headers?.["x-time-zone"] ?? zone;
  return request?.method === "POST" && String(url).endsWith("/events") && settings.down-- > 0
    ? Promise.reject(new TypeError("Failed to fetch")) : fetch(url, request);
})(window.fetch);
shop.track("watch", "i1");
shop.track("watch", "", { properties: { note: "an event without an item's ID is refused" } });
shop.track("watch", "i2");
await shop.flush();
const waiting = kept().queue.map((one) => one.event.eventId);
while (kept().queue.length) await new Promise((done) => setTimeout(done, 50));
await post({ waiting, zone, after: ids(await shop.recommend({ numResults: 40, filter: "seen" })), before });
"""


class Pages:
    """A shop's own server."""

    def __init__(self, settings: dict[str, Any]) -> None:
        start = START.replace("SETTINGS", json.dumps(settings))
        scripts = {"/": GUEST.replace("WATCHED", json.dumps(WATCHED)), "/user": USER, "/second": SECOND}
        self.pages = {path: f'<script type="module">{start}{script}</script>' for path, script in scripts.items()}
        self.reports: queue.Queue[dict[str, Any]] = queue.Queue()

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """A WSGI application."""
        request = Request(environ)
        if request.path == "/done":
            self.reports.put(json.loads(request.get_data()))
        script = (ROOT / "clients/usher.js").read_text()
        page, kind = self.pages.get(request.path), "text/html"
        text, kind = (script, "text/javascript") if request.path == "/usher.js" else (page or "", kind)
        return Response(text, mimetype=kind)(environ, start_response)


@contextmanager
def browsing(url: str, folder: Path) -> Iterator[None]:
    """A browser with a page."""
    assert BROWSER
    arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={folder}", url]
    quiet, zone = subprocess.DEVNULL, {**os.environ, "TZ": "Asia/Tokyo"}
    command = [BROWSER, *arguments]
    process = subprocess.Popen(command, env=zone, stdout=quiet, stderr=quiet, start_new_session=True)  # noqa: S603
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def serving(site: Site, pages: Pages) -> Iterator[str]:
    """The address of the pages, which the API knows."""
    server = make_server("127.0.0.1", 0, pages, threaded=True, fd=os.dup(site.pages.fileno()))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{site.pages.getsockname()[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def shop(site: Site) -> Iterator[Site]:
    for name, content in (("usher.yaml", CONFIG), ("items.csv", items()), ("interactions.csv", interactions())):
        site.drop(f"shop/{name}", content)
    assert site.run("shop")["outcome"] == "SUCCEEDED"
    yield site
    site.remove("shop")


def settings(shop: Site, **more: Any) -> dict[str, Any]:
    """The settings of a page: a key for guests, a token for the user."""
    key = shop.api_keys.create("shop", "web page", ["GET recommendations", "POST events"])
    guest = {"url": shop.cloud.outputs["KeyApiUrl"], "key": key}
    user = {"url": shop.cloud.outputs["TokenApiUrl"], "token": shop.issuer.token("anna")}
    return {"group": "shop", "guest": guest, "user": user, **more}


@pytest.mark.skipif(BROWSER is None, reason="no chromium on PATH")
def test_a_guest_logs_in_and_keeps_the_sessions_recommendations(shop: Site, tmp_path: Path) -> None:
    pages = Pages(settings(shop))
    with serving(shop, pages) as address, browsing(f"{address}/", tmp_path):
        guest, user = (pages.reports.get(timeout=SECONDS) for _ in range(2))
    assert guest["refused"] == user["refused"] == []
    listed = [one["itemId"] for one in guest["first"]["itemList"]]
    assert {*WATCHED} <= {*listed}
    for one in guest["queued"]:
        shown = one["event"]["recommendationId"], one["event"]["impression"]
        assert shown == (guest["first"]["recommendationId"], listed[:25])
    assert not {*WATCHED} & {*guest["after"]}
    assert (guest["left"], user["left"], user["waiting"]) == (1, 1, 0)
    assert user["guest"] == guest["guest"]
    assert user["user"]
    assert not {*WATCHED, "i23"} & {*user["user"]}


@pytest.mark.skipif(BROWSER is None, reason="no chromium on PATH")
def test_events_wait_during_an_outage_and_a_wrong_one_delays_no_other(shop: Site, tmp_path: Path) -> None:
    pages = Pages(settings(shop, down=2))
    with serving(shop, pages) as address, browsing(f"{address}/second", tmp_path):
        report = pages.reports.get(timeout=SECONDS)
    assert report["zone"] == "Asia/Tokyo", "which the automatic context needs"
    assert len(set(report["waiting"])) == 3
    assert [one["code"] for one in report["refused"]] == ["BadId"]
    assert {"i1", "i2"} <= {*report["before"]}
    assert not {"i1", "i2"} & {*report["after"]}
