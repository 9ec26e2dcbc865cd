"""`usher.schema.json` is current, and agrees with the parser on the structure of a config."""

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from usher.config.parser import parse_config
from usher.errors import InputError
from usher.formats import documents

from tests.unit.docs.test_docs import blocks
from tests.unit.fuzz.corpus import CONFIGS
from tests.unit.stack.files import REPOSITORY
from tests.unit.usher.config.test_parser import MORE
from usher_cli.editor_schema import FILE, as_text
from usher_local.personalize.core.recipes import RECIPES

SCHEMA = json.loads(FILE.read_text())
EDITOR = Draft7Validator(SCHEMA)
NAMES = [recipe.name for recipe in RECIPES]


def complaints(content: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}"[:300] for error in EDITOR.iter_errors(content)]


def is_config(content: bytes) -> bool:
    try:
        parse_config(content, "usher.yaml", "films", NAMES)
    except InputError:
        return False
    return True


def test_the_schema_is_current() -> None:
    assert FILE.read_text() == as_text(), "run: make docs"
    Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("code", blocks("yaml"))
def test_every_config_of_the_docs_is_valid(code: str) -> None:
    content = yaml.safe_load(code)
    if not isinstance(content, dict) or not set(content) <= set(SCHEMA["properties"]):
        pytest.skip("not a config")
    assert complaints(content) == []


def test_the_demos_config_and_the_fullest_one_of_the_tests_are_valid() -> None:
    demo = (REPOSITORY / "usher_local" / "demo" / "usher.yaml").read_text()
    for text in (demo, MORE, "", "{}"):
        assert is_config(text.encode()) or text is MORE
        assert complaints(documents.read_document(text.encode(), "usher.yaml")) == []


@pytest.mark.exhaustive
def test_cases_that_the_parser_accepts_are_valid() -> None:
    taken = [(name, content) for name, content in CONFIGS if is_config(content)]
    assert len(taken) > 20
    read = {name: documents.read_document(content, "usher.yaml") for name, content in taken}
    assert {name: found for name, content in read.items() if (found := complaints(content))} == {}


SOLUTION = "solutions: {s: {recipe: aws-sims, %s}}"
EXPORT = "exports: {similar-items: {%s}}"
WRONG = [
    "[1, 2]",
    "solution: {}",
    "solutions:",
    "solutions: {s: {}}",
    "solutions: {s: [aws-sims]}",
    "solutions: {bad name: {recipe: aws-sims}}",
    "solutions: {out: {recipe: aws-sims}}",
    f"solutions: {{{'s' * 56}: {{recipe: aws-sims}}}}",
    SOLUTION % "name: x",
    SOLUTION % "solutionConfg: {}",
    SOLUTION % "solutionConfig: {hpo: {}}",
    SOLUTION % "campaign: true",
    SOLUTION % "campaign: {minProvisionedTPS: many}",
    SOLUTION % "campaign: {minProvisionedTPS: 0}",
    SOLUTION % "campaign: {campaignConfig: {rankingInfluence: {POPULARITY: 1.5}}}",
    SOLUTION % "campaign: {solutionVersionArn: x}",
    SOLUTION % "retrain: sometimes",
    SOLUTION % "retrain: {atMost: 0 days}",
    SOLUTION % "trainingMode: AUTOTRAIN",
    SOLUTION % "gate: {metric: m}",
    SOLUTION % "gate: {metric: 5, atLeast: 1}",
    SOLUTION % "schedules: {FULL: daily}",
    SOLUTION % "schedules: {QUICK: rate(1 day)}",
    "recommenders: {r: {recipe: aws-ecomm-recommended-for-you, campaign: {}}}",
    'filters: {empty: ""}',
    "filters: {number: 5}",
    f"filters: {{f: {{filterExpression: '{'x' * 2501}'}}}}",
    "schemas: {things: {}}",
    "schemas: {items: no}",
    "schemas: {items: {fields: none}}",
    "schemas: {items: {fields: [{name: ITEM_ID}]}}",
    EXPORT % "numResults: '10'",
    EXPORT % "numResults: 0",
    EXPORT % "fliter: x",
    EXPORT % "formats: [xlsx]",
    EXPORT % "keep: all",
    EXPORT % "table: 'yes'",
    EXPORT % "users: everyone",
    EXPORT % "users: {COUNTRY: []}",
    EXPORT % "roleArn: x",
    "batch: {j: {}}",
    "batch: {j: {solution: similar-items, jobName: f}}",
    "segments: {j: {solution: similar-items, optional: maybe}}",
    "metricAttribution: {metrics: 5}",
    "schedules: {retrain: {ScheduleExpression: rate(1 day), Name: x}}",
    "schedules: {retrain: {ScheduleExpression: rate(1 day), State: 5}}",
    "group: {name: x}",
    "group: {roleArn: x}",
    "tags: {a: b}",
    "prune: maybe",
    "prices: {importGB: dear}",
    "prices: {importGB: -1}",
    "prices: {trainingHour: 241}",
    "adopt: {solution/similar-items: a/b}",
]


def test_the_schema_refuses_wrong_structures_as_the_parser_does() -> None:
    assert [text for text in WRONG if is_config(text.encode())] == []
    assert [text for text in WRONG if not complaints(documents.read_document(text.encode(), "usher.yaml"))] == []


def test_every_key_has_a_description() -> None:
    def undescribed(schema: Any, path: str) -> list[str]:
        properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
        inner = [schema.get("additionalProperties"), *schema.get("anyOf", ())] if isinstance(schema, dict) else []
        return [
            *(f"{path}.{name}" for name, one in properties.items() if "description" not in one),
            *(name for part, one in properties.items() for name in undescribed(one, f"{path}.{part}")),
            *(name for one in inner for name in undescribed(one, path)),
        ]

    allowed = {".schemas", ".solutions.schedules"}
    assert {path for path in undescribed(SCHEMA, "") if path.rpartition(".")[0] not in allowed} == set()
