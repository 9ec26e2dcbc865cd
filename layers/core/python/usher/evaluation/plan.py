"""What an evaluation makes in Personalize: a run on a part of the history, in a group of its own. Pure plans."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any

from usher.aws import digest
from usher.config.model import Config, Job, Solution
from usher.costs.prices import Size
from usher.datasets.schemas import fields
from usher.errors import InputError, Problem
from usher.evaluation.predictions import LONGEST
from usher.names import fingerprint, unique_name
from usher.planning.desired import Data, desired_resources, recipe_arn
from usher.planning.inputs import Inputs, recipe_type
from usher.recipes import is_without_batch, recipe_of
from usher.resources.kinds import KINDS, Resource
from usher.resources.lookup import describe
from usher.resources.target import Target
from usher.resources.unmanaged import Unmanaged
from usher.runs.documents import own_group
from usher.runs.record import Run
from usher.storage.bucket import Bucket

EVERY = "all"
"""Stands for every recipe that suits the data."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where the files of an evaluation are."""

    bucket: Bucket
    group: str
    run: str

    @classmethod
    def of(cls, run: Run) -> "Home":
        """Those of a run."""
        return cls(run.bucket, run.group, run.name)

    def key(self, name: str) -> str:
        """The key of one of them, or of a folder."""
        return f"{self.group}/out/evaluation/{self.run}/{name}"

    def url(self, name: str) -> str:
        """Its s3:// address."""
        return self.bucket.url(self.key(name))

    def files(self, folder: str, ending: str = "") -> Iterator[tuple[str, IO[bytes]]]:
        """The files of a folder, each opened when its turn has come."""
        keys = self.bucket.keys(self.key(f"{folder}/"))
        return ((key, self.bucket.open(key)) for key in keys if key.endswith(ending))


@dataclass(frozen=True, slots=True)
class Entrant:
    """A model that is asked, and how. Its answers are in the folder `output/<folder>`."""

    name: str
    kind: str
    """trained: for the evaluation, on what was not held back; live: what the group is served with."""
    folder: str
    input: str
    """What it is asked about: users, items or rankings."""
    version: str
    """Its solution version: a resource's id, or an ARN."""
    recipe: str = ""
    """Empty for a live one of which Personalize doesn't tell."""
    campaign: str = ""
    """The campaign to be asked, by id or ARN; empty: a batch inference job answers."""


def solutions_to_try(personalize: Any, intake: Inputs, recipes: Sequence[str]) -> list[Solution]:
    """What is to be trained: the config's solutions, or one for each of some recipes. Raises InputError."""
    if not recipes:
        return [_bare(one) for one in intake.config.solutions]
    pages = personalize.get_paginator("list_recipes").paginate()
    known = [one["name"] for page in pages for one in page["recipes"] if "domain" not in one]
    named = [name for name in recipes if name != EVERY]
    if strange := sorted({*named} - {*known}):
        said = f"names {', '.join(strange)}, which Personalize does not have for groups without a domain."
        raise InputError([Problem("recipes", said, f"Use: {', '.join(sorted(known))}.")])
    if EVERY in recipes:
        textual = "items" in intake.data and any(one.textual for one in fields(intake.data["items"].schema).values())
        rows = {name: recipe_of(name) for name in known}
        named += [name for name, row in rows.items() if not row.is_legacy and (textual or not row.needs_text)]
    return [_bare(Solution(name.removeprefix("aws-"), name)) for name in dict.fromkeys(named)]


def _bare(solution: Solution) -> Solution:
    """A solution as it is compared: trained once, and without a campaign where it can do without."""
    settings = {**solution.settings, "performAutoTraining": False}
    return Solution(solution.name, solution.recipe, settings, {} if is_without_batch(solution.recipe) else None)


def _recipe(personalize: Any, version: str) -> str:
    """The name of a version's recipe; empty where Personalize doesn't tell."""
    details = describe(personalize, KINDS["solution_version"], version)
    return str(details.get("recipeArn", "")).rpartition("/")[2]


