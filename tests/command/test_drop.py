"""A folder is dropped as a whole: all of it arrives, or nothing."""

from pathlib import Path
from typing import Any

import pytest
from usher.aws import client

from tests.command.world import run_command
from tests.unit.usher.world import interactions
from usher_cli.deployed_stack import DeployedStack
from usher_cli.drop import read_folder, upload
from usher_local.simulation.stack import Stack

CONFIG = "solutions: {popular: {recipe: aws-popularity-count}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shop = tmp_path / "shop"
    for name, content in {
        "usher.yaml": CONFIG,
        "interactions/a.csv": interactions(),
        "interactions/b.csv": interactions(users=70),
        "notes/read me.txt": "x",
        "interactions/_SUCCESS": "",
    }.items():
        (shop / name).parent.mkdir(parents=True, exist_ok=True)
        (shop / name).write_text(content)
    return shop


def test_a_folder_becomes_the_groups_and_its_config_comes_last(
    stack: Stack, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    arrived: list[str] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        arrived.append(params["Key"])

    client("s3").meta.events.register("provide-client-params.s3.CompleteMultipartUpload", note)
    said = run_command(capsys, "drop", str(folder))
    client("s3").meta.events.unregister("provide-client-params.s3.CompleteMultipartUpload", note)
    assert "Dropped 3 files" in said
    assert "The run begins when no other file has arrived for 60 seconds." in said
    assert "To follow it: usher status shop --follow" in said
    assert sorted(arrived) == ["shop/interactions/a.csv", "shop/interactions/b.csv", "shop/usher.yaml"]
    assert arrived[-1] == "shop/usher.yaml"
    assert stack.drop("shop/usher.yaml").status == "SUCCEEDED"


def test_a_large_file_arrives_as_it_is(stack: Stack, folder: Path) -> None:
    advanced: list[int] = []
    bucket = DeployedStack("usher").bucket
    (folder / "interactions/b.csv").write_bytes(bytes(range(256)) * 30_000)
    drop = read_folder(folder, "films")
    upload(bucket, drop, advanced.append, part_bytes=5 << 20)
    for key, path in drop.files.items():
        assert bucket.read(key) == path.read_bytes()
    assert sum(advanced) == drop.size
    assert len(advanced) > len(drop.files)
    assert stack.keys("films/out/.*") == []


def test_a_failed_upload_leaves_nothing(stack: Stack, folder: Path) -> None:
    bucket = DeployedStack("usher").bucket

    def fail(_: int) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        upload(bucket, read_folder(folder, "films"), fail, part_bytes=10_000)
    assert stack.keys("films/.*") == []
    assert bucket.s3.list_multipart_uploads(Bucket=bucket.name).get("Uploads", []) == []


def test_data_does_not_arrive_where_the_config_can_not_be_uploaded(stack: Stack, folder: Path) -> None:
    bucket = DeployedStack("usher").bucket

    def fail_at_config(size: int) -> None:
        if size == len(CONFIG):
            raise ConnectionError

    with pytest.raises(ConnectionError):
        upload(bucket, read_folder(folder, "films"), fail_at_config)
    assert stack.keys("films/.*") == []


@pytest.mark.usefixtures("stack")
def test_an_empty_file_arrives_too(folder: Path) -> None:
    bucket = DeployedStack("usher").bucket
    (folder / "users.csv").write_text("")
    upload(bucket, read_folder(folder, "films"), lambda _: None)
    assert bucket.read("films/users.csv") == b""


def test_nearly_right_names_are_reported_before_anything_is_uploaded(
    stack: Stack, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "Item.csv").write_text("ITEM_ID,X\n")
    said = run_command(capsys, "drop", str(folder), "--group", "films", status=1)
    assert "films/Item.csv: is not a file name of Usher. Call it items.csv." in said
    assert stack.keys("films/.*") == []


@pytest.mark.usefixtures("stack")
def test_files_that_cannot_be_dropped_are_reported(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "my films").mkdir()
    assert "is not a folder." in run_command(capsys, "drop", str(tmp_path / "file"), status=1)
    assert "does not exist." in run_command(capsys, "drop", str(tmp_path / "nothing"), status=1)
    said = run_command(capsys, "drop", str(tmp_path / "my films"), status=1)
    assert "my films/: can't be the name of a dataset group. Use up to 35" in said
    assert "Choose another name: --group <name>." in said
    assert "train/: can't be a group's folder" in run_command(
        capsys, "drop", str(tmp_path), "--group", "train", status=1
    )
    said = run_command(capsys, "drop", str(tmp_path / "my films"), "--group", "films", status=1)
    assert "has no file that Usher reads" in said
