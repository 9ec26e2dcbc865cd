"""The page of the machine, in a browser, on the local cloud: what is live, a rollback, and the run that did it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.integration.conftest import Site, interactions

CONFIG = json.dumps({"solutions": {"popular": {"recipe": "aws-popularity-count"}}, "exports": False})
SECONDS = 60
"""For what a page shows: a busy machine is no fault of it."""

pytestmark = pytest.mark.skipif(not shutil.which("chromium"), reason="there is no chromium on PATH")


@pytest.fixture(scope="module")
def address(site: Site) -> Iterator[str]:
    """Of the pages, which a process of their own serves."""
    command = [sys.executable, "-m", "usher_cli", "ui", "--port", "0"]
    environment = {**os.environ, **site.cloud.environment}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            yield cast(IO[str], process.stdout).readline().split()[0]
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(SECONDS * 1000)
        expect.set_options(timeout=SECONDS * 1000)
        yield page
        browser.close()


def test_a_version_is_rolled_back_from_the_page_once_its_plan_is_confirmed(
    site: Site, group: str, address: str, page: Page, tmp_path: Path
) -> None:
    site.drop(f"{group}/usher.yaml", CONFIG)
    site.settle(group)
    for seed in (0, 1):
        site.drop(f"{group}/interactions.csv", interactions(seed=seed))
        assert site.run(group)["outcome"] == "SUCCEEDED"
    live = site.records(group)[-1]["live"][0]["version"]

    page.goto(address)
    page.get_by_role("link", name=group, exact=True).click()
    expect(page.locator("code", has_text=live.rpartition("/")[2])).to_be_visible()
    page.get_by_role("link", name="Versions").click()
    expect(page.locator(".plot svg")).to_be_visible()
    page.get_by_label("Trained (UTC)").click()
    page.get_by_role("option").last.click()
    page.get_by_label("Reason").fill("it recommends the old")
    page.get_by_role("button", name="Serve this version…").click()
    plan = page.get_by_role("dialog")
    expect(plan.get_by_text("campaign/popular")).to_be_visible()
    page.screenshot(path=tmp_path / "plan.png")
    assert len(site.records(group)) == len(site.settle(group)), "a plan starts nothing"

    site.dropped[group] += 1
    plan.get_by_role("button", name="Do it").click()
    expect(page).to_have_url(f"{address}/{group}/runs")
    (promoted,) = site.run(group)["live"]
    assert promoted["version"] != live
    assert promoted["why"] == "it recommends the old"
    page.reload()
    expect(page.get_by_text("rolled back popular")).to_be_visible()
    page.locator(".report table a").first.click()
    expect(page.get_by_text("Train and deploy")).to_be_visible()
    page.goto(f"{address}/health")
    expect(page.get_by_text("ExecutionFailed")).to_be_visible()
