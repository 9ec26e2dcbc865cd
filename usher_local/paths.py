"""The folders of the local cloud, in a checkout and in an installed package."""

import os
from pathlib import Path

INSTALLED = Path(__file__).with_name("stack")
CHECKOUT = Path(__file__).parents[1]


def stack_folder() -> Path:
    """The folder with template.yaml and the files that it names: functions, layers and state machines.

    A wheel carries them as data of this package; in a checkout it is the project itself.
    """
    return INSTALLED if INSTALLED.exists() else CHECKOUT


def cache_folder() -> Path:
    """The folder for downloads: `.cache` in a checkout, else `usher` in the user's cache folder."""
    if not INSTALLED.exists():
        return CHECKOUT / ".cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "usher"
