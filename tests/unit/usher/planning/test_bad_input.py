"""Faults in any drop are reported, for every row and every key.

tests/unit/usher/runs/test_hostile_files.py tests that a run reports them and creates nothing.
"""

from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from usher.errors import InputError
from usher.planning.inputs import load_inputs

from tests.unit.usher.world import ARN_PREFIX, World, interactions

GOOD = interactions().splitlines()
KEY = "films/interactions.csv"
quickly = settings(max_examples=25, deadline=None)

# A line of interactions, and the expected finding.
ROWS = {
    "has no USER_ID.": ",i1,1600000000",
    "has no ITEM_ID.": "u1,,1600000000",
    "has no TIMESTAMP.": "u1,i1,",
    "TIMESTAMP is in milliseconds.": "u1,i1,1600000000000",
    "TIMESTAMP is below zero.": "u1,i1,-5",
    "TIMESTAMP is a date, not Unix seconds.": "u1,i1,2020-01-01",
    "TIMESTAMP is neither a number nor a date.": "u1,i1,yesterday",
    "TIMESTAMP is not a whole number.": "u1,i1,1600000000.25",
    "USER_ID is longer than 256 characters.": f"{'u' * 257},i1,1600000000",
    "ITEM_ID is longer than 256 characters.": f"u1,{'é' * 257},1600000000",
    "has more values than the header.": "u1,i1,1600000000,",
    "has fewer values than the header.": "u1,i1",
}
FILES = {
    "is empty.": "",
    "has a header, but no rows.": "USER_ID,ITEM_ID,TIMESTAMP\n",
    "starts with a byte order mark.": "\ufeff" + "\n".join(GOOD),
    "is separated by semicolons.": "\n".join(GOOD).replace(",", ";"),
    "has control characters in the header.": "\r".join(GOOD),
    "has quotes in the header.": "\n".join(GOOD).replace("USER_ID", '"USER_ID"'),
    "lacks the column ITEM_ID.": "\n".join(GOOD).replace("ITEM_ID", "THING"),
    "has a column without a name.": "\n".join(GOOD).replace("ITEM_ID", ""),
    "has two columns of the same name.": "\n".join(GOOD).replace("ITEM_ID", "USER_ID"),
    "opens a quote that its line does not close.": "\n".join([*GOOD, '"u1,i1,1600000000', *GOOD[1:]]),
    "has 40 interactions; Personalize trains on 1000 or more.": "\n".join(GOOD[:41]),
}


def refused(world: World, **files: str) -> InputError:
    """The problems of a group's files."""
    world.bucket.delete(world.bucket.keys("films/"))
    for name, content in files.items():
        world.put(f"films/{name.replace('__', '.')}", content)
    with pytest.raises(InputError) as caught:
        load_inputs(world.bucket, "films", world.inventory, ARN_PREFIX)
    return caught.value


@quickly
@given(st.dictionaries(st.integers(2, len(GOOD)), st.sampled_from(sorted(ROWS)), min_size=1, max_size=12))
def test_every_broken_row_is_named(shared_world: World, broken: dict[int, str]) -> None:
    lines = [ROWS[broken[line]] if line in broken else row for line, row in enumerate(GOOD, start=1)]
    error = refused(shared_world, interactions__csv="\n".join(lines))
    report = error.report["interactions"]
    found = {one.message: one.lines[KEY] for one in report["findings"] if one.severity == "error"}
    expected: dict[str, list[int]] = {}
    for line, fault in sorted(broken.items()):
        expected.setdefault(fault, []).append(line)
    assert found == expected
    assert {problem.place for problem in error.problems} >= {f"{KEY} line {min(at)}" for at in expected.values()}
    assert report["rejected"] == len(broken)


@pytest.mark.parametrize("fault", FILES)
def test_every_broken_file_is_named(shared_world: World, fault: str) -> None:
    assert fault in {problem.message for problem in refused(shared_world, interactions__csv=FILES[fault]).problems}


names = st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=8)


def values(numbers: st.SearchStrategy[float]) -> st.SearchStrategy[Any]:
    """Values of a config."""
    return st.recursive(
        st.none() | st.booleans() | numbers | names,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
        max_leaves=6,
    )


OF_64_BITS = st.integers(-(2**63), 2**63 - 1) | st.floats(-(2.0**62), 2.0**62)
ANY = st.integers() | st.floats()
CONFIG: dict[str, Any] = {
    "solutions": {"s": {"recipe": "aws-sims", "campaign": {"minProvisionedTPS": 1}, "solutionConfig": {}}},
    "filters": {"f": "INCLUDE ItemID WHERE Items.X IN ($X)"},
    "schemas": {"interactions": {"fields": [{"name": "USER_ID", "type": "string"}]}},
    "exports": {"s": {}},
    "schedules": {"retrain": "rate(7 days)"},
    "tags": [{"tagKey": "a", "tagValue": "b"}],
    "group": {},
}


@quickly
@given(st.sampled_from(["", *CONFIG]), names.map("zz{}".format), values(OF_64_BITS))
def test_an_unknown_key_is_named_wherever_it_is(shared_world: World, section: str, key: str, value: Any) -> None:
    assume(section != "filters" or not isinstance(value, str))  # which would be another filter
    config = {name: dict(block) if isinstance(block, dict) else block for name, block in CONFIG.items()}
    target: Any = config[section] if section else config
    if isinstance(target, list):
        target.append({key: value})
    else:
        target[key] = value
    error = refused(shared_world, usher__yaml=yaml.safe_dump(config), interactions__csv="\n".join(GOOD))
    assert any(key in f"{problem.place}: {problem.message}" for problem in error.problems), error


@quickly
@given(st.text(max_size=60) | st.dictionaries(st.sampled_from([*CONFIG]), values(ANY), min_size=1).map(yaml.safe_dump))
def test_no_config_crashes_a_plan(shared_world: World, config: str) -> None:
    # Too few interactions: even a valid config leads to nothing.
    error = refused(shared_world, usher__yaml=config, interactions__csv="\n".join(GOOD[:41]))
    assert FILES.keys() & {problem.message for problem in error.problems}
