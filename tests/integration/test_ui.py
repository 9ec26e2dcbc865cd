"""The pages of `usher ui`, in a browser, on a live group. Screenshots of every view are kept in .cache/ui."""

import json
import os
import queue
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.integration.conftest import ROOT, Site, interactions
from usher_cli.ui.pages import PAGES
from usher_local.cloud.page import serving

BROWSER = shutil.which("chromium")
PICTURES = ROOT / ".cache/ui"
SECONDS = 60
WIDE, PHONE = (1280, 860), (390, 844)
LOOKS: Mapping[str, tuple[Literal["light", "dark"], tuple[int, int]]] = {
    "light": ("light", WIDE),
    "dark": ("dark", WIDE),
    "phone": ("light", PHONE),
}
"""The colour scheme and the size of each picture."""
CONFIG = """
solutions:
  for-you: {recipe: aws-user-personalization-v2}
  similar: {recipe: aws-similar-items}
  ranking: {recipe: aws-personalized-ranking-v2}
filters:
  genre: INCLUDE ItemID WHERE Items.GENRES IN ($GENRE)
"""
POPULAR = json.dumps({"solutions": {"popular": {"recipe": "aws-popularity-count"}}, "exports": False})
ALARM = " is on since "
"""The text of an alarm in the first view; other tests may have set it off."""
ADDRESSES = {"person": "?id=u3", "item": "?id=i5", "events": "?id=newcomer", "rank": "?id=u3"}

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium on PATH")


def named_items(count: int = 40) -> str:
    """A CSV of items with titles in three genres."""
    rows = (f"i{item},Film {item},{'Comedy|Drama' if item % 2 else 'Horror'}\n" for item in range(count))
    return "ITEM_ID,TITLE,GENRES\n" + "".join(rows)


@pytest.fixture(scope="module")
def address(site: Site) -> Iterator[str]:
    for name, content in (("usher.yaml", CONFIG), ("items.csv", named_items()), ("interactions.csv", interactions())):
        site.drop(f"cinema/{name}", content)
    assert site.run("cinema")["outcome"] == "SUCCEEDED"
    path, lines = os.pathsep.join([str(ROOT), str(ROOT / "layers/core/python")]), queue.Queue[str]()
    with serving(0, {**site.cloud.environment, "PYTHONPATH": path}, lines.put):
        yield lines.get(timeout=SECONDS).removeprefix("the page: ")
    site.remove("cinema")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Page]:
    """A page that fails the test if its scripts fail, or if it sends requests elsewhere."""
    context = browser.new_context(base_url=address, viewport=size(WIDE))
    context.set_default_timeout(SECONDS * 1000)
    expect.set_options(timeout=SECONDS * 1000)
    page, faults = context.new_page(), list[str]()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda sent: None if sent.url.startswith((address, "data:")) else faults.append(sent.url))
    yield page
    context.close()
    assert faults == []


def test_a_user_is_found_explained_sent_an_event_and_seen_to_move(page: Page) -> None:
    """The story: find a user, see the reasons, send an event, see the list move."""
    page.goto("/cinema/people")
    page.keyboard.press("/")
    page.keyboard.type("u33")
    page.get_by_role("link", name="u33").click()
    expect(page.get_by_text("History (20)")).to_be_visible()
    expect(page.locator("ol.items").first.locator("li")).to_have_count(20)
    page.get_by_role("switch", name="Why").click()
    expect(page.locator(".why").first).to_be_visible()
    page.goto("/cinema/events?id=newcomer")
    before = page.locator("ol.items li")
    expect(before).to_have_count(20)
    page.get_by_label("Find items").fill("Film 12")
    page.get_by_role("button", name="Film 12", exact=True).click()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("1 accepted.")).to_be_visible()
    expect(page.get_by_text("places have changed")).to_be_visible()
    expect(page.get_by_role("cell", name="Film 12")).to_be_visible()


def test_a_filter_is_tried_out_and_its_mistakes_are_marked(page: Page) -> None:
    page.goto("/cinema/filters")
    expect(page.get_by_text("20 of 40 items stay")).to_be_visible()
    text = page.get_by_label("Filter expression")
    text.fill('EXCLUDE ItemID WHERE Items.GENRE IN ("Comedy")')
    expect(page.locator("mark")).to_have_text("Items.GENRE")
    expect(page.get_by_text("Did you mean Items.GENRES?")).to_be_visible()
    text.fill('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")')
    page.get_by_label("For the user").fill("u3")
    expect(page.get_by_text("20 of 40 items stay")).to_be_visible()


def test_items_are_ranked_again_by_dragging_and_by_the_keyboard(page: Page) -> None:
    page.goto("/cinema/rank?id=u3")
    rows = page.locator(".drag .picked")
    expect(rows).to_have_count(8)
    first, second = (rows.nth(place).locator(".words").inner_text() for place in (0, 1))
    rows.nth(0).get_by_role("button", name="down").press("Enter")
    expect(rows.nth(0)).to_contain_text(second)
    rows.nth(1).locator(".grip").drag_to(rows.nth(4).locator(".grip"))
    expect(rows.nth(1)).not_to_contain_text(first)
    expect(page.locator("ol.items li")).to_have_count(8)


