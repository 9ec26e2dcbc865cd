"""Code that changes the profile of the same data has another CODE_VERSION: it ignores earlier profiles."""

import base64
import hashlib
import json
import zlib
from typing import Any

from usher.aws import digest
from usher.datasets.cell_facts import FACTS
from usher.datasets.csv_reader import read_csv
from usher.datasets.profile import DatasetProfile, merge_parts, profile_blocks
from usher.datasets.profile_cache import CODE_VERSION
from usher.datasets.profile_file import dump_profile
from usher.datasets.readers import apply_reading, read_lines
from usher.datasets.reading import Reading
from usher.datasets.schemas import REQUIRED

PROFILES = "9a24053128c19d157fc75d5c352d2a71"
"""The digest of the profiles below, of every dataset, by this version of the code."""
NAMES = ["USER_ID", "ITEM_ID", "ACTION_ID", "TIMESTAMP", "EVENT_TYPE", "VALUE", "REPEAT_FREQUENCY", "TEXT"]
ROWS = [
    *(f"u{n % 7},i{n % 5},a{n % 3},{1_600_000_000 + 40_000 * n},viewed,{n % 12},{n},t{n}" for n in range(60)),
    "u1,i1,a1,1600000000000,click,x,1.5,a|b",
    " u1,null,a1,2026-11-01T12:00:00Z,click,x,1.5,a",
    "u1,i1,a1,1.6E+09,click,x,1.5,a",
    "u1,i1,a1,1600000000000000,click,x,1.5,\"['a', 'b']\"",
    "u1,i1\u200b,a1,1600000000000000000,click,x,1.5,[a]",
    "u1,1.2E+12,a1,20261127120000,click,x,1.5,a",
    f'{"u" * 257},"é ""x""",a,-1,TAKEN,1e10,1e19,{"x" * 20_001}',
    ",,,,,,,",
    "u1,i1,a1",
    "u1,i1,a1,1,taken,1,1,t,more",
    '"u1,i1,a1,1,taken,1,1,t',
    "u1,i1,a1,1,ta\rken,1,1,t",
    "",
    "u2,i2,a2,1600000000.5,,-2147483648,,",
]
CONTENT = "\n".join([",".join(NAMES), *ROWS]).encode()


def profile_of(dataset: str) -> DatasetProfile:
    profile = profile_blocks(dataset, "1.csv", read_csv("1.csv", [CONTENT]))
    profile.size, profile.digests = len(CONTENT), [hashlib.sha256(CONTENT).hexdigest()]
    return profile


def json_profile() -> DatasetProfile:
    """The profile of errors that only JSON Lines have."""
    lines = ['{"ITEM_ID": "i", "CREATION_TIMESTAMP": 1.5}', "[]", '{"ITEM_ID": {}}', '{"X": 1}', "", '{"ITEM_ID": "j"}']
    lines.append('{"ITEM_ID": "k", "CREATION_TIMESTAMP": "1600000000001"}')
    blocks = read_lines("1.jsonl", ["\n".join(lines).encode()], ".jsonl")
    return profile_blocks("items", "1.jsonl", apply_reading("1.jsonl", blocks, Reading(timestamps="ms")))


def content_of(profile: DatasetProfile) -> Any:
    """A profile's file, without the parts that another version of zlib compresses differently."""
    text, _, arrays = dump_profile(profile).partition(b"\n")
    content = json.loads(text)
    for sample in content["diagnosis"]["samples"].values():
        sample["rows"] = zlib.decompress(base64.b64decode(sample["rows"])).hex()
    return content, arrays.hex()


def test_data_has_the_profile_that_it_had_with_this_code_version() -> None:
    profiles = digest([*(content_of(profile_of(dataset)) for dataset in REQUIRED), content_of(json_profile())], 32)
    assert (CODE_VERSION, profiles) == (4, PROFILES), "increase CODE_VERSION, and set both here"


def test_the_data_has_every_fact_and_row_error() -> None:
    profiles = [merge_parts(dataset, [("1.csv", profile_of(dataset))]) for dataset in REQUIRED]
    profiles.append(json_profile())
    columns = [column for profile in profiles for column in profile.columns.values()]
    assert {name for column in columns for name, fact in column.facts.items() if fact.rows} == set(FACTS)
    row_errors = {name for profile in profiles for name, error in profile.row_errors.items() if error.rows}
    assert row_errors == set(profiles[0].row_errors)
