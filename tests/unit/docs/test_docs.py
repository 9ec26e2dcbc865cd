"""The documentation is complete and consistent: names are the code's, and examples are valid."""

import argparse
import ast
import inspect
import itertools
import json
import os
import re
import subprocess
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
import pytest
import yaml
from botocore.session import get_session
from usher.config import keys, parser
from usher.evaluation.baselines import BASELINES
from usher.evaluation.metrics import METRICS
from usher.evaluation.scoring import FORMS
from usher.evaluation.splits import SPLITS
from usher.events import checks
from usher.resources.kinds import KINDS
from usher.routes import ROUTES
from usher.serving import http_api
from usher.storage.layout import DATASETS, is_input

from tests.unit.docs import tables
from tests.unit.docs.api import anchor
from tests.unit.stack.files import REPOSITORY, SENT_ROUTES, TEMPLATE
from usher_cli.arguments import make_parser
from usher_local.cloud.foreground import PORTS
from usher_local.cloud.server import LocalCloud
from usher_local.personalize import Faults
from usher_local.personalize.core import faults
from usher_local.personalize.core.algorithms import TRANSFORMATIONS
from usher_local.personalize.core.recipes import RECIPES, Recipe
from usher_local.recommenders import registry
from usher_local.recommenders.base import Interactions

USHER = REPOSITORY / "layers" / "core" / "python" / "usher"
DOCS = {path.name: path.read_text() for path in sorted((REPOSITORY / "docs").glob("*.md"))}
COMPLAINTS = DOCS["files.md"] + DOCS["configuration.md"] + DOCS["exports.md"]
PAGES = {f"docs/{name}": text for name, text in DOCS.items()} | {"README.md": (REPOSITORY / "README.md").read_text()}
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.S | re.M)
LINK = re.compile(r"\[[^\]]+\]\(([^)]+)\)")
CODE = re.compile(r'(?:RequestError|problem)\(\s*\d+, "(\w+)"')
COMPOSED_CODES = {
    "UnknownGroup",
    "UnknownSolution",
    "UnknownFilter",
    "BadFilterValues",
    "BadContext",
    "BadNumResults",
    "TooLong",
}
COMPLAINT = re.compile(r"(has|is|lacks|names|stands|opens|starts|can't) ")

MAX_COLUMNS, MAX_CELL_LENGTH = 120, 200


class _Loader(yaml.CSafeLoader):
    """Reads CloudFormation's short forms as nothing: only names matter here."""


_Loader.add_multi_constructor("!", lambda *_: None)
STACK: dict[str, Any] = yaml.load(TEMPLATE.read_text(), _Loader)  # noqa: S506


def blocks(language: str) -> list[Any]:
    """Every code block of a language."""
    found = [(page, code) for page, text in PAGES.items() for kind, code in FENCED.findall(text) if kind == language]
    return [pytest.param(code, id=f"{page}-{number}") for number, (page, code) in enumerate(found)]


def missing(pages: str, names: Iterable[str]) -> list[str]:
    """The names that are not code in any of the pages (separated by spaces)."""
    spans = " ".join(span for page in pages.split() for span in re.findall(r"`([^`\n]+)`", DOCS[page]))
    return [name for name in names if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", spans)]


def anchors(text: str) -> set[str]:
    """The anchors that a page's headings have on GitHub."""
    return set(map(anchor, re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.M)))


def test_every_key_of_the_config_is_described() -> None:
    own = [*keys.SECTIONS, *(f"solutions.<name>.{name}" for name in keys.SOLUTION), *keys.JOB, *DATASETS]
    own += [*keys.GATE, *keys.SCHEDULE, *(f"schedules.{name}" for name in keys.SCHEDULES)]
    assert missing("configuration.md files.md", own) == []
    assert missing("exports.md", [*keys.EXPORT, *keys.FORMATS]) == []


@pytest.mark.parametrize("operation", ["CreateSolution", "CreateCampaign", "CreateRecommender"])
def test_every_member_that_is_personalizes_own_is_listed(operation: str) -> None:
    shape: Any = get_session().get_service_model("personalize").operation_model(operation).input_shape
    assert missing("configuration.md", shape.members) == []


