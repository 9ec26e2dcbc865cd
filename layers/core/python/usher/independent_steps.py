"""Steps that do not depend on each other: each runs, even if others fail."""

import logging
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)


def run_all(steps: Mapping[str, Callable[[], object]]) -> dict[str, Exception]:
    """Run every step; return the errors by the names of the steps. They are logged, too."""
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
