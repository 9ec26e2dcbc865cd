"""Figures, names and messages in the docs are those of the code and the template."""

import re
from collections.abc import Iterable
from typing import Any

import pytest
import yaml
from usher.datasets import profile
from usher.datasets.read_limits import LIMITS
from usher.errors import MAX_MESSAGE_LENGTH, MAX_PLACE_LENGTH, MAX_PROBLEMS
from usher.resources import deletion, reconcile
from usher.run_record import RunRecord
from usher.runs import outcome
from usher.serving import export_store, serving_map

from tests.unit.stack.files import MACHINES, REPOSITORY, TEMPLATE

DOCS = REPOSITORY / "docs"
NUMBERS = (
    *("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
RUNTIME_ERRORS = {"Lambda.TooManyRequestsException"}
MB = 1 << 20
SNAPSHOT_DOLLARS = 2_592_000 * 0.0000015046
"""US dollars for a GB and a month: https://aws.amazon.com/lambda/pricing/"""


class _Loader(yaml.CSafeLoader):
    """Reads CloudFormation's short forms as nothing."""


_Loader.add_multi_constructor("!", lambda *_: None)
RESOURCES: dict[str, Any] = yaml.load(TEMPLATE.read_text(), _Loader)["Resources"]  # noqa: S506 - our own file


def of_type(kind: str) -> list[dict[str, Any]]:
    """The properties of the template's resources of a type."""
    return [one["Properties"] for one in RESOURCES.values() if one["Type"] == kind]


def text(page: str) -> str:
    """A page, with single spaces."""
    return " ".join((DOCS / page).read_text().split())


def facts() -> Iterable[tuple[str, str]]:
    """Pages, and phrases that they must contain."""
    alarms = of_type("AWS::CloudWatch::Alarm")
    # Conditional parts are ignored.
    metrics = sum(sum("MetricStat" in (one or {}) for one in alarm.get("Metrics", [])) or 1 for alarm in alarms)
    yield "cost.md", f"{NUMBERS[len(alarms)]} alarms, on {NUMBERS[metrics]} metrics"
    kept = [one for one in RESOURCES.values() if "SnapStart" in one.get("Properties", {}) and "Condition" not in one]
    dollars = len(kept) * 0.5 * SNAPSHOT_DOLLARS
    yield "cost.md", f"{NUMBERS[len(kept)]} API functions, each 0.5 GB for a month | ${dollars:.2f}"
    functions = NUMBERS[len(of_type("AWS::Serverless::Function"))]
    yield "architecture.md", f"{functions} functions, {NUMBERS[len(MACHINES)]} state machines"
    yield "architecture.md", f"parts of up to {LIMITS.part_bytes // MB} MB"
    yield "architecture.md", f"more than {LIMITS.parallel_bytes // MB} MB"
    yield "architecture.md", f"up to {profile.MAX_VALUES:,d} values of each column"
    yield "architecture.md", f"cache the map for {NUMBERS[int(serving_map.CACHE_SECONDS)]} seconds"
    yield "architecture.md", f"{export_store.WRITES_PER_SECOND:,d} items a second"
    yield "architecture.md", f"after {NUMBERS[int(reconcile.MAX_WAIT_SECONDS / 60)]} minutes"
    assert deletion.MAX_WAIT_SECONDS == 30 * 60
    yield "architecture.md", "tried again for half an hour"
    yield "operations.md", f"| a problem's place | {MAX_PLACE_LENGTH:,d} characters |"
    yield "operations.md", f"a state's reason | {MAX_MESSAGE_LENGTH:,d} characters each |"
    yield "operations.md", f"of a config or of data | {MAX_PROBLEMS}"
    yield "operations.md", f"| the summary | {outcome.MAX_SUMMARY_LENGTH:,d} characters"
    yield "operations.md", f"In the table: {export_store.LIFETIME.days} days"
    for rule in of_type("AWS::S3::Bucket")[0]["LifecycleConfiguration"]["Rules"]:
        if "TagFilters" in rule:
            what = {
                "check": "Profiles of the data: {} days",
                "erase": "Lists of users to erase: until they are erased, and at most {} days",
                "input": "Copies of the input of imports and jobs: {} days",
            }
            yield "operations.md", what[rule["TagFilters"][0]["Value"]].format(rule["ExpirationInDays"])
    [days] = {queue["MessageRetentionPeriod"] // 86400 for queue in of_type("AWS::SQS::Queue")}
    yield "operations.md", f"are kept in a queue for {days} days"
    yield "operations.md", f"keeps them for {days} days, each with its"


@pytest.mark.parametrize(("page", "phrase"), list(facts()))
def test_a_figure_is_that_of_the_code(page: str, phrase: str) -> None:
    assert phrase in text(page)


def test_the_annotated_record_has_members_of_a_record() -> None:
    [record] = re.findall(r"^```text\n\{\n(.*?)^```$", (DOCS / "operations.md").read_text(), re.M | re.S)
    members = re.findall(r'^  "(\w+)":', record, re.M)
    assert {"group", "outcome", "resources"} <= set(members) <= RunRecord.__annotations__.keys()


@pytest.mark.parametrize("heading", ["When something fails", "Two stacks in one account"])
def test_a_message_that_a_person_may_look_up_is_one_of_usher(heading: str) -> None:
    [section] = re.findall(rf"^## {heading}$(.*?)^#", (DOCS / "operations.md").read_text(), re.M | re.S)
    cells = "\n".join(re.findall(r"^\| (.*?) \|", section, re.M))
    folders = (REPOSITORY / "layers" / "core", REPOSITORY / "functions")
    code = "\n".join(path.read_text() for folder in folders for path in folder.rglob("*.py"))
    code = code.replace("{GROUP_TAG}", "usher:group")
    parts = {part.strip(" .:") for message in re.findall(r"`([^`]+)`", cells) for part in message.split("...")}
    assert len(parts) > 3
    assert [part for part in parts - RUNTIME_ERRORS if part not in code] == []
