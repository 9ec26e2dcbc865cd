"""`usher events`: show, count and replay kept events."""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich.console import Console
from usher.aws import client
from usher.events.kept import KeptEvent
from usher.texts import number_of

from usher_cli import events, show
from usher_cli.api import answer_to, api_of
from usher_cli.command import OK, UNCONFIRMED, Command, day, days, group
from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output


def tail(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Show today's events of a group, and new ones as they are kept, until you press Ctrl-C."""
    for event in events.arriving(stack.bucket, options.group, stack.sleep):
        output.print_line(event, show.event_line)
    return OK


def add_sending(parser: ArgumentParser) -> None:
    """Add the group, the user, and the event."""
    group(parser)
    parser.add_argument("user", help="the user's ID")
    parser.add_argument("type", help="the event's type, such as watch")
    parser.add_argument("items", nargs="+", metavar="item", help="the items' IDs, in the order of the events")


def send(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Send events of a user to the API, to be used in the user's next recommendations."""
    sent = [{"eventType": options.type, "itemId": item} for item in options.items]
    path = f"/{quote(options.group, safe='')}/events"
    answer = answer_to(lambda: api_of(stack).post(path, {"userId": options.user, "events": sent}))

    def show_counts(_: Console, answer: Mapping[str, Any]) -> None:
        output.say(f"{answer['accepted']} accepted, {answer['queued']} of them queued.")
        for one in answer["warnings"]:
            output.say(f"Warning: {one['message']}")

    output.document(answer, show_counts)
    return OK


def add_days(parser: ArgumentParser) -> None:
    """Add the group and a number of days."""
    group(parser)
    parser.add_argument("--days", type=days, default=7, help="the number of days up to today (default: 7)")


def stats(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Count the kept events of a group by day and type, and those that Personalize refused."""
    some = events.Days(events.today() - timedelta(options.days - 1), events.today())
    counts = list(events.counted(stack.bucket, options.group, some))

    def table(console: Console, _: object) -> None:
        if counts:
            show.print_table(console, ("Day", "Type", "Events", "Refused"), counts)
        else:
            output.say(f"No events of {options.group} are kept of {some}.")

    output.document([count._asdict() for count in counts], table)
    return OK


def add_replay(parser: ArgumentParser) -> None:
    """Add the group, the days, and the destination of the events."""
    group(parser)
    for option, name, default, of in (
        ("--from", "first", events.today() - timedelta(1), "from this day on, in UTC (default: yesterday)"),
        ("--to", "last", events.today(), "up to this day (default: today)"),
    ):
        parser.add_argument(option, dest=name, type=day, default=default, metavar="DAY", help=of)
    parser.add_argument("--refused", action="store_true", help="only events that Personalize refused")
    parser.add_argument("--into", metavar="GROUP", help="send them to this group instead")
    parser.add_argument("--file", type=Path, help="write a CSV of interactions here instead")


def replay(stack: DeployedStack, options: Namespace, output: Output) -> int:
    """Send kept events again, to the same group or another; or write them to a CSV of interactions."""
    some, into = events.Days(options.first, options.last), options.into or options.group

    def chosen() -> Iterator[KeptEvent]:
        for one in some:
            for event in events.events_of_day(stack.bucket, options.group, one):
                if ("refused" in event) == options.refused:
                    yield event

    if options.file:
        written, left_out = events.write_interactions(options.file, chosen)
        without = f"; {left_out:,} events without a user or an item are left out" if left_out else ""
        sentence = f"{options.file} has {written:,} interactions of {some}{without}."
        found = {"file": str(options.file), "interactions": written, "leftOut": left_out}
        output.document(found, lambda *_: output.say(sentence))
        return OK
    serving = stack.serving.read(into)
    ids = {"events": serving.get("trackingId", ""), "action-interactions": serving.get("actionTrackingId", "")}
    tracking_ids = {kind: one for kind, one in ids.items() if one}
    messages = list(events.messages(chosen(), into, tracking_ids, time.time()))
    number = sum(len(message["events"]) for message in messages)
    sessions = len({message["sessionId"] for message in messages})
    events_ = number_of(number, "refused event" if options.refused else "event")
    what = f"{events_} of {number_of(sessions, 'session')}, of {some}"
    is_sent = output.confirm(f"Send {what}, to {into}?")
    if is_sent:
        events.queue(client("sqs"), stack.pending_queue, messages)
    sentence = (
        f"{what} wait in the queue, from which the stack sends them to {into} in order."
        if is_sent
        else f"This would send {what}, to {into}. Do it with --yes."
    )
    output.document(
        {"group": into, "events": number, "sessions": sessions, "sent": is_sent}, lambda *_: output.say(sentence)
    )
    return OK if is_sent else UNCONFIRMED


COMMANDS = (
    Command(
        "events send",
        send,
        {"usher events send films 42 watch 50 127": "report that a user has watched two films"},
        add_sending,
        changes="an event tracker",
    ),
    Command("events tail", tail, {"usher events tail films": "show events as they arrive, until Ctrl-C"}),
    Command(
        "events stats",
        stats,
        {"usher events stats films --days 30": "kept and refused events by day and type"},
        add_days,
    ),
    Command(
        "events replay",
        replay,
        {
            "usher events replay films --from 2026-11-20 --yes": "send the events since that day again",
            "usher events replay films --refused --into films2": "show the events that it would send to another group",
            "usher events replay films --file interactions.csv": "write them to a CSV of interactions",
        },
        add_replay,
        changes="an event tracker",
        asks=True,
    ),
)
