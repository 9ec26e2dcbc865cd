"""Metrics of waiting events."""

from collections import defaultdict
from collections.abc import Iterable

from usher.embedded_metrics import Metrics, put_metrics
from usher.events.replay import Settled


def measure(settled: Iterable[Settled], moment: float) -> None:
    """Log the outcomes of waiting events as metrics, by group; `moment`: Unix seconds."""
    groups = defaultdict[str, list[Settled]](list)
    for one in settled:
        groups[one.message["group"]].append(one)
    for group, some in groups.items():
        counts = {
            name: float(sum(len(one.message["events"]) for one in some if one.outcome == outcome))
            for name, outcome in (("EventsReplayed", "sent"), ("EventsRefused", "refused"))
        }
        waiting = [moment - one.message["arrived"] for one in some if one.outcome == "pending"]
        put_metrics(Metrics({**counts, "SecondsPending": max(waiting, default=0.0)}, {"Group": group}))
