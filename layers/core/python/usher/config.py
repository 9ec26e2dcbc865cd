"""What a person wants of a group: `usher.yaml`, parsed and checked. All problems are reported at once.

    solutions:
      for-you:
        recipe: aws-user-personalization-v2
        solutionConfig: {...}                  # this and all other members of CreateSolution, verbatim
        campaign: {minProvisionedTPS: 1}       # members of CreateCampaign, verbatim; `false` for none
    filters:
      genre: INCLUDE ItemID WHERE Items.GENRES IN ($GENRE)
    schemas:
      items: {type: record, ...}               # Avro; without one, the CSV's header decides
    export: {solution: for-you, numResults: 25, filter: unseen}    # `false` for none

Names, recipes and this envelope are Usher's; the rest is Personalize's own and is checked against botocore's model of
the service, so that new features of the service need no new release.
"""

import difflib
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import botocore.session
import yaml
from botocore.validate import ParamValidator

from usher.bucket import DATASETS
from usher.errors import InputError, Problem
from usher.schemas import REQUIRED, is_field, types

DEFAULT_SOLUTIONS = {
    "user-personalization": {"recipe": "aws-user-personalization-v2"},
    "similar-items": {"recipe": "aws-similar-items"},
    "personalized-ranking": {"recipe": "aws-personalized-ranking-v2"},
}
SECTIONS = ("schemas", "solutions", "filters", "export")
EXPORT = {"solution": str, "numResults": int, "filter": str}
NAME_LENGTH = 63
"""Personalize's limit; Usher's own names are `<group>-<name>-<six characters>`."""


@dataclass(frozen=True, slots=True)
class Solution:
    """One solution that is wanted, with its campaign."""

    name: str
    recipe: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Further members of CreateSolution."""
    campaign: Mapping[str, Any] | None = field(default_factory=dict)
    """Further members of CreateCampaign; None: no campaign is wanted."""


@dataclass(frozen=True, slots=True)
class Config:
    """A group's desired state."""

    solutions: tuple[Solution, ...]
    filters: Mapping[str, str]
    schemas: Mapping[str, Mapping[str, Any]]
    export: Mapping[str, Any] | None
    """solution, numResults, filter: each only if given; None: no export is wanted."""


def parse(text: str, file: str, group: str, recipes: Collection[str]) -> Config:
    """Read a group's config. `recipes`: the names that Personalize knows. Raises InputError with every problem."""
    try:
        content = yaml.load(text, _Loader) or {}  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError) as error:  # PyYAML lets impossible dates and numbers through as ValueError
        mark = getattr(error, "problem_mark", None)
        place = f"{file} line {mark.line + 1}" if mark else file
        raise InputError(
            [Problem(place, f"is not readable: {getattr(error, 'problem', error)}.", "Correct the YAML there.")]
        ) from None
    reader = _Reader(file, group, recipes)
    config = reader.config(content)
    if reader.problems:
        raise InputError(reader.problems)
    return config


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, which takes the last of equal keys without a word; here they are an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} is there twice", key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def defaults() -> Config:
    """What is wanted where there is no config: three solutions, each with a campaign."""
    return parse("", "", "", [solution["recipe"] for solution in DEFAULT_SOLUTIONS.values()])


