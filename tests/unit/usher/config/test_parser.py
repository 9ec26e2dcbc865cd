"""`usher.yaml`: valid values, and the messages about all others."""

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.model import ShapeResolver
from hypothesis import given, settings
from hypothesis import strategies as st
from usher.config.keys import FILLED_IN, OPERATIONS
from usher.config.model import Budget, Config, Solution
from usher.config.parser import DEFAULT_SOLUTIONS, default_config, parse_config
from usher.config.service_model import ALLOWED_REFERENCES, references
from usher.errors import InputError

RECIPES = ["aws-sims", "aws-similar-items", "aws-user-personalization-v2", "aws-personalized-ranking-v2"]
RARER = ["aws-user-personalization", "aws-item-affinity", "aws-ecomm-recommended-for-you"]


def read(text: str, group: str = "films", recipes: Sequence[str] = RECIPES) -> Config:
    return parse_config(text.encode(), "films/usher.yaml", group, recipes)


def complaints(text: str, group: str = "films", recipes: Sequence[str] = RECIPES) -> list[str]:
    """The problems of a config, one text each."""
    with pytest.raises(InputError) as caught:
        read(text, group, recipes)
    return [str(problem) for problem in caught.value.problems]


def with_schema(fields: object) -> str:
    return json.dumps({"schemas": {"items": {"type": "record", "name": "Items", "fields": fields}}})


@pytest.mark.parametrize("text", ["", "---\n", "{}", "# only a comment"])
def test_a_config_without_solutions_gets_three_with_campaigns(text: str) -> None:
    assert read(text) == default_config()
    assert [one.name for one in default_config().solutions] == list(DEFAULT_SOLUTIONS)
    assert all(one.campaign == {} for one in default_config().solutions)


def test_a_full_config_is_read_as_it_is_written() -> None:
    config = read("""
solutions:
  for-you:
    recipe: arn:aws:personalize:::recipe/aws-sims
    eventType: watch
    solutionConfig: {algorithmHyperParameters: {min_cointeraction_count: "2"}}
    campaign: {minProvisionedTPS: 2}
  offline: {recipe: aws-sims, campaign: false}
filters:
  seen: >
    EXCLUDE ItemID
    WHERE INTERACTIONS.EVENT_TYPE IN ("*")
exports: {for-you: {numResults: 10, filter: seen}}
schemas:
  users: {type: record, name: Users, fields: [{name: USER_ID, type: string}, {name: AGE, type: ["null", int]}]}
""")
    settings = {"eventType": "watch", "solutionConfig": {"algorithmHyperParameters": {"min_cointeraction_count": "2"}}}
    assert config.solutions == (
        Solution("for-you", "aws-sims", settings, {"minProvisionedTPS": 2}),
        Solution("offline", "aws-sims", {}, None),
    )
    assert config.filters == {"seen": {"filterExpression": 'EXCLUDE ItemID WHERE INTERACTIONS.EVENT_TYPE IN ("*")'}}
    assert config.exports
    assert (config.exports["for-you"]["settings"], config.exports["for-you"]["filter"]) == ({"numResults": 10}, "seen")
    assert [field["name"] for field in config.schemas["users"]["fields"]] == ["USER_ID", "AGE"]


def test_json_is_read_as_well() -> None:
    text = json.dumps(
        {"solutions": {"s": {"recipe": "aws-sims"}}, "filters": {"f": "INCLUDE ItemID WHERE Items.A > 1"}}
    )
    assert read(text).solutions == (Solution("s", "aws-sims"),)


