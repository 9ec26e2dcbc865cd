"""Steps that do not depend on each other: each is taken, whatever becomes of the others."""

import logging
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)


def take_all(steps: Mapping[str, Callable[[], object]]) -> dict[str, Exception]:
    """Take every step, by its name; return what went wrong, which is in the log, too."""
    failed: dict[str, Exception] = {}
    for name, step in steps.items():
        try:
            step()
        except Exception as error:
            log.exception("failed: %s", name)
            failed[name] = error
    return failed


def raise_all(failed: Mapping[str, Exception]) -> None:
    """Raise what went wrong as one ExceptionGroup, if anything did."""
    if failed:
        said = "; ".join(f"{name}: {error}" for name, error in failed.items())
        raise ExceptionGroup(f"failed: {said}", list(failed.values()))
