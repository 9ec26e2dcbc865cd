"""Reads an existing dataset group: the `usher.yaml` that describes it, and the locations of its data."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import botocore.session
from usher.clients import PersonalizeClient
from usher.errors import UsherError
from usher.names import short_name
from usher.resources.kinds import KINDS
from usher.resources.lookup import describe, summaries
from usher.storage.layout import DATASETS

Content = dict[str, Any]


@dataclass
class Existing:
    """A dataset group, described as Usher's config."""

    content: Content = field(default_factory=dict)
    """The content of its `usher.yaml`."""
    locations: dict[str, str] = field(default_factory=dict)
    """The s3:// address of each dataset's last import."""
    notes: list[str] = field(default_factory=list)
    """Notes on resources that can't be adopted."""
    arn: str = ""
    """The ARN of the dataset group."""


def read_existing(personalize: PersonalizeClient, dataset_group: str, group: str) -> Existing:
    """Describe a dataset group as the config of `group`. Raises UsherError if there is none."""
    arn = _arn(personalize, dataset_group)
    return _Reader(personalize, group, {"datasetGroupArn": arn}).read(dataset_group, arn)


def _arn(personalize: PersonalizeClient, name: str) -> str:
    pages = personalize.get_paginator("list_dataset_groups").paginate()
    arns = {one["name"]: str(one["datasetGroupArn"]) for page in pages for one in page["datasetGroups"]}
    if name not in arns:
        known = ", ".join(arns) or "none"
        raise UsherError(f"Personalize has no dataset group {name} in this account and region; available: {known}.")
    return arns[name]


class _Reader:
    def __init__(self, personalize: PersonalizeClient, group: str, within: Mapping[str, str]) -> None:
        self.personalize = personalize
        self.group = group
        self.within = within
        self.existing = Existing()
        self.adopt: dict[str, str] = {}
        self._model: Any = botocore.session.get_session().get_service_model("personalize")

    def read(self, dataset_group: str, arn: str) -> Existing:
        self.existing.arn = arn
        details = describe(self.personalize, KINDS["dataset_group"], arn)
        self.adopt[f"dataset_group/{self.group}"] = dataset_group
        schemas = dict(self._schemas())
        for attribution in self._active("metric_attribution", self.within):
            self._note(attribution["name"], "writes metrics to another place; Usher does not manage it.")
        named = {section: dict(self._named(section[:-1])) for section in ("filters", "recommenders", "solutions")}
        sections = {
            "group": self._members("CreateDatasetGroup", details),
            "schemas": schemas,
            **{section: blocks for section, blocks in named.items() if section != "solutions"},
        }
        self.existing.content = {name: block for name, block in sections.items() if block} | {
            "solutions": {key: block | {"campaign": self._campaign(key)} for key, block in named["solutions"].items()},
            "exports": False,
            "adopt": self.adopt,
        }
        return self.existing

    def _schemas(self) -> Iterator[tuple[str, Any]]:
        datasets = {name.replace("-", "_").upper(): name for name in DATASETS}
        for details in self._active("dataset", self.within):
            name = datasets[details["datasetType"].upper()]
            schema = describe(self.personalize, KINDS["schema"], details["schemaArn"])
            self.adopt[f"schema/{name}"] = schema["name"]
            jobs = self._active("dataset_import_job", {"datasetArn": details["datasetArn"]})
            newest = max(jobs, key=lambda job: job["creationDateTime"], default=None)
            if newest:
                self.existing.locations[name] = newest["dataSource"]["dataLocation"]
            yield name, json.loads(schema["schema"])

    def _named(self, kind: str) -> Iterator[tuple[str, Content]]:
        """The blocks of all resources of a kind in the group, by their names in Usher."""
        for details in self._active(kind, self.within):
            key = short_name(details["name"])
            block = self._members(f"Create{kind.capitalize()}", details)
            if kind != "filter":
                if "recipeArn" not in details:
                    self._note(details["name"], "has no recipe: Personalize once chose one (AutoML).")
                    continue
                block = {"recipe": details["recipeArn"].rpartition("/")[2], **block}
            self.adopt[f"{kind}/{key}"] = details["name"]
            yield key, block

    def _campaign(self, key: str) -> Content | bool:
        """The oldest campaign of a solution, which applications probably use."""
        name = self.adopt[f"solution/{key}"]
        solution = next(one for one in self._active("solution", self.within) if one["name"] == name)
        active = self._active("campaign", {"solutionArn": solution["solutionArn"]})
        campaigns = sorted(active, key=lambda one: one["creationDateTime"])
        for further in campaigns[1:]:
            self._note(further["name"], f"is another campaign of {name}; Usher does not manage it.")
        if not campaigns:
            return False
        self.adopt[f"campaign/{key}"] = campaigns[0]["name"]
        return self._members("CreateCampaign", campaigns[0])

    def _active(self, kind: str, within: Mapping[str, str]) -> list[Content]:
        """Descriptions of the ACTIVE resources of a kind within a parent; a note is added for each other one."""
        row = KINDS[kind]
        listed = summaries({"personalize": self.personalize}, row, within)
        described = [describe(self.personalize, row, one[f"{row.member}Arn"]) for one in listed]
        for one in described:
            if one["status"] != "ACTIVE":
                self._note(one.get("name", one.get("jobName", "")), f"is {one['status']}, and is left out.")
        return [one for one in described if one["status"] == "ACTIVE"]

    def _members(self, operation: str, details: Content) -> Content:
        """The members of Create for a resource: its description without the members that Usher sets, and without empty
        ones.
        """
        own = {"name", "recipeArn", "solutionVersionArn", *self.within}
        members = self._model.operation_model(operation).input_shape.members
        return {name: details[name] for name in members if name not in own and details.get(name)}

    def _note(self, name: str, message: str) -> None:
        note = f"{name} {message}"
        if note not in self.existing.notes:
            self.existing.notes.append(note)
