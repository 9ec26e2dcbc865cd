"""The client for browsers: small, without dependencies, and with a type for all that it exports."""

import re
from pathlib import Path

from tests.npm import REPOSITORY, npm_tools

CLIENT = REPOSITORY / "clients/usher.js"
MAX_BYTES = 3000


def test_terser_makes_it_smaller_than_three_kilobytes(tmp_path: Path) -> None:
    done = npm_tools(Path(__file__).parent / "minifier", tmp_path)(
        "terser", str(CLIENT), "--module", "--compress", "--mangle"
    )
    assert done.returncode == 0, done.stderr
    assert 0 < len(done.stdout.strip().encode()) < MAX_BYTES
    assert "export function usher" in done.stdout or "as usher" in done.stdout


def test_it_is_one_module_without_dependencies() -> None:
    text = CLIENT.read_text()
    assert re.findall(r"^export .*?(\w+)\(", text, re.M) == ["usher"]
    assert not re.search(r"\bimport\b[^;]*from|\brequire\(|\bimport\(", text)


def test_what_it_returns_has_types() -> None:
    returned = CLIENT.read_text().rpartition("  return {")[2]
    members = set(re.findall(r"^    (\w+)(?:[:,(]|$)", returned, re.M))
    typed = re.search(r"export interface Usher \{(.*?)^\}", CLIENT.with_suffix(".d.ts").read_text(), re.S | re.M)
    assert typed
    assert members == set(re.findall(r"^  (\w+)\(", typed[1], re.M))
