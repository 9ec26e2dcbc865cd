"""The files of a batch job's input."""

import json

import pytest
from usher.batch.job_input import write_job_input
from usher.errors import InputError

from tests.unit.usher.world import World


def test_every_line_has_the_defaults_and_files_have_at_most_so_many_lines(world: World) -> None:
    lines = ({"userId": name} for name in "abcde")
    written = write_job_input(world.bucket, "films/in/", lines, {"filterValues": {"G": '"é"'}}, 2)
    assert (written.keys, written.lines) == ([f"films/in/part-000{number}.json" for number in (1, 2, 3)], 5)
    texts = [world.bucket.read(key) or b"" for key in written.keys]
    assert [text.count(b"\n") for text in texts] == [2, 2, 1]
    assert texts[2].decode() == '{"filterValues":{"G":"\\"é\\""},"userId":"e"}\n'


def test_the_digest_is_of_all_lines(world: World) -> None:
    digests = [
        write_job_input(world.bucket, f"{names}/", ({"userId": name} for name in names), {}, 2).digest
        for names in ("abcde", "abcdf")
    ]
    assert digests[0] != digests[1]


def test_a_lines_own_members_stand_instead_of_the_defaults(world: World) -> None:
    own = {"userId": "a", "filterValues": {"G": "own"}}
    write_job_input(world.bucket, "in/", iter([own]), {"filterValues": {"G": "export's"}}, 9)
    assert json.loads(world.bucket.read("in/part-0001.json") or b"")["filterValues"] == {"G": "own"}


def test_a_file_ends_at_its_size(world: World) -> None:
    written = write_job_input(world.bucket, "in/", ({"userId": name} for name in "abc"), {}, 9, file_bytes=20)
    assert [(world.bucket.read(key) or b"").count(b"\n") for key in written.keys] == [2, 1]


def test_more_files_than_a_job_takes_are_refused(world: World) -> None:
    with pytest.raises(InputError, match="has more than 4 lines"):
        write_job_input(world.bucket, "in/", ({"userId": name} for name in "abcde"), {}, 2, max_files=2)
