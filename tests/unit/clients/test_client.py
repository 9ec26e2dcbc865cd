"""The client for browsers: small, without dependencies, and with a type for each export."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.npm import REPOSITORY, npm_tools

CLIENT = REPOSITORY / "clients/usher.js"
MAX_BYTES = 3000
SITE = """
declare const KEY_API_URL: string, TOKEN_API_URL: string;
declare const auth: { getToken(): Promise<string>; subject: string };
"""
"""The content of the example's own site."""


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Callable[..., Any]]:
    """A folder, and a function that runs a tool of npm there."""
    folder = tmp_path_factory.mktemp("tools")
    return folder, npm_tools(Path(__file__).parent / "tools", folder)


def test_terser_makes_it_smaller_than_three_kilobytes(tools: tuple[Path, Callable[..., Any]]) -> None:
    done = tools[1]("terser", str(CLIENT), "--module", "--compress", "--mangle")
    assert done.returncode == 0, done.stderr
    assert 0 < len(done.stdout.strip().encode()) < MAX_BYTES
    assert "export function usher" in done.stdout or "as usher" in done.stdout


def test_it_is_one_module_without_dependencies() -> None:
    text = CLIENT.read_text()
    assert re.findall(r"^export .*?(\w+)\(", text, re.M) == ["usher"]
    assert not re.search(r"\bimport\b[^;]*from|\brequire\(|\bimport\(", text)


def test_its_results_have_types() -> None:
    returned = CLIENT.read_text().rpartition("  return {")[2]
    members = set(re.findall(r"^    (\w+)(?:[:,(]|$)", returned, re.M))
    typed = re.search(r"export interface Usher \{(.*?)^\}", CLIENT.with_suffix(".d.ts").read_text(), re.S | re.M)
    assert typed
    assert members == set(re.findall(r"^  (\w+)\(", typed[1], re.M))


def test_typescript_accepts_the_example_of_the_docs_and_no_mistake_in_it(
    tools: tuple[Path, Callable[..., Any]],
) -> None:
    folder, run = tools
    [example] = re.findall(r"^```js\n(.*?)^```", (REPOSITORY / "docs/browser.md").read_text(), re.S | re.M)
    shutil.copy(CLIENT.with_suffix(".d.ts"), folder)
    mistakes = {
        "called": ("shop.track(", "shop.trak("),
        "typed": ('"movielens"', "1"),
        "used": ("itemId);", "id.length);"),
    }
    pages = {"right.ts": example} | {f"{name}.ts": example.replace(*change) for name, change in mistakes.items()}
    for name, text in pages.items():
        (folder / name).write_text(text + SITE)
    options = ("--strict", "--noEmit", "--target", "es2022", "--module", "es2022", "--moduleResolution", "bundler")
    done = run("tsc", *options, *pages)
    assert set(re.findall(r"^([\w.]+)\(\d+,\d+\): error", done.stdout, re.M)) == pages.keys() - {"right.ts"}, (
        done.stdout
    )