def test_everything_that_is_wrong_is_said_at_once_with_place_and_remedy() -> None:
    said = complaints("""
solution: {}
solutions:
  one: {recipe: aws-simz, solutionConfg: {}, campaign: {minProvisionedTPS: many}}
  two: {}
  bad name: {recipe: aws-sims, campaign: {name: x}}
filters: {empty: "", number: 5}
exports: {three: {}, one: {numResults: "10", fliter: x, filter: nothing}}
schemas: {things: {}, items: no}
""")
    assert said == [
        "films/usher.yaml: solution: is unknown. Did you mean solutions?",
        "films/usher.yaml: schemas.things: is unknown. Did you mean actions?",
        "films/usher.yaml: solutions.one.recipe: names the recipe 'aws-simz', which Personalize does not have. "
        "Did you mean aws-sims?",
        "films/usher.yaml: solutions.one.campaign: Invalid type for parameter minProvisionedTPS, value: many, "
        "type: <class 'str'>, valid types: <class 'int'>. Write a number, without quotes.",
        "films/usher.yaml: solutions.one.solutionConfg: is unknown to CreateSolution. Did you mean solutionConfig?",
        "films/usher.yaml: solutions.two.recipe: names no recipe. "
        "Use one of: aws-personalized-ranking-v2, aws-similar-items, aws-sims, aws-user-personalization-v2.",
        "films/usher.yaml: solutions.bad name: is not a usable name. "
        "Use up to 55 letters, digits, - and _.",
        "films/usher.yaml: solutions.bad name.campaign.name: is filled in by Usher. Remove it.",
        "films/usher.yaml: filters.empty: is not a filter expression. "
        "Write it as one text, such as: EXCLUDE ItemID WHERE ...",
        "films/usher.yaml: filters.number: is not a filter expression. "
        "Write it as one text, such as: EXCLUDE ItemID WHERE ...",
        "films/usher.yaml: schemas.items: is no. Write names with values below it (name: value).",
        "films/usher.yaml: schemas.items.fields: is not a list of Avro fields. "
        'Write each as {name: AGE, type: ["null", int]}; the quotes matter.',
        "films/usher.yaml: exports.three: names 'three', which this file does not define. "
        "Use one of: bad name, one, two.",
        "films/usher.yaml: exports.one.numResults: is '10'. Give it a number of 1 at least, without quotes.",
        "films/usher.yaml: exports.one.fliter: is unknown to CreateBatchInferenceJob. Did you mean filter?",
        "films/usher.yaml: exports.one.filter: names 'nothing', which this file does not define. "
        "Use one of: empty, number.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[1, 2]", "films/usher.yaml: the file: is [1, 2]. Write names with values below it (name: value)."),
        ("solutions:", "solutions: is empty. Write names"),
        ("solutions: {s: {recipe: aws-sims, campaign: true}}", "solutions.s.campaign: is True."),
        ("solutions: {s: {recipe: aws-sims, campaign: }}", "solutions.s.campaign: is empty."),
        ("solutions: {s: {recipe: aws-sims, name: x}}", "solutions.s.name: is filled in by Usher. Remove it."),
        ("solutions: {s: {recipe: aws-sims, solutionConfig: {hpo: {}}}}", 'Unknown parameter in solutionConfig: "hpo"'),
        (
            "adopt: {dataset_group/films: a/ITEMS}",
            "adopt.dataset_group/films: is a/ITEMS, which is not a name",
        ),
        ("tags: [{tagKey: 'usher:stack', tagValue: x}]", "tags: has the tag usher:stack."),
        ("tags: [{tagKey: 'Usher:Stack', tagValue: x}]", "tags: has the tag Usher:Stack."),
        ("tags: [{tagKey: a, tagValue: x}, {tagKey: a, tagValue: y}]", "tags: has the tag a twice."),
        (
            "tags: [{tagKey: 'aws:cloudformation:stack-name', tagValue: x}]",
            "has the tag aws:cloudformation:stack-name.",
        ),
        (
            "solutions: {a: {recipe: aws-sims, campaign: {tags: [{tagKey: 'usher:fingerprint', tagValue: x}]}}}",
            "solutions.a.campaign: has the tag usher:fingerprint.",
        ),
        ("solutions: {é: {recipe: aws-sims}}", "solutions.é: is not a usable name"),
        (
            "solutions: {out: {recipe: aws-sims}}",
            "solutions.out: can't be a solution's name: only Usher may write below films/export/out/. Rename it.",
        ),
        (
            "solutions:\n  a: {recipe: aws-sims}\n  a: {}",
            "usher.yaml line 3 column 3: is not readable: a occurs twice.",
        ),
        ("solutions: {s: {recipe: 2001-99-99}}", "names the recipe '2001-99-99', which Personalize does not have."),
        ("solutions: [{2001-01-01: x}]", "solutions: is [{'2001-01-01': 'x'}]."),
        (with_schema("none"), "schemas.items.fields: is not a list of Avro fields."),
        (with_schema([{"name": "ITEM_ID"}]), "schemas.items.fields: is not a list of Avro fields."),
        (with_schema([{"name": "A", "type": [None, "string"]}]), "the quotes matter."),
        (with_schema([{"name": "A", "type": "string"}]), "schemas.items.fields: lacks ITEM_ID. Personalize requires"),
    ],
)
def test_each_mistake_is_named(text: str, complaint: str) -> None:
    (said,) = complaints(text)
    assert complaint in said