def _settings(asked: Entrant) -> dict[str, Any]:
    """Of the batch inference job that asks."""
    calm = {"batchInferenceJobConfig": {"itemExplorationConfig": {"explorationWeight": "0"}}}
    return {"numResults": LONGEST, **(calm if recipe_of(asked.recipe).takes_exploration_weight else {})}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An evaluation that is to be carried out."""

    home: Home
    at: Target
    """Of the group of its own."""
    intake: Inputs
    solutions: Sequence[Solution]
    types: Mapping[str, str]
    """Recipe types by the name of the recipe."""
    live: Mapping[str, Mapping[str, Any]]
    """The solutions of the serving map that are compared, too, each with the name of its recipe."""
    left_out: Sequence[Problem] = ()

    @classmethod
    def of(
        cls, home: Home, at: Target, personalize: Any, intake: Inputs, recipes: Sequence[str], live: Mapping[str, Any]
    ) -> "Evaluation":
        """A comparison of some recipes, or of the config's solutions, and of what serves; `at`: of the group itself.

        Raises InputError where there is nothing to compare.
        """
        own = replace(at, group=own_group(home.group, home.run), run=fingerprint(home.group, home.run))
        solutions = solutions_to_try(personalize, intake, recipes)
        types = {one.recipe: recipe_type(personalize, recipe_arn(at, one.recipe)) for one in solutions}
        able = [one for one in solutions if recipe_of(one.recipe, types[one.recipe]).evaluation_input]
        remedy = "Compare recipes that do, such as aws-user-personalization-v2."
        left_out = [
            Problem(one.name, f"is left out, as {one.recipe} recommends no items to users.", remedy)
            for one in solutions
            if one not in able
        ]
        if not able:
            raise InputError(left_out or [Problem(f"{home.group}/", "has no solutions.", remedy)])
        served = {
            name: {**one, "recipe": _recipe(personalize, one["solutionVersionArn"])}
            for name, one in live.items()
            if recipe_of("", one["type"]).evaluation_input
        }
        return cls(home, own, intake, able, types, served, left_out)

    def entrants(self) -> list[Entrant]:
        """Everyone who is asked."""
        trained = [
            Entrant(
                one.name, "trained", one.name, recipe_of(one.recipe, self.types[one.recipe]).evaluation_input,
                f"solution_version/{one.name}", one.recipe, f"campaign/{one.name}" if one.campaign is not None else "",
            )
            for one in self.solutions
        ]  # fmt: skip
        live = [
            Entrant(
                f"{name} (live, {one['solutionVersionArn'].rpartition('/')[2]})", "live", f"live-{name}",
                recipe_of("", one["type"]).evaluation_input, one["solutionVersionArn"], one["recipe"],
                one.get("campaignArn") or "",
            )
            for name, one in self.live.items()
        ]  # fmt: skip
        return trained + live

    def most_lines(self, size: Size) -> dict[str, int]:
        """How many lines each batch job answers at most, by id: no more than there are users, or items."""
        return {
            f"batch_inference_job/{one.folder}": size.items if one.input == "items" else size.users
            for one in self.entrants()
            if not one.campaign
        }

    def plan(self) -> dict[str, Any]:
        """What plan.json is to hold: an ordinary run in a group of its own, and what is to be gone afterwards."""
        wanted = [*self._trained(), *self._asked_live()]
        made = [
            Unmanaged(one.id, one.kind, one.arn, "the evaluation is over", delete=True)
            for one in reversed(wanted)
            if one.arn and (one.kind == "dataset_group" or KINDS[one.kind].listed_by is not None)
        ]
        return {
            "group": self.at.group,
            "resources": wanted,
            "known_failures": {},
            "to_delete": made,
            "removal": True,
            "entrants": self.entrants(),
            "files": self._files(),
            "header": list(self.intake.report["interactions"]["columns"]),
        }

    def _files(self) -> list[str]:
        """The keys of the interactions, those that were added included."""
        added = self.intake.data["interactions"].increments
        return [*self.intake.report["interactions"]["files"], *(url.removeprefix(self.at.bucket_url) for url in added)]

    def _trained(self) -> Iterator[Resource]:
        """The resources of a run on what is not held back, each solution with a job that asks its version."""
        learnt = Data(self.home.url("train/"), digest(self.home.run), self.intake.data["interactions"].schema)
        by_batch = [one for one in self.entrants() if one.kind == "trained" and not one.campaign]
        config = Config(
            solutions=tuple(self.solutions),
            filters={},
            schemas={},
            exports=None,
            group=self.intake.config.group,
            jobs=tuple(self._job(one) for one in by_batch),
            tags=self.intake.config.tags,
        )
        # The group's own schemas would be taken down with all that is made here.
        data = {name: replace(one, schema_name="") for name, one in self.intake.data.items()}
        for one in desired_resources(self.at, config, {**data, "interactions": learnt}):
            if one.kind == "batch_inference_job":
                yield replace(one, params={**one.params, **self._output(one.id.partition("/")[2])})
            elif one.kind != "event_tracker":  # nobody will send events
                yield one

    def _job(self, asked: Entrant) -> Job:
        return Job(
            asked.folder, "batch_inference_job", asked.name, settings=_settings(asked),
            input=self.home.key(f"input/{asked.input}/"),
        )  # fmt: skip

    def _output(self, folder: str) -> dict[str, Any]:
        return {"jobOutput": {"s3DataDestination": {"path": self.home.url(f"output/{folder}/")}}}

    def _asked_live(self) -> Iterator[Resource]:
        """Jobs that ask live versions without a campaign."""
        for one in self.entrants():
            if one.kind == "live" and not one.campaign:
                params = {
                    "jobName": unique_name(self.at.group, one.folder),
                    "solutionVersionArn": one.version,
                    "jobInput": {"s3DataSource": {"path": self.home.url(f"input/{one.input}/")}},
                    **self._output(one.folder),
                    "roleArn": self.at.role_arn,
                    **_settings(one),
                }
                kind = KINDS["batch_inference_job"]
                arn = f"{self.at.arn_prefix}:{kind.arn.format(**params)}"
                yield Resource(f"{kind.name}/{one.folder}", kind.name, "train", params, arn=arn)
