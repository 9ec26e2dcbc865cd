"""No test here needs a network: pip reads from a folder, or finds nothing."""

import csv
import hashlib
import zipfile
from pathlib import Path

import pytest

from usher_local.demo import movielens
from usher_local.demo.movielens import DownloadError, fetch, prepare

FILES = {
    movielens.INTERACTIONS: "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    "196\t242\t3\t881250949\n186\t3\t5\t891717742\n",
    movielens.ITEMS: "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
    "3\tMisérables, Les\t1995\tDrama Musical\n"
    '242\tSo-called "Kolya"\t1996\tComedy\n'
    "267\tunkonwn\tunkonwn\tunknown\n"
    "1412\tLand Before Time III: The Time of the Great Giving (1995)\tV\tAnimation Children's\n",
    movielens.USERS: "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n"
    "186\t24\tM\ttechnician\t85711\n196\t53\tF\tother\t94043\n",
}
DIGESTS = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in FILES.items()}


def write_wheel(folder: Path, files: dict[str, str] = FILES) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / movielens.WHEEL, "w") as archive:
        archive.writestr("recbole-1.2.1.dist-info/METADATA", "Metadata-Version: 2.1\nName: recbole\nVersion: 1.2.1\n")
        archive.writestr("recbole-1.2.1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("recbole-1.2.1.dist-info/RECORD", "")
        for name, text in files.items():
            archive.writestr(f"{movielens.FOLDER}/{name}", text)
    return folder / movielens.WHEEL


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_wheel(tmp_path / "source")
    return fetch(tmp_path / "source", DIGESTS)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_pips_download_is_unpacked_and_the_wheel_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(write_wheel(tmp_path / "index").parent))
    cache = fetch(tmp_path / "new" / "cache", DIGESTS)
    assert {path.name: path.read_text("utf-8") for path in cache.iterdir()} == FILES


def test_a_full_cache_needs_no_download(source: Path) -> None:
    (source / movielens.WHEEL).unlink()
    assert fetch(source, DIGESTS) == source


def test_a_damaged_cache_is_filled_again(source: Path) -> None:
    (source / movielens.USERS).write_text("half a fi")
    fetch(source, DIGESTS)
    assert (source / movielens.USERS).read_text("utf-8") == FILES[movielens.USERS]


def test_without_a_network_the_error_names_the_file_and_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(DownloadError) as error:
        fetch(tmp_path, DIGESTS)
    assert str(tmp_path.resolve() / movielens.WHEEL) in str(error.value)
    assert "No matching distribution" in str(error.value)


def test_a_wheel_of_other_data_is_refused(tmp_path: Path) -> None:
    write_wheel(tmp_path, FILES | {movielens.USERS: "other"})
    with pytest.raises(DownloadError, match=r"ml-100k\.user has another SHA-256"):
        fetch(tmp_path, DIGESTS)


def test_a_wheel_without_the_data_is_refused(tmp_path: Path) -> None:
    write_wheel(tmp_path, {})
    with pytest.raises(DownloadError, match="is not the wheel"):
        fetch(tmp_path, DIGESTS)


def test_a_file_that_is_no_wheel_is_refused(tmp_path: Path) -> None:
    (tmp_path / movielens.WHEEL).write_text("<html>")
    with pytest.raises(DownloadError, match="is not the wheel"):
        fetch(tmp_path, DIGESTS)


def test_ratings_become_watch_events(source: Path, tmp_path: Path) -> None:
    assert read(prepare(source, tmp_path / "target").interactions) == [
        {"USER_ID": "196", "ITEM_ID": "242", "TIMESTAMP": "881250949", "EVENT_TYPE": "watch", "EVENT_VALUE": "3"},
        {"USER_ID": "186", "ITEM_ID": "3", "TIMESTAMP": "891717742", "EVENT_TYPE": "watch", "EVENT_VALUE": "5"},
    ]


def test_items_keep_accents_quotes_and_commas_and_the_unidentified_film_has_no_row(
    source: Path, tmp_path: Path
) -> None:
    title = "Land Before Time III: The Time of the Great Giving"
    assert read(prepare(source, tmp_path / "target").items) == [
        {"ITEM_ID": "3", "TITLE": "Misérables, Les", "GENRES": "Drama|Musical", "YEAR": "1995"},
        {"ITEM_ID": "242", "TITLE": 'So-called "Kolya"', "GENRES": "Comedy", "YEAR": "1996"},
        {"ITEM_ID": "1412", "TITLE": title, "GENRES": "Animation|Children's", "YEAR": "1995"},
    ]


def test_users_come_without_their_zip_codes(source: Path, tmp_path: Path) -> None:
    assert read(prepare(source, tmp_path / "target").users) == [
        {"USER_ID": "186", "AGE": "24", "GENDER": "M", "OCCUPATION": "technician"},
        {"USER_ID": "196", "AGE": "53", "GENDER": "F", "OCCUPATION": "other"},
    ]


def test_every_item_has_a_title_for_people(source: Path, tmp_path: Path) -> None:
    assert prepare(source, tmp_path / "target").titles == {
        "3": "Misérables, Les (1995)",
        "242": 'So-called "Kolya" (1996)',
        "267": "(unknown film)",
        "1412": "Land Before Time III: The Time of the Great Giving (1995)",
    }
