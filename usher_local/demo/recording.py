"""A real session of the command on the local cloud, as a picture of a terminal: docs/session.svg.

python -m usher_local.demo.recording        records it anew
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from usher_local.cloud.server import LocalCloud
from usher_local.demo.movielens import fetch, prepare
from usher_local.paths import cache_folder

PICTURE = Path(__file__).parents[2] / "docs" / "session.svg"
CACHE = cache_folder() / "movielens-100k"
WIDTH = 130
SESSION = (
    "usher init films/",
    "usher validate films/",
    "usher drop films/",
    "usher watch films",
    "usher recommend films 42 --results 5 --details TITLE",
    "usher cost films",
    "usher remove films --yes",
)
"""The commands, which all must succeed."""
FONT = "'DejaVu Sans Mono', Menlo, Consolas, monospace"


def record(session: Iterable[str] = SESSION) -> list[tuple[str, str]]:
    """Each command of a session with its output, run in a folder with MovieLens 100K as `films/`."""
    said = []
    with tempfile.TemporaryDirectory() as here, LocalCloud(aws_port=0, api_port=0) as cloud:
        data = prepare(fetch(CACHE), Path(here, "films"))
        for path in Path(here, "films").iterdir():
            if path not in {data.items, data.interactions}:
                path.unlink()
        root = Path(__file__).parents[2]
        paths = os.pathsep.join(map(str, (root, root / "layers/core/python")))
        environment = {**os.environ, **cloud.environment, "PYTHONPATH": paths}
        for line in session:
            command = [sys.executable, "-m", "usher_cli", *shlex.split(line)[1:]]
            ran = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
            print(f"$ {line}\n{ran.stdout}{ran.stderr}", flush=True)  # noqa: T201
            if ran.returncode:
                raise RuntimeError(f"{line} ended with {ran.returncode}: {ran.stderr}")
            said.append((line, ran.stdout))
    return said


def picture(said: Iterable[tuple[str, str]]) -> str:
    """A session as an SVG of a terminal. It loads nothing: it uses the reader's fonts."""
    console = Console(record=True, width=WIDTH, file=StringIO())
    for line, output in said:
        console.print(Text(f"$ {line}", "bold green"))
        console.print(Text("\n".join(map(str.rstrip, output.splitlines())) + "\n"))
    drawn = console.export_svg(title="usher", theme=MONOKAI, unique_id="session")
    drawn = re.sub(r"\s*@font-face {.*?}\n", "", drawn, flags=re.S)
    return drawn.replace("Fira Code, monospace", FONT) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(picture(record()))