def test_a_copied_request_gets_the_same_answer(page: Page, site: Site) -> None:
    """curl signs it, and so does a program with boto3 alone."""
    page.goto("/cinema/item?id=i5")
    page.get_by_role("button", name="Copy as curl or Python").first.click()
    curl = page.locator(".q-tab-panel code").inner_text()
    page.get_by_role("tab", name="Python").click()
    program = page.locator(".q-tab-panel code", has_text="boto3").inner_text()
    environment = {**os.environ, **site.cloud.environment}
    for command in (["bash", "-c", curl], [sys.executable, "-c", program]):
        answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
        assert '"solution": "similar"' in answer.stdout.replace('":"', '": "')


def test_a_version_is_rolled_back_once_its_plan_is_confirmed_and_its_run_is_seen(
    page: Page, site: Site, group: str
) -> None:
    """The story goes on: see what is live, roll it back, see the run."""
    site.drop(f"{group}/usher.yaml", POPULAR)
    site.settle(group)
    for seed in (0, 1):
        site.drop(f"{group}/interactions.csv", interactions(seed=seed))
        assert site.run(group)["outcome"] == "SUCCEEDED"
    live, runs = site.records(group)[-1]["live"][0]["version"], len(site.records(group))
    page.goto("/")
    page.get_by_role("link", name=group, exact=True).click()
    expect(page.locator("code", has_text=live.rpartition("/")[2])).to_be_visible()
    page.get_by_role("link", name="Versions").click()
    expect(page.locator(".plot svg")).to_be_visible()
    page.get_by_role("button", name="Roll back…").click()
    plan = page.get_by_role("dialog")
    plan.get_by_label("Reason").fill("it recommends the old")
    expect(plan.get_by_role("button", name="Do it")).to_be_disabled()
    plan.get_by_role("button", name="Show the plan").click()
    expect(plan.get_by_text("campaign/popular")).to_be_visible()
    page.screenshot(path=PICTURES / "plan-light.png", animations="disabled")
    site.settle(group)
    assert len(site.records(group)) == runs, "a plan starts nothing"

    site.dropped[group] += 1
    plan.get_by_role("button", name="Do it").click()
    page.wait_for_url(f"**/{group}/runs")
    (promoted,) = site.run(group)["live"]
    assert (promoted["version"] == live, promoted["why"]) == (False, "it recommends the old")
    page.reload()
    expect(page.locator(".report table tr")).to_have_count(runs + 2)
    page.get_by_role("row", name="rolled back popular").get_by_role("link").click()
    expect(page.get_by_text("Train and deploy")).to_be_visible()
    page.get_by_role("button", name="Show the log").click()
    expect(page.get_by_role("heading", name="Log")).to_be_visible()


def test_the_buttons_do_what_the_command_does_once_a_plan_is_confirmed(page: Page, site: Site) -> None:
    """A group is paused and goes on; a key is made, shown once, and revoked."""

    def do(button: str, said: str, **fields: str) -> None:
        page.get_by_role("button", name=f"{button}…").click()
        dialog = page.get_by_role("dialog")
        for label, text in fields.items():
            dialog.get_by_label(label).fill(text)
        if fields:
            dialog.get_by_role("button", name="Show the plan").click()
        expect(dialog.get_by_text(said)).to_be_visible()
        dialog.get_by_role("button", name="Do it").click()

    page.goto("/cinema/live")
    do("Pause", "Serving continues: $144.12 a month", Reason="we check the data")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_text("we check the data")).to_be_visible()
    page.goto("/cinema/runs")
    page.get_by_role("button", name="Run now…").click()
    expect(page.get_by_role("dialog").get_by_text("To continue: usher resume cinema")).to_be_visible()
    page.goto("/cinema/live")
    site.dropped["cinema"] += 1
    do("Resume", "There is nothing to do.")
    page.wait_for_url("**/cinema/runs")
    assert site.run("cinema")["outcome"] == "SUCCEEDED"

    page.goto("/cinema/keys")
    page.get_by_role("button", name="Make a key…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Purpose").fill("mail tool")
    dialog.get_by_label("Routes").click()
    page.get_by_role("option", name="POST events").click()
    page.keyboard.press("Escape")
    dialog.get_by_role("button", name="Show the plan").click()
    expect(dialog.get_by_text("The key allows POST events of cinema")).to_be_visible()
    dialog.get_by_role("button", name="Do it").click()
    secret = dialog.locator("code").inner_text()
    assert secret.startswith("cinema.k")
    dialog.get_by_role("button", name="Close").click()
    do("Revoke", "stops working within a minute")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_text("cinema has no API keys.")).to_be_visible()
    page.goto("/health")
    page.get_by_role("button", name="Examine the stack").click()
    expect(page.get_by_role("heading", name="Examination")).to_be_visible()


def test_every_view_is_photographed_light_dark_and_on_a_phone(page: Page, site: Site) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    addresses = ADDRESSES | {"run": f"?id={site.records('cinema')[-1]['run']}"}
    for view in PAGES:
        page.goto(view.path.format(group="cinema") + addresses.get(view.view, ""))
        for look, (scheme, screen) in LOOKS.items():
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size(size(screen))
            expect(page.locator(".q-skeleton")).to_have_count(0)
            if screen == PHONE:
                expect(page.get_by_role("link", name="Health")).not_to_be_in_viewport()
            expect(page.locator(".note.bad").filter(has_not_text=ALARM)).to_have_count(0)
            page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")  # nothing is too wide
            page.screenshot(path=PICTURES / f"{view.view or 'groups'}-{look}.png", animations="disabled")


def size(screen: tuple[int, int]) -> Any:
    """A viewport."""
    return dict(zip(("width", "height"), screen, strict=True))
