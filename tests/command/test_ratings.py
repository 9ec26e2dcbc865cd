"""Ratings in all common formats, and the messages about bad ones."""

from pathlib import Path

import pytest

from usher_cli.ratings import Ratings, RatingsError, read_ratings

FORMATS = {
    "ratings.dat": "1::10::5::100\n2::20::3::200\n",
    "ratings.csv": "userId,movieId,rating,timestamp\n1,10,4.0,100\n2,20,3.5,200\n",
    "bare.csv": "1,10,100\n2,20,200\n",
    "u.data": "1\t10\t5\t100\n2\t20\t3\t200\n",
    "ml.inter": "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t10\t5\t100.0\n2\t20\t3\t2e2\n",
    "interactions.csv": "\ufeffUSER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE\r\n1,10,100,watch\r\n\r\n2,20,200,watch\r\n",
    "moved.csv": 'timestamp,x,item,user\n100,"a,b",10,1\n200,,20,2\n',
}


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_the_same(tmp_path: Path, name: str) -> None:
    found = read_ratings(written(tmp_path, name, FORMATS[name]), "x")
    assert found == Ratings("x", ["1", "2"], ["10", "20"], [100, 200])


def test_a_data_set_is_called_like_its_file_or_folder(tmp_path: Path) -> None:
    assert read_ratings(written(tmp_path, "shop.csv", FORMATS["bare.csv"])).name == "shop"
    (tmp_path / "ml-1m").mkdir()
    assert read_ratings(written(tmp_path / "ml-1m", "ratings.dat", FORMATS["ratings.dat"])).name == "ml-1m"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("movies.dat", "10::Amélie (2001)::Comedy|Romance\n".encode("latin-1")),
        ("movies.csv", 'movieId,title,genres\n10,"Amélie (2001)",Comedy|Romance\n'.encode()),
        ("items.csv", "ITEM_ID,TITLE,GENRES,YEAR\n10,Amélie (2001),Comedy|Romance,2001\n".encode()),
    ],
)
def test_titles_and_genres_lie_beside(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    found = read_ratings(written(tmp_path, "ratings.dat", FORMATS["ratings.dat"]))
    assert found.about == {"10": ("Amélie (2001)", "Comedy|Romance")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no lines of data; give a file that has"),
        ("userId,movieId,timestamp\n", "has no lines of data"),
        ("1 10 5 100\n", "line 1: no separator in '1 10 5 100'; separate by commas, tabs or ::"),
        ("userId,movieId\n1,2\n", "line 1: the header has no column timestamp; rename the column to that"),
        ("1,2\n", "line 1: 2 columns and no header; add one, or have user, item, timestamp or user, item, rating"),
        ("1,10,5,100\n2,20,3\n", "line 2: 3 columns, not 4; repair or delete the line"),
        ("1::10::5::100\n\n2::20::3::soon\n", "line 3: 'soon' is not a timestamp; write Unix seconds"),
        ("1::10::5::inf\n", "line 1: 'inf' is not a timestamp"),
        ("uid,iid,when\n1,2,3\n", "line 1: 'when' is not a timestamp.*userId, movieId, timestamp if this is a header"),
        ("1,,5,100\n", "line 1: no item; repair or delete the line"),
        (",10,5,100\n", "line 1: no user"),
        ('userId,movieId,timestamp\n1,1,"' + "x" * 200_000, "line 2: field larger than field limit"),
    ],
)
def test_a_bad_file_is_reported_with_line_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RatingsError, match=rf"bad\.csv.*{message}"):
        read_ratings(written(tmp_path, "bad.csv", text))


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(RatingsError, match=r"no\.csv cannot be read: No such file or directory; give the path"):
        read_ratings(tmp_path / "no.csv")


def test_bad_titles_are_reported_with_their_own_file(tmp_path: Path) -> None:
    written(tmp_path, "movies.csv", "movieId,title\n1,Heat\n")
    with pytest.raises(RatingsError, match=r"movies\.csv, line 1: the header has no column genres"):
        read_ratings(written(tmp_path, "ratings.dat", FORMATS["ratings.dat"]))