OWN = [
    "films/batch/a.jsonl",
    "films/people.json",
    "films/export/s/a.jsonl",
    "train/films/a.json",
    "batch/films/s/job_config.json",
]
ELSEWHERE = [
    "victim/batch/a.jsonl",
    "films2/batch/a.jsonl",
    "films",
    "",
    "/films/batch/a.jsonl",
    "films/../victim/a.jsonl",
    "films/./a.jsonl",
    "films//a.jsonl",
    "films/",
    "films/a\n.jsonl",
    "films/out/export/s/latest.json",
    "films/out/runs/r/run.json",
    "train/films/out/x.jsonl",
    "train/victim/a.jsonl",
    "batch/victim/s/job_config.json",
    "s3://other/films/a.jsonl",
]


def with_input(section: str, key: str) -> str:
    segments = {"recipe": "aws-item-affinity", "campaign": False}
    solutions = {"s": segments if section == "segments" else {"recipe": "aws-sims"}}
    return json.dumps({"solutions": solutions, section: {"letter": {"solution": "s", "input": key}}})


@pytest.mark.parametrize("section", ["batch", "segments"])
def test_a_job_works_on_a_file_of_its_own_group_alone(section: str) -> None:
    for key in OWN:
        assert read(with_input(section, key), recipes=[*RECIPES, *RARER]).jobs[0].input == key
    for key in ELSEWHERE:
        (said,) = complaints(with_input(section, key), recipes=[*RECIPES, *RARER])
        assert said.startswith(
            f"films/usher.yaml: {section}.letter.input: is {key!r}, which is not a file of this group"
        )


def all_references(shape: Any, path: str = "") -> Iterator[str]:
    """Every member below a structure that refers to an ARN or a place in S3, by its name in botocore's model."""
    if shape.type_name == "list":
        yield from all_references(shape.member, path)
    for name, member in shape.members.items() if shape.type_name == "structure" else ():
        inner = f"{path}.{name}".lstrip(".")
        if getattr(member, "name", "").endswith(("Arn", "S3Location")) or name.endswith(("Arn", "path")):
            yield inner
        else:
            yield from all_references(member, inner)


@pytest.mark.parametrize("operation", OPERATIONS.values())
def test_verbatim_blocks_name_nothing_outside_the_group(operation: str) -> None:
    model = botocore.session.get_session().get_service_model("personalize").operation_model(operation)
    found = {path for path in all_references(model.input_shape) if path.partition(".")[0] not in FILLED_IN[operation]}
    assert found <= {member for of, member in ALLOWED_REFERENCES if of == operation} | {"roleArn"}


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ({"group": {"roleArn": "arn:aws:iam::123456789012:role/admin"}}, "group.roleArn"),
        ({"metricAttribution": {"metrics": [], "metricsOutputConfig": {"roleArn": "r"}}}, "metricAttribution.metrics"),
    ],
)
def test_a_role_or_a_place_in_a_block_of_personalizes_is_refused(config: dict[str, Any], place: str) -> None:
    (said, *_) = complaints(json.dumps(config))
    assert said.startswith(f"films/usher.yaml: {place}")
    assert said.endswith("Remove it.")


