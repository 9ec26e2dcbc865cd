"""Amazon Personalize on one machine, plugged into moto: statuses, errors, training and answers are real.

from usher_local.personalize import install
install(Clock(600))
with mock_aws():
    boto3.client("personalize").create_dataset_group(name="films")

May import: recommenders.
"""

import re
import sys
from concurrent.futures import Executor
from pathlib import Path

from usher_local.clock import Clock
from usher_local.personalize.core import faults
from usher_local.personalize.core.faults import Faults
from usher_local.personalize.core.pacing import Pacing

__all__ = ["Faults", "Pacing", "halt", "inject", "install", "shutdown"]


def install(
    clock: Clock, workdir: Path | None = None, executor: Executor | None = None, pacing: Pacing | None = None
) -> None:
    """Make moto answer for personalize, personalize-runtime and personalize-events.

    Call it before `mock_aws()` or moto's server starts; a later call changes the settings. Models are stored in
    `workdir` (default: a temporary folder) and fitted by `executor` (default: a process for each training). By default,
    calls add no latency and are never throttled; `pacing` changes that.

    A given `workdir` keeps every change at once, so the next process has the same state, however this one ends. Raises
    StateError if the folder is in use or damaged.
    """
    import moto.backend_index
    import moto.backends

    from usher_local.personalize import models
    from usher_local.personalize.core import environment

    environment.use(environment.Runtime(clock, workdir, executor, pacing or Pacing()))
    # moto finds a service's backends by importing moto.<service>, and its URLs beside the backend's own module.
    sys.modules["moto.personalize"] = models
    patterns = moto.backend_index.backend_url_patterns
    for host in ("personalize-runtime", "personalize-events"):
        pattern = ("personalize", re.compile(rf"https?://{host}\.(.+)\.amazonaws\.com"))
        if pattern not in patterns:
            patterns.append(pattern)


def inject(ordered: Faults) -> None:
    """Use these faults from now on instead of the previous ones; `Faults()` ends them."""
    faults.use(ordered)


def halt() -> None:
    """End running imports without an outcome; call `shutdown` afterwards."""
    from usher_local.personalize.core import environment

    environment.current.halt()


def shutdown() -> None:
    """Stop trainings, delete temporary folders and end the faults. No process is left."""
    from usher_local.personalize.core import environment

    inject(Faults())
    environment.use(environment.Runtime())
