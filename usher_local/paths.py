"""Where files are that belong to the local cloud: in a checkout, or where the package is installed."""

import os
from pathlib import Path

INSTALLED = Path(__file__).with_name("stack")
CHECKOUT = Path(__file__).parents[1]


def stack_folder() -> Path:
    """The folder with template.yaml and all that it names: functions, layers and state machines.

    A wheel has them as data of this package; in a checkout they are the project itself.
    """
    return INSTALLED if INSTALLED.exists() else CHECKOUT


def cache_folder() -> Path:
    """Where downloads are kept: `.cache` in a checkout, else `usher` in the user's folder for caches."""
    if not INSTALLED.exists():
        return CHECKOUT / ".cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "usher"
