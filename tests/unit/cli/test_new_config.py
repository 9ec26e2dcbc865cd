"""`usher init` and `usher validate`: a valid config for any CSVs."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from usher.config.parser import parse_config
from usher.recipes import RECIPES

from usher_cli.__main__ import main
from usher_cli.folder import Folder
from usher_cli.new_config import new_config, profiles_of, renamed

EVENTS = [f"u{n % 60},i{n % 97},{1_700_000_000 + n}" for n in range(1200)]


def folder(path: Path, header: str = "USER_ID,ITEM_ID,TIMESTAMP", rows: list[str] = EVENTS, **others: str) -> Path:
    """A folder `films` with interactions, and other files by their names."""
    films = path / "films"
    films.mkdir()
    (films / "interactions.csv").write_text("\n".join([header, *rows]) + "\n")
    for name, text in others.items():
        (films / f"{name}.csv").write_text(text)
    return films


def items(header: str = "ITEM_ID,TITLE,GENRES") -> str:
    return f"{header}\n" + "".join(f"i{n},Film {n},{'Comedy|Drama' if n % 2 else 'Horror'}\n" for n in range(97))


def test_a_first_config_is_commented_and_a_run_takes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films = folder(tmp_path, items=items())
    assert main(["init", str(films)]) == 0
    text = (films / "usher.yaml").read_text()
    assert "# interactions: 1,200 rows, 60 users; columns USER_ID, ITEM_ID, TIMESTAMP" in text
    config = yaml.safe_load(text)
    assert config["filters"] == {"by-genres": "INCLUDE ItemID WHERE Items.GENRES IN ($GENRES)"}
    assert config["catalogue"] == ["TITLE", "GENRES"]
    assert main(["validate", str(films)]) == 0
    assert "A run takes these files." in capsys.readouterr().out


def test_columns_and_times_are_read_as_the_files_have_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{n % 60},{n % 97},2026-01-0{n % 9 + 1}T10:00:00Z,watch" for n in range(1200)]
    films = folder(tmp_path, "userId,item id,timestamp,event_type", rows)
    assert main(["init", str(films)]) == 0
    config = yaml.safe_load((films / "usher.yaml").read_text())
    assert config["columns"]["interactions"] == {
        "userId": "USER_ID",
        "item id": "ITEM_ID",
        "timestamp": "TIMESTAMP",
        "event_type": "EVENT_TYPE",
    }
    assert config["timestamps"] == {"interactions": "iso"}
    assert config["filters"] == {"unseen": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")'}
    assert main(["validate", str(films), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert found["data"]["interactions"]["rows"] == 1200


def test_milliseconds_are_seen(tmp_path: Path) -> None:
    films = folder(tmp_path, rows=[f"u{n % 60},i{n % 97},{1_700_000_000_000 + n}" for n in range(1200)])
    assert main(["init", str(films)]) == 0
    assert yaml.safe_load((films / "usher.yaml").read_text())["timestamps"] == {"interactions": "ms"}


def test_an_own_config_is_left_as_it_is_unless_yes_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films = folder(tmp_path)
    (films / "usher.yaml").write_text("exports: false\n")
    assert main(["init", str(films)]) == 5
    assert "--yes" in capsys.readouterr().err
    assert (films / "usher.yaml").read_text() == "exports: false\n"
    assert main(["init", str(films), "--yes"]) == 0
    assert "solutions:" in (films / "usher.yaml").read_text()
    (films / "usher.json").write_text("{}")
    assert main(["init", str(films), "--yes"]) == 1
    assert "usher.json is the group's config already" in capsys.readouterr().err


def test_faults_that_a_run_would_refuse_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films = folder(tmp_path, rows=["u1,i1,yesterday"])
    assert main(["init", str(films)]) == 0
    assert "A run would refuse this data:" in capsys.readouterr().out
    assert main(["validate", str(films), "--json"]) == 1
    said = capsys.readouterr()
    assert any("interactions.csv" in one["place"] for one in json.loads(said.out)["problems"])
    assert "films/interactions.csv" in said.err
    empty = tmp_path / "none"
    empty.mkdir()
    (empty / "ratings.csv").write_text("a,b\n")
    for command in ("init", "validate"):
        assert main([command, str(empty)]) == 1
        assert "interactions.csv" in capsys.readouterr().err


def test_two_columns_never_get_one_name() -> None:
    assert renamed("interactions", ["user_id", "USER_ID", "item", "timestamp"]) == {
        "item": "ITEM_ID",
        "timestamp": "TIMESTAMP",
    }
    assert renamed("interactions", ["event_type", "Event_Type"]) == {"event_type": "EVENT_TYPE"}


NAMES = st.text(st.characters(codec="utf-8", exclude_characters='\r\n",'), min_size=1, max_size=20).filter(str.strip)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(NAMES, max_size=4, unique=True), st.lists(NAMES, max_size=4, unique=True), st.lists(NAMES, max_size=3))
def test_a_config_for_any_columns_and_values_can_be_read(
    tmp_path_factory: pytest.TempPathFactory, more: list[str], of_items: list[str], values: list[str]
) -> None:
    value = "|".join(values) or "x"
    header = ",".join(["USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE", *more])
    rows = [f"u{n},i{n},17{n:08},{value}" + f",{value}" * len(more) for n in range(10)]
    item_rows = "".join(f"i{n}" + f",{value}" * len(of_items) + "\n" for n in range(10))
    films = folder(
        tmp_path_factory.mktemp("x"), header, rows, items=",".join(["ITEM_ID", *of_items]) + "\n" + item_rows
    )
    group = Folder.of(films, "films")
    try:
        found = profiles_of(group, "films")
    except Exception as error:
        assert "films/" in str(error), "the message names the unreadable files"
        return
    parse_config(new_config("films", found).encode(), "usher.yaml", "films", RECIPES)