def test_a_key_of_the_accounts_own_may_be_given() -> None:
    given = {"kmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/k"}
    assert read(json.dumps({"group": given})).group == given


def test_members_are_looked_at_however_deep_they_are() -> None:
    place = {"type": "structure", "members": {"path": {"shape": "Text"}}}
    shapes: Any = {
        "Text": {"type": "string"},
        "Place": place,
        "Places": {"type": "list", "member": {"shape": "Place"}},
        "Names": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Text"}},
        "In": {"type": "structure", "members": {"places": {"shape": "Places"}, "names": {"shape": "Names"}}},
    }
    shape = ShapeResolver(shapes).get_shape_by_name("In")
    value = {"places": [{"path": "s3://other/x"}], "names": {"path": "a person's own word"}}
    assert list(references(shape, value)) == ["places.path"]


def test_a_mistake_in_the_syntax_is_given_with_its_line() -> None:
    assert complaints("filters:\n  a: b\n  - c\n") == [
        "films/usher.yaml line 3 column 3: is not readable: expected <block end>, but found '-'. "
        "Correct the YAML there."
    ]


def test_a_name_may_be_as_long_in_any_group() -> None:
    name, group = "n" * 55, "g" * 35
    assert read(f"solutions: {{{name}: {{recipe: aws-sims}}}}", group).solutions[0].name == name
    (said,) = complaints(f"solutions: {{{name}n: {{recipe: aws-sims}}}}", group)
    assert "Use up to 55 letters" in said


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
keys = st.sampled_from(
    ["solutions", "filters", "exports", "schemas", "items", "fields", "recipe", "campaign", "solutionConfig", "type",
     "numResults", "solution", "minProvisionedTPS", "tags", "performHPO", "group", "recommenders", "batch", "segments",
     "budget", "monthly", "warnAt",
     "metricAttribution", "schedules", "prune", "prices", "adopt", "retrain", "gate", "schedule", "FULL", "atMost",
     "filterValues", "users", "formats", "keep", "table"]
)  # fmt: skip
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys | st.text(max_size=5), inner, max_size=4)
)


@settings(max_examples=60, deadline=None)
@given(values)
def test_any_file_is_a_config_or_an_input_error(value: Any) -> None:
    _never_crashes(yaml.safe_dump(value))


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(keys, values, max_size=4))
def test_any_sections_are_a_config_or_an_input_error(value: dict[str, Any]) -> None:
    _never_crashes(yaml.safe_dump(value, sort_keys=False))


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="{}[]:,-&*!|>'\"% \n#?abc01_x", max_size=40))
def test_any_text_is_a_config_or_an_input_error(text: str) -> None:
    _never_crashes(text)


def _never_crashes(text: str) -> None:
    try:
        config = read(text)
    except InputError as error:
        assert error.problems
        assert all(problem.place and problem.message and problem.remedy for problem in error.problems)
    else:
        assert isinstance(config, Config)


MORE = """
group: {domain: ECOMMERCE, kmsKeyArn: arn:aws:kms:us-east-1:1:key/a}
tags: [{tagKey: a, tagValue: b}]
solutions:
  a:
    recipe: aws-user-personalization
    retrain: {atMost: 2 days}
    gate: {metric: precision_at_25, versusLive: 1}
    trainingMode: UPDATE
    schedules:
      FULL: rate(1 day)
      UPDATE: {ScheduleExpression: "cron(0 2 ? * SUN *)", ScheduleExpressionTimezone: Europe/Berlin}
  b: {recipe: aws-item-affinity, retrain: manual, campaign: false}
recommenders: {top: {recipe: aws-ecomm-recommended-for-you, recommenderConfig: {minRecommendationRequestsPerSecond: 2}}}
filters: {f: {filterExpression: "EXCLUDE  ItemID WHERE Items.A > 1", tags: []}}
batch: {letter: {solution: a, filter: f, numResults: 5, schedule: rate(2 days)}}
segments: {fans: {solution: b}}
metricAttribution: {metrics: [{eventType: a, metricName: b, expression: SUM(Items.P)}]}
schedules: {import: rate(1 day), retrain: at(2030-01-31T03:00:00), export: rate(12 hours)}
prune: true
prices: {importGB: 1}
budget: {monthly: 300, stopAt: 1}
adopt: {solution/a: Old}
"""


