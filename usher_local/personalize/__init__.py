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

    Call it before `mock_aws()` or moto's server starts; calling it again changes the settings. Models are stored in
    `workdir` (default: a temporary folder) and fitted by `executor` (default: a process of its own for each training).
    Calls take no time of their own and are never throttled unless `pacing` says so.
    In a given `workdir` everything is kept as it changes: whatever ends the process, the next one has it again.
    StateError where the folder is in use or damaged.
    """
    import moto.backend_index
    import moto.backends

    from usher_local.personalize import models
    from usher_local.personalize.core import environment

    environment.use(environment.Runtime(clock, workdir, executor, pacing or Pacing()))
    # moto finds a service's backends by importing moto.<service>, and its urls beside the backend's own module.
    sys.modules["moto.personalize"] = models
    patterns = moto.backend_index.backend_url_patterns
    for host in ("personalize-runtime", "personalize-events"):
        pattern = ("personalize", re.compile(rf"https?://{host}\.(.+)\.amazonaws\.com"))
        if pattern not in patterns:
            patterns.append(pattern)


def inject(ordered: Faults) -> None:
    """Let things go wrong from now on, in place of what was ordered before; `Faults()` ends it."""
    faults.use(ordered)


def halt() -> None:
    """Let imports under way end, undecided; `shutdown` is to follow."""
    from usher_local.personalize.core import environment

    environment.current.halt()


def shutdown() -> None:
    """Stop trainings and leave no process or temporary file behind; forget the faults."""
    from usher_local.personalize.core import environment

    inject(Faults())
    environment.use(environment.Runtime())
