"""Independent steps: each runs, even if others fail."""

import logging
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)


def run_all(steps: Mapping[str, Callable[[], object]]) -> dict[str, Exception]:
    """Run every step, and log errors; return them by the names of the steps."""
    errors: dict[str, Exception] = {}
    for name, step in steps.items():
        try:
            step()
        except Exception as error:
            log.exception("failed: %s", name)
            errors[name] = error
    return errors


def raise_errors(errors: Mapping[str, Exception]) -> None:
    """Raise the errors, if there are any, as one ExceptionGroup."""
    if errors:
        message = "; ".join(f"{name}: {error}" for name, error in errors.items())
        raise ExceptionGroup(f"failed: {message}", list(errors.values()))
