"""Uploads: one object of any size, and none if the writing was interrupted."""

import hashlib
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.storage.bucket import Bucket, TooLargeError, whole_lines
from usher.storage.multipart import Upload

from tests.unit.usher.world import BUCKET, World

MIN_PART_BYTES = 5 << 20
"""S3's minimum for every part but the last."""


@pytest.mark.parametrize("size", [0, 1, MIN_PART_BYTES - 1, MIN_PART_BYTES, 2 * MIN_PART_BYTES, 2 * MIN_PART_BYTES + 7])
def test_an_object_has_the_written_content(world: World, size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    with Upload(world.bucket, "key", MIN_PART_BYTES) as upload:
        for start in range(0, size, 1 << 20):
            upload.write(content[start : min(size, start + (1 << 20))])
    assert world.bucket.read("key", size) == content[:size]
    assert (upload.size, upload.sha256) == (size, hashlib.sha256(content[:size]).hexdigest())


def test_an_interrupted_upload_leaves_no_object(world: World) -> None:
    with pytest.raises(ZeroDivisionError), Upload(world.bucket, "key", MIN_PART_BYTES) as upload:
        upload.write(bytes(MIN_PART_BYTES))
        upload.write(bytes(1 // 0))
    assert world.bucket.read("key") is None


def test_deleting_takes_any_number_of_keys(world: World) -> None:
    keys = [f"k{number:04d}" for number in range(1003)]
    for key in keys:
        world.put(key, "")
    world.bucket.delete(keys[1:])
    assert world.bucket.keys("") == keys[:1]
    world.bucket.delete([])


def test_no_more_bytes_are_read_than_the_limit(world: World) -> None:
    world.put("key", "x" * 9)
    assert world.bucket.read("key", 9) == b"x" * 9
    with pytest.raises(TooLargeError, match="key has more than 8 bytes"):
        world.bucket.read("key", 8)
    assert world.bucket.read("nothing", 8) is None


def test_a_line_without_an_end_is_not_held_as_a_whole() -> None:
    whole = b"a" * 9 + b"\n" + b"b" * 10
    assert b"".join(whole_lines(io.BytesIO(whole), 4, 10)) == whole
    with pytest.raises(TooLargeError, match="Ask for fewer results"):
        list(whole_lines(io.BytesIO(b"a\n" + b"b" * 20), 4, 10))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=9), max_size=9))
def test_blocks_are_whole_lines(lines: list[str]) -> None:
    # A bucket would be slow here: blocks need no more of it than a stream.
    class Streams(Bucket):
        def open(self, key: str, **_: str) -> io.BytesIO:
            return io.BytesIO(key.encode())

    content = "\n".join(lines)
    s3: Any = None
    for size in (1, 3, 100):
        blocks = list(Streams(s3, BUCKET).blocks(content, size=size))
        assert b"".join(blocks) == content.encode()
        assert all(block.endswith(b"\n") for block in blocks[:-1])
