"""The parts of files, cut anywhere, give the same profile together as a scan of the whole."""

import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from usher.datasets import data_rules
from usher.datasets.byte_ranges import parts_of, profile_part
from usher.datasets.profile import DatasetProfile, merge_parts
from usher.datasets.profile_file import dump_profile, load_profile, max_file_bytes
from usher.datasets.read_limits import ReadLimits
from usher.datasets.schemas import make_schema

from tests.unit.usher.world import World, interactions

FOLDER = "films/items/"
SCHEMA = make_schema("items", {"ITEM_ID": "string", "X": "long"})
lines = st.one_of(
    st.tuples(st.sampled_from(["a", "b", '"c"', "d" * 300]), st.sampled_from(["1", "x", '"a ""b"""', ""])).map(
        ",".join
    ),
    st.text(st.sampled_from('a1,"\\\r'), max_size=9),
)
files = st.lists(lines, max_size=25).map("\n".join)


def scanned(world: World, length: int, folder: str = FOLDER, line_bytes: int = 1 << 20) -> DatasetProfile:
    """The profile of a folder's files in parts of a length; the profile of every part is stored on the way."""
    limits, dataset = ReadLimits(part_bytes=length, line_bytes=line_bytes), folder.split("/")[1]
    parts = [part for file in world.bucket.files(folder) for part in parts_of(file, limits)]
    dumped = [(part, dump_profile(profile_part(world.bucket, part, limits))) for part in parts]
    assert all(len(one) <= max_file_bytes(part.end - part.start) for part, one in dumped)
    loaded = [(part.key, load_profile(one, dataset, part.key, part.end - part.start)) for part, one in dumped]
    return merge_parts(dataset, loaded)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(files, min_size=1, max_size=3), st.sampled_from(["\n", "\r\n", ""]), st.integers(7, 90))
def test_any_parts_give_the_result_of_the_whole(world: World, contents: list[str], end: str, length: int) -> None:
    for number, content in enumerate(contents):
        world.put(f"{FOLDER}{number}.csv", f"ITEM_ID,X\n{content}{end}")
    parted, whole = scanned(world, length), scanned(world, 1 << 20)
    for name in world.bucket.keys(FOLDER):
        world.s3.delete_object(Bucket=world.bucket.name, Key=name)
    assert data_rules.check_dataset(parted, SCHEMA, FOLDER) == data_rules.check_dataset(whole, SCHEMA, FOLDER)
    assert (parted.row_errors, parted.columns, parted.rows) == (whole.row_errors, whole.columns, whole.rows)
    assert (parted.size, parted.read_errors, len(parted.ids)) == (whole.size, whole.read_errors, len(whole.ids))


@pytest.mark.parametrize("length", [40, 1000, 1 << 20])
def test_users_are_counted_over_all_parts(world: World, length: int) -> None:
    world.put("films/interactions/1.csv", interactions(users=40, each=1))
    world.put("films/interactions/2.csv", interactions(users=60, each=1))
    table = scanned(world, length, "films/interactions/")
    assert (table.rows, len(table.ids), table.ids.recurring) == (100, 60, 40)


@pytest.mark.parametrize("length", [10, 1000])
@pytest.mark.parametrize(
    ("first", "second", "problem"),
    [
        ("", "ITEM_ID,X\n1,2\n", "0.csv: is empty."),
        ("ITEM_ID,X\n", "ITEM_ID,X\n1,2\n", "0.csv: has a header, but no rows."),
        ('"ITEM_ID",X\n1,2\n', "ITEM_ID,X\n1,2\n", "0.csv line 1: has quotes in the header."),
        ("ITEM_ID,X\n1,2\n", "X,ITEM_ID\n1,2\n", "1.csv line 1: has other columns than the files before it: "),
        ("ITEM_ID,X\n1,2\n3,4\n5,\udcff\n\udcff\n", "ITEM_ID,X\n1,2\n", "0.csv line 4: is not UTF-8"),
    ],
)  # fmt: skip
def test_an_unreadable_line_is_reported_once_with_its_number(
    world: World, first: str, second: str, problem: str, length: int
) -> None:
    for number, content in enumerate((first, second)):
        world.s3.put_object(
            Bucket=world.bucket.name, Key=f"{FOLDER}{number}.csv", Body=content.encode("utf-8", "surrogateescape")
        )
    (found,) = data_rules.check_dataset(scanned(world, length), SCHEMA, FOLDER)
    assert str(found.problem).startswith(FOLDER + problem)


@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize("length", [100, 1 << 30])
def test_a_line_may_be_so_long_and_no_longer(world: World, length: int, over: int) -> None:
    world.put(f"{FOLDER}1.csv", f"ITEM_ID,X\na,1\nb,{'1' * (998 + over)}\nc,1\n")
    table = scanned(world, length, line_bytes=1000)
    assert [stop.problem.place for stop in table.read_errors] == [f"{FOLDER}1.csv line 3"] * over
    assert over or table.rows == 3


def test_the_digest_is_that_of_the_bytes_or_of_the_digests_of_parts(world: World) -> None:
    content = "ITEM_ID,X\n" + "".join(f"i{number},1\n" for number in range(20))
    world.put(f"{FOLDER}1.csv", content)
    assert scanned(world, 1 << 20).digest == hashlib.sha256(content.encode()).hexdigest()
    pieces = [content.encode()[at : at + 50] for at in range(0, len(content), 50)]
    digests = "".join(hashlib.sha256(piece).hexdigest() for piece in pieces)
    assert scanned(world, 50).digest == hashlib.sha256(digests.encode()).hexdigest()
    assert scanned(world, 1 << 20).size == scanned(world, 50).size == len(content)


def test_a_file_that_was_replaced_is_not_read(world: World) -> None:
    world.put(f"{FOLDER}1.csv", "ITEM_ID,X\na,1\n")
    (part,) = parts_of(world.bucket.files(FOLDER)[0])
    world.put(f"{FOLDER}1.csv", "ITEM_ID,X\nb,1\n")
    with pytest.raises(world.s3.exceptions.ClientError, match="PreconditionFailed"):
        profile_part(world.bucket, part)