def test_the_rarer_keys_are_read_as_they_are_written() -> None:
    config = read(MORE, recipes=RARER)
    first, second = config.solutions
    assert (first.min_retrain_interval, second.min_retrain_interval) == (2 * 86400, math.inf)
    assert (first.training_mode, first.gate) == ("UPDATE", {"metric": "precision_at_25", "versusLive": 1})
    assert [(one.name, dict(one.input)) for one in config.schedules] == [
        ("import", {"task": "import"}),
        ("retrain", {"task": "retrain"}),
        ("export", {"task": "export"}),
        ("a-full", {"task": "retrain", "solution": "a", "trainingMode": "FULL"}),
        ("a-update", {"task": "retrain", "solution": "a", "trainingMode": "UPDATE"}),
        ("batch-letter", {"task": "batch", "job": "letter"}),
    ]
    assert config.schedules[4].settings["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert [(one.name, one.kind, one.filter, one.scheduled) for one in config.jobs] == [
        ("letter", "batch_inference_job", "f", True),
        ("fans", "batch_segment_job", "", False),
    ]
    assert config.filters["f"] == {"filterExpression": "EXCLUDE ItemID WHERE Items.A > 1", "tags": []}
    assert config.metric_attribution == {
        "metrics": [{"eventType": "a", "metricName": "b", "expression": "SUM(Items.P)"}]
    }
    assert (config.prune, config.prices, config.adopt) == (True, {"importGB": 1}, {"solution/a": "Old"})
    assert config.budget == Budget(300, 0.8, 1)
    assert read("group: {domain: ECOMMERCE}\nrecommenders: {}").solutions == ()


