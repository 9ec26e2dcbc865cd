"""The compiled filters, which the API itself applies to stored answers. Pure."""

from collections.abc import Mapping

from usher.config.exports import parsed
from usher.config.model import Config
from usher.filters.compiled import Rules, compiled
from usher.filters.expressions import EVENT_DATASETS
from usher.planning.desired import Data


def filter_rules(config: Config, data: Mapping[str, Data]) -> dict[str, Rules]:
    """The compiled filters by name, without those that can't be read."""
    event_types = {name: data[name.lower()].event_types if name.lower() in data else () for name in EVENT_DATASETS}
    expressions = {name: parsed(config.filters, name) for name in config.filters}
    return {name: compiled(one, event_types) for name, one in expressions.items() if one.clauses}
