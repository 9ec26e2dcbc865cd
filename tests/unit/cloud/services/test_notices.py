"""Notifications and events in the terminal of the local cloud."""

from usher_local.cloud.services.notices import MAX_DETAIL, detail_of, readable


def test_a_notification_has_an_address_that_can_be_opened_and_none_of_a_console_elsewhere() -> None:
    message = (
        "Done.\n\nMore: s3://bucket/films/out/runs/1/run.html\n"
        "https://us-east-1.console.aws.amazon.com/s3/object/bucket?region=us-east-1&prefix=films/out/runs/1/run.html"
    )
    shown = readable(message, lambda bucket, key: f"http://127.0.0.1:4566/{bucket}/{key}?signed")
    assert shown == "    Done.\n\n    More: http://127.0.0.1:4566/bucket/films/out/runs/1/run.html?signed"


def test_an_event_is_shown_in_one_line() -> None:
    assert detail_of({"Detail": '{"group": "films", "status": "READY"}'}) == "group films, status READY"
    assert len(detail_of({"Detail": '{"reason": "' + "x" * 9999 + '"}'})) == MAX_DETAIL + len(" ...")
    assert detail_of({"Detail": "nonsense"}) == detail_of({}) == ""
