"""The version of Usher."""

import tomllib
from importlib import metadata
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
"""The project's file in a checkout; an installed package has none."""


def version() -> str:
    """The version of this checkout or of the installed package."""
    if PROJECT.exists():
        return str(tomllib.loads(PROJECT.read_text())["project"]["version"])
    return metadata.version("usher")