S = "solutions: {s: {recipe: aws-sims, %s}}"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (S % "retrain: sometimes", "solutions.s.retrain: is sometimes. Write always, manual, or {atMost: 1 day}."),
        (S % "retrain: {atMost: 0 days}", "retrain: is {'atMost': '0 days'}."),
        (S % "trainingMode: AUTOTRAIN", "trainingMode: is AUTOTRAIN. Use one of: FULL, UPDATE."),
        (S % "gate: {metric: m}", "gate: lacks a metric, or a value to compare it with."),
        (S % "gate: {metric: 5, atLeast: 1}", "gate.metric: is 5. Give it a name, in quotes."),
        (
            S % "gate: {metric: m, atLeast: 1}, campaign: {campaignConfig: {syncWithLatestSolutionVersion: true}}",
            "gate: can't block a campaign that follows the latest version by itself.",
        ),
        (S % "gate: {metric: m, versusPopularity: 1}", "versusPopularity: has no solution to compare with."),
        (
            "solutions: {s: {recipe: aws-popularity-count, gate: {metric: m, versusPopularity: 1}}}",
            "gate.versusPopularity: compares popularity with itself. Remove it.",
        ),
        (
            S % "schedules: {FULL: daily}",
            "schedules.FULL: is daily, which is not a schedule. Write rate(1 day)",
        ),
        (S % "schedules: {QUICK: rate(1 day)}", "schedules.QUICK: is unknown."),
        ("schedules: {retrain: {ScheduleExpression: rate(1 day), Name: x}}", "schedules.retrain.Name: is unknown."),
        ("schedules: {retrain: {ScheduleExpression: rate(1 day), State: 5}}", "Invalid type for parameter State"),
        ("group: {name: x}", "group.name: is filled in by Usher. Remove it."),
        ("group: {domian: x}", "group.domian: is unknown to CreateDatasetGroup. Did you mean domain?"),
        ("tags: {a: b}", "tags: Invalid type for parameter tags"),
        ("prune: maybe", "prune: is maybe. Use one of: true, false."),
        (S % "idle: table", "solutions.s.idle: needs an export that answers instead. Add exports.s: {table: true}."),
        (S % "idle: table, campaign: false", "solutions.s.idle: is about a campaign that this solution does not have."),
        (S % "idle: never", "solutions.s.idle: is never. Use one of: keep, table."),
        ("budget: {warnAt: 0.5}", "budget: lacks monthly. Write {monthly: 300}: US dollars in a calendar month."),
        ("budget: 300", "budget: is 300. Write names with values below it"),
        ("budget: {monthly: 0}", "budget.monthly: is 0. Give it dollars, up to 1,000,000,000."),
        ("budget: {monthly: much}", "budget.monthly: is 'much'. Give it a number."),
        ("budget: {monthly: 9000000000}", "budget.monthly: is 9000000000. Give it dollars, up to"),
        ("budget: {monthly: 9, warnAt: 80}", "budget.warnAt: is 80. Give it a share, from 0 to 1."),
        ("budget: {monthly: 9, stopAt: -1}", "budget.stopAt: is -1. Give it a share, from 0 to 1."),
        ("budget: {monthly: 9, stop: 1}", "budget.stop: is unknown. Did you mean stopAt?"),
        ("prices: {importGB: dear}", "prices.importGB: is 'dear'. Give it a number."),
        ("prices: {importGB: -1}", "prices.importGB: is out of range. Give it dollars, from 0 to 50."),
        ("prices: {importGB: .nan}", "prices.importGB: is '.nan'. Give it a number."),
        ("prices: {importGB: 9e99}", "has the number 9e99, which is out of range."),
        (
            "prices: {trainingHour: 241}",
            "prices.trainingHour: is out of range. Give it dollars, from 0 to 240.",
        ),
        (
            S % "performAutoML: true",
            "performAutoML: asks Personalize to choose the recipe, which it no longer does. Remove it",
        ),
        (
            S % "solutionConfig: {autoTrainingConfig: {schedulingExpression: rate(1 fortnight)}}",
            "solutionConfig.autoTrainingConfig.schedulingExpression: is rate(1 fortnight), which is not a schedule of",
        ),
        ('schedules: {retrain: "cron(61 * * * ? *)"}', "schedules.retrain: is cron(61 * * * ? *), which is not"),
        ('schedules: {retrain: "cron(0 * * * * *)"}', "cron(0 3 * * ? *) with a ? for one kind of days, or at("),
        ("adopt: {solution/a: 5}", "adopt.solution/a: is 5. Give it a name, in quotes."),
        (
            "adopt: {solution/similar-itmes: Old}",
            "adopt.solution/similar-itmes: is not a resource of this file. Did",
        ),
        ("adopt: {solution/similar-itmes: Old}", "Did you mean solution/similar-items?"),
        ("adopt: {dataset_group/other: Old}", "adopt.dataset_group/other: is not a resource of this file."),
        ("adopt: {event_tracker/shop: Old}", "adopt.event_tracker/shop: is not a resource of this file."),
        (
            f"{S % 'campaign: false'}\nadopt: {{campaign/s: Old}}",
            "adopt.campaign/s: is not a resource of this file.",
        ),
        ("recommenders: {r: {recipe: aws-sims}}", "recommenders: names recommenders, which only a domain"),
        (
            "{group: {domain: ECOMMERCE}, recommenders: {similar-items: {recipe: aws-sims}}, "
            "solutions: {similar-items: {recipe: aws-sims}}}",
            "recommenders.similar-items: is also the name of a solution.",
        ),
        ("batch: {j: {}}", "batch.j.solution: names '', which this file does not define."),
        ("batch: {j: {solution: similar-items, filter: f}}", "batch.j.filter: names 'f', which this file"),
        ("batch: {j: {solution: similar-items, jobName: f}}", "batch.j.jobName: is filled in by Usher."),
        ("catalogue: TITLE", "catalogue: is TITLE. Write names with values below it"),
        ("catalogue: {columns: TITLE}", "catalogue.columns: is TITLE. List the names of columns of the items"),
        ("catalogue: {users: AGE}", "catalogue.users: is AGE. List the names of columns of the users"),
        ("catalogue: {user: [AGE]}", "catalogue.user: is unknown. Did you mean users?"),
        ("metricAttribution: {metrics: 5}", "metricAttribution: Invalid type for parameter metrics"),
        (
            f"segments: {{{'j' * 50}: {{solution: similar-items, schedule: rate(1 day)}}}}",
            "makes the name of its schedule too long",
        ),
    ],
)
def test_each_mistake_in_the_rarer_keys_is_named(text: str, complaint: str) -> None:
    assert any(complaint in said for said in complaints(text))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            f"filters: {{f: 'INCLUDE ItemID WHERE Items.A IN (\"{'x' * 2465}\")'}}",
            "filters.f: filterExpression has a length of 2501; the service takes 2500.",
        ),
        (json.dumps({"tags": [{"tagKey": "k", "tagValue": "v" * 257}]}), "tags[0].tagValue has a length of 257; the "),
        (json.dumps({"tags": [{"tagKey": f"k{n}", "tagValue": "v"} for n in range(201)]}), "tags has a length of 201;"),
        (
            "solutions: {s: {recipe: aws-sims, campaign: {minProvisionedTPS: true}}}",
            "minProvisionedTPS is true; the service",
        ),
        (with_schema([{"name": "A", "type": []}]), "schemas.items.fields: is not a list of Avro fields."),
        (
            "solutions: {s: {recipe: aws-sims, campaign: {campaignConfig: {rankingInfluence: {POPULARITY: 1.5}}}}}",
            "campaignConfig.rankingInfluence.POPULARITY is 1.5; the service takes 1.",
        ),
        (
            json.dumps({"filters": {f"f{n}": "EXCLUDE ItemID WHERE Items.X IN (1)" for n in range(201)}}),
            "filters: has 201 names; Usher takes 200. Remove some",
        ),
        ("solutions: {s: {recipe: aws-sims, retrain: {atMost: 1234567 days}}}", "is {'atMost': '1234567 days'}."),
        (
            with_schema([{"name": "Unnamed: 0", "type": "string"}]),
            "schemas.items.fields: is not a list of Avro fields.",
        ),
        (with_schema([{"name": "A" * 151, "type": "string"}]), "schemas.items.fields: is not a list of Avro fields."),
        (with_schema([{"name": None, "type": "string"}]), "schemas.items.fields: is not a list of Avro fields."),
    ],
)
def test_values_beyond_the_services_limits_are_reported(text: str, complaint: str) -> None:
    (said,) = complaints(text)
    assert complaint in said