class _Reader:
    """Reads a config and notes down problems on the way."""

    def __init__(self, file: str, group: str, recipes: Collection[str]) -> None:
        self.file = file
        self.group = group
        self.recipes = recipes
        self.problems: list[Problem] = []
        self._model = botocore.session.get_session().get_service_model("personalize")

    def config(self, content: Any) -> Config:
        sections = self._mapping(content, "", SECTIONS)
        solutions = self._mapping(sections.get("solutions", DEFAULT_SOLUTIONS), "solutions")
        filters = self._mapping(sections.get("filters", {}), "filters")
        schemas = self._mapping(sections.get("schemas", {}), "schemas", DATASETS)
        config = Config(
            solutions=tuple(self._solution(name, block) for name, block in solutions.items()),
            filters={name: self._filter(name, expression) for name, expression in filters.items()},
            schemas={name: self._schema(name, block) for name, block in schemas.items()},
            export=self._export(sections.get("export", {})),
        )
        self._check_export(config)
        return config

    def _solution(self, name: str, block: Any) -> Solution:
        path = f"solutions.{name}"
        self._check_name(name, path)
        settings = dict(self._mapping(block, path))
        recipe = str(settings.pop("recipe", "")).rpartition("/")[2]
        if recipe not in self.recipes:
            said = f"names the recipe {recipe!r}, which Personalize does not have." if recipe else "names no recipe."
            self._note(f"{path}.recipe", said, self._choose(recipe, self.recipes))
        campaign = settings.pop("campaign", {})
        if campaign is not False:
            campaign = self._mapping(campaign, f"{path}.campaign")
            self._check_members("CreateCampaign", campaign, f"{path}.campaign", ("name", "solutionVersionArn"))
        self._check_members("CreateSolution", settings, path, ("name", "datasetGroupArn", "recipeArn"))
        return Solution(name, recipe, settings, None if campaign is False else campaign)

    def _filter(self, name: str, expression: Any) -> str:
        self._check_name(name, f"filters.{name}")
        if not isinstance(expression, str) or not expression.strip():
            self._note(
                f"filters.{name}",
                "is not a filter expression.",
                "Write it as one text, such as: EXCLUDE ItemID WHERE ...",
            )
            return ""
        return " ".join(expression.split())

    def _schema(self, dataset: str, block: Any) -> Mapping[str, Any]:
        path = f"schemas.{dataset}"
        schema = self._mapping(block, path)
        fields = schema.get("fields")
        if not isinstance(fields, list) or not all(map(is_field, fields)):
            remedy = 'Write each as {name: AGE, type: ["null", int]}; the quotes matter.'
            self._note(f"{path}.fields", "is not a list of Avro fields.", remedy)
            return {}
        for name in (name for name in REQUIRED[dataset] if name not in types(schema)):
            self._note(f"{path}.fields", f"lacks {name}.", "Personalize requires it: add it.")
        return schema

    def _export(self, block: Any) -> Mapping[str, Any] | None:
        return None if block is False else self._mapping(block, "export", EXPORT)

    def _check_export(self, config: Config) -> None:
        if config.export is None:
            return
        for name, kind in EXPORT.items():
            value = config.export.get(name)
            if name in config.export and type(value) is not kind:
                self._note(f"export.{name}", f"is {value!r}.", f"Give it a {'number' if kind is int else 'name'}.")
        for name, known in (("solution", [one.name for one in config.solutions]), ("filter", list(config.filters))):
            value = config.export.get(name)
            if isinstance(value, str) and value not in known:
                self._note(
                    f"export.{name}", f"names {value!r}, which this file does not define.", self._choose(value, known)
                )

    def _check_members(self, operation: str, block: Mapping[str, Any], path: str, filled_in: Collection[str]) -> None:
        """Check members of a Create call as botocore would, before anything is created."""
        shape: Any = self._model.operation_model(operation).input_shape
        for name in filled_in:
            if name in block:
                self._note(f"{path}.{name}", "is filled in by Usher.", "Remove it.")
        given = {name: value for name, value in block.items() if name not in filled_in}
        for name in sorted(set(given) - set(shape.members)):
            self._note(
                f"{path}.{name}", f"is unknown to {operation}.", self._choose(name, set(shape.members) - set(filled_in))
            )
            del given[name]
        report = ParamValidator().validate({**dict.fromkeys(filled_in, "-"), **given}, shape).generate_report()
        for line in report.splitlines():
            self._note(path, f"{line}.", f"See {operation} in the API reference of Personalize.")

    def _check_name(self, name: str, path: str) -> None:
        room = NAME_LENGTH - len(self.group) - 8
        if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii() or len(name) > room:
            self._note(
                path, f"is not a usable name in the group {self.group}.", f"Use up to {room} letters, digits, - and _."
            )

    def _mapping(self, value: Any, path: str, allowed: Collection[str] = ()) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self._note(
                path or "the file",
                "is empty." if value is None else f"is {str(value)[:99]}.",
                "Write names with values below it (name: value).",
            )
            return {}
        for name in value:
            if allowed and name not in allowed:
                self._note(f"{path}.{name}".lstrip("."), "is unknown.", self._choose(str(name), allowed))
        return {str(name): block for name, block in value.items() if not allowed or name in allowed}

    def _choose(self, name: str, allowed: Collection[str]) -> str:
        near = difflib.get_close_matches(name, allowed, 1)
        return f"Did you mean {near[0]}?" if near else f"Use one of: {', '.join(sorted(allowed)) or 'none is defined'}."

    def _note(self, path: str, message: str, remedy: str) -> None:
        self.problems.append(Problem(f"{self.file}: {path}", message, remedy))