@pytest.mark.parametrize(
    "module",
    [
        "config/parser",
        "config/problems",
        "config/references",
        "config/recipe_rules",
        "config/schedules",
        "config/readings",
        "datasets/csv_reader",
        "datasets/jsonl_reader",
        "datasets/parquet_reader",
        "datasets/readers",
        "planning/misplaced_files",
        "planning/recipe_limits",
        "datasets/profile",
        "config/exports",
        "exports/recipients",
        "batch/lines",
        "planning/inputs",
        "planning/data_references",
        "planning/job_inputs",
        "datasets/data_rules",
        "datasets/schemas",
    ],
)
def test_every_complaint_about_input_is_listed(module: str) -> None:
    constants = [
        node.value
        for node in ast.walk(ast.parse((USHER / f"{module}.py").read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value
    ]
    complaints = [text for text in constants if COMPLAINT.match(text)]
    assert complaints
    assert [text for text in complaints if f"`{text.rstrip()}"[:20] not in COMPLAINTS] == []


def test_every_number_of_an_evaluation_is_defined() -> None:
    assert missing("evaluation.md", [*METRICS, "coverage", *SPLITS, *FORMS, *BASELINES]) == []


@pytest.mark.parametrize("section", ["Parameters", "Outputs"])
def test_every_parameter_and_output_of_the_stack_is_described(section: str) -> None:
    assert missing("parameters.md", STACK[section]) == []


def test_the_defaults_of_parameters_are_those_of_the_template() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| .* \| (.+) \|$", DOCS["parameters.md"], re.M))
    for name, parameter in STACK["Parameters"].items():
        default = str(parameter["Default"])
        assert rows[name].strip("`").startswith(default) if default else rows[name].startswith(("nobody", "empty")), (
            name
        )


def test_every_file_that_is_read_starts_a_run() -> None:
    section = DOCS["files.md"].partition("## Formats")[0]
    keys = [key for row in re.findall(r"^\| (`.*?) \| ", section, re.M) for key in re.findall(r"`([^`]+)`", row)]
    assert len(keys) > len(DATASETS)
    examples = [re.sub(r"<\w+>|\*", "a", key.replace("<dataset>", "items")) for key in keys]
    assert [key for key in examples if not is_input(key)] == []


def test_every_route_of_the_api_is_described() -> None:
    routes = [route for sent in SENT_ROUTES.values() for route in sent]
    assert routes
    assert missing("api.md", routes) == []


@pytest.mark.parametrize("language", ["sh", "python"])
def test_every_route_with_options_has_an_example(language: str) -> None:
    examples = "".join(code for found, code in FENCED.findall(DOCS["api.md"]) if found == language)
    paths = {
        one.paths[0].removeprefix("/{group}").partition("/{")[0]
        for one in ROUTES.values()
        if one.subject or one.options
    }
    assert [path for path in paths if not re.search(rf"/movielens{path}[/?\"']", examples)] == []


def test_every_option_and_every_member_of_an_event_is_described() -> None:
    options = {option for route in ROUTES.values() for option in (route.subject, *route.options)} - {""}
    members = {member for kind in checks.KINDS.values() for member in kind.members}
    assert missing("api.md", [*options, *members]) == []


def test_every_error_of_the_api_is_described() -> None:
    sources = [*USHER.rglob("*.py"), *(REPOSITORY / "functions").glob("*/app.py")]
    named = {code for path in sources for code in CODE.findall(path.read_text())}
    known = named | COMPOSED_CODES | {code for _, code in http_api.STATUSES.values()}
    assert missing("api.md", known) == []
    listed = set(re.findall(r"^\| \d{3} \| `(\w+)` \|", DOCS["api.md"], re.M))
    assert listed == known


def test_every_kind_of_resource_is_described_with_its_usual_time() -> None:
    for kind in KINDS.values():
        usual = f"{kind.minutes:g}" if kind.minutes else "at once"
        assert re.search(rf"^\| `{kind.name}` \| [^|]+ \| {usual} \|", DOCS["architecture.md"], re.M), kind.name


def test_every_make_target_is_mentioned() -> None:
    targets = re.findall(r"^([a-z]+):.*##", (REPOSITORY / "Makefile").read_text(), re.M)
    assert targets
    assert missing("local.md", (f"make {target}" for target in targets)) == []


def test_every_command_and_option_of_usher_is_described() -> None:
    def names(parser: argparse.ArgumentParser) -> Iterable[str]:
        for action in parser._actions:
            yield from (name for name in action.option_strings if name.startswith("--") and name != "--help")
            if isinstance(action, argparse._SubParsersAction):
                for name, command in action.choices.items():
                    yield name
                    # The page refers to the help of `usher local up`, which docs/local.md describes.
                    yield from names(command) if name != "up" else ()

    found = list(names(make_parser()))
    assert len(found) > 20
    assert missing("cli.md", found) == []


def test_every_setting_of_the_local_cloud_is_described() -> None:
    settings = ["SEED", "SPEED", "STATE", "ACCOUNT", "LAMBDA_PYTHON", "LATENCY", "SERVING_LATENCY", "THROTTLE"]
    assert missing("local.md", [*PORTS, *settings]) == []
    given = set(inspect.signature(LocalCloud).parameters) - {"template", "now"}
    assert [name for name in given if f"{name}=" not in DOCS["local.md"]] == []


def test_the_tables_and_diagrams_that_follow_from_the_code_are_current() -> None:
    pages = [DOCS[path.name] for path in tables.PAGES]
    assert {name for page in pages for _, name, _ in tables.MARKED.findall(page)} == tables.TABLES.keys()
    assert [tables.written(page) for page in pages] == pages, "run: make docs"


def test_every_recipe_has_a_model_that_is_described() -> None:
    assert {recipe.name for recipe in RECIPES} == registry.RECIPES.keys()
    described = set(re.findall(r"^\| `(\w+)` \|", DOCS["local-personalize.md"], re.M))
    assert {model.__name__ for model in registry.RECIPES.values()} <= described


@pytest.mark.parametrize("recipe", [recipe for recipe in RECIPES if tables.hyperparameters(recipe)])
def test_a_model_asks_for_the_hyperparameters_that_it_is_said_to_obey(recipe: Recipe) -> None:
    class Parameters(dict[str, str]):
        names_read: ClassVar[set[str]] = set()

        def get(self, name: str, default: Any = None) -> Any:
            self.names_read.add(name)
            return default

    users, items = zip(*itertools.product("uvwxyz", [f"i{n}" for n in range(20)]), strict=True)
    taken = np.arange(len(users), dtype=np.float32) % 2
    registry.RECIPES[recipe.name].fit(Interactions.of(users, items, range(len(users)), weights=taken), Parameters())
    registry.trim(Interactions.of(users, items, range(len(users))), Parameters())
    # The service, not the model, determines which items are new.
    offered = set(tables.hyperparameters(recipe)) - TRANSFORMATIONS["featurize_coldstart"].keys()
    assert offered & Parameters.names_read == offered - registry.INERT


@pytest.mark.parametrize(
    "code", [code for code in FENCED.findall(DOCS["local-personalize.md"]) if "SetFaults" in code[1]]
)
def test_faults_can_be_ordered_as_the_page_says(code: tuple[str, str]) -> None:
    with LocalCloud(None, 0, 0) as cloud:
        environment = {**os.environ, **cloud.environment}
        subprocess.run(["sh", "-ec", code[1]], env=environment, check=True)  # noqa: S603, S607 - our own page
        assert faults.current == Faults(throttle=0.2, seed=7, fail={"nightly": "A disk was full."}, delay={"slow": 30})


@pytest.mark.parametrize("page", [*sorted(PAGES), "CHANGELOG.md"])
def test_lines_and_cells_fit_a_terminal(page: str) -> None:
    lines = re.sub(r"^```.*?^```$", "", (REPOSITORY / page).read_text(), flags=re.S | re.M).splitlines()
    assert [line for line in lines if len(line) > MAX_COLUMNS and not line.startswith("|")] == []
    cells = [cell.strip() for line in lines if line.startswith("|") for cell in re.split(r"(?<!\\)\|", line)]
    assert [cell for cell in cells if len(cell) > MAX_CELL_LENGTH] == []


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for link in LINK.findall(PAGES[page]):
        if link.startswith("https://"):
            continue
        target, _, fragment = link.partition("#")
        path = (REPOSITORY / page).parent / target if target else REPOSITORY / page
        assert path.exists(), link
        assert not fragment or fragment in anchors(path.read_text()), link


@pytest.mark.parametrize("code", blocks("python"))
def test_python_examples_compile(code: str) -> None:
    compile(code, "example", "exec")


@pytest.mark.parametrize("code", blocks("yaml"))
def test_examples_of_the_config_are_accepted(code: str) -> None:
    parser.parse_config(code.encode(), "usher.yaml", "movielens", [recipe.name for recipe in RECIPES])


@pytest.mark.parametrize("code", blocks("json"))
def test_json_examples_are_json(code: str) -> None:
    json.loads(code)