def test_reading_ends_after_many_problems() -> None:
    said = complaints(json.dumps({f"unknown{n}": 0 for n in range(5000)}))
    assert len(said) == 101
    assert said[-1].startswith("900 more problems: are not listed.")


def test_no_name_is_suggested_for_a_long_one() -> None:
    text = "".join(chr(0x4E00 + n * 7919 % 200) for n in range(20_000))
    content = {"solutions": {text: {"recipe": "aws-sims"}}, "adopt": {f"solution/{text[:-1]}": "x"}}
    with pytest.raises(InputError) as caught:
        parse_config(json.dumps(content, ensure_ascii=False).encode(), "films/usher.json", "films", RECIPES)
    assert len(caught.value.problems) == 2


def test_wrong_names_are_compared_with_others_only_as_long_as_that_takes_little_time() -> None:
    names = [f"{'ab' * 25}{number:05d}" for number in range(200)]
    content = {
        "solutions": {"s": {"recipe": "aws-sims"}},
        "filters": dict.fromkeys(names, "INCLUDE ItemID WHERE Items.x > 1"),
    }
    content["adopt"] = {f"filter/{name[:-1]}x": "x" for name in names[::10]}
    said = complaints(json.dumps(content))
    assert "Did you mean" in said[0]
    assert "Use one of" in said[-1]
