"""The plan of an evaluation: a run on the training part, in a dataset group of its own. Pure, apart from look-ups."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from usher.aws import digest
from usher.clients import PersonalizeClient
from usher.config.model import Config, Job, Solution
from usher.costs.calculation import Size
from usher.datasets import schemas
from usher.errors import InputError, Problem
from usher.evaluation.files import TRAIN, EvaluationFiles
from usher.evaluation.options import Options
from usher.evaluation.predictions import MAX_RESULTS
from usher.formats.typed_json import as_type
from usher.names import fingerprint, unique_name
from usher.planning.desired import Data, desired_resources, recipe_arn
from usher.planning.inputs import Inputs, recipe_type
from usher.recipes import Recipe, is_without_batch, recipe_of
from usher.reports.evaluation_report import EXPLORATION_OFF, EXPLORATION_ON, EXPLORATION_REMOVED
from usher.resources.kinds import KINDS, Resource
from usher.resources.lookup import describe
from usher.resources.plan import Plan
from usher.resources.target import Target
from usher.resources.unmanaged import Unmanaged
from usher.runs.documents import own_group

ALL_RECIPES = "all"
"""The option that stands for every recipe that suits the data."""
RESULTS_TO_REMOVE_FROM = 2 * MAX_RESULTS
"""The number of items to request if some are then removed, so that MAX_RESULTS remain."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A model that is compared. Its predictions are in the folder `output/<folder>`."""

    name: str
    kind: str
    """trained: for the evaluation, on the training part; live: the version that serves the group."""
    folder: str
    input: str
    """The kind of its requests: users, items or rankings."""
    version: str
    """Its solution version: the id of a resource, or an ARN."""
    recipe: str = ""
    """Empty for a live version that Personalize no longer has."""
    campaign: str = ""
    """Its campaign, by id or ARN; empty: a batch inference job makes the predictions."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Members of the batch inference job."""
    exploration: str = ""
    """A name of reports/evaluation_report.py; empty: its recipe does not explore."""
    event_type: str = ""
    """The type of the events that it learns from; empty: it learns from all, or it is live."""


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """The members of a plan that only an evaluation has."""

    options: Options
    contenders: Sequence[Contender]
    files: Sequence[str]
    """The keys of the interactions' CSVs."""
    header: Sequence[str]
    """The columns of the CSVs."""

    @classmethod
    def of(cls, plan: Plan) -> "EvaluationPlan":
        """The evaluation's members of a plan. Raises UnfitError if the plan is not an evaluation's."""
        return as_type(cls, {member.name: getattr(plan, member.name) for member in fields(cls)})


def solutions_to_compare(personalize: PersonalizeClient, inputs: Inputs, recipes: Sequence[str]) -> list[Solution]:
    """The solutions to train: the config's, or one for each of some recipes. Raises InputError for unknown recipes."""
    if not recipes:
        return [_for_comparison(solution) for solution in inputs.config.solutions]
    pages = personalize.get_paginator("list_recipes").paginate()
    known = [recipe["name"] for page in pages for recipe in page["recipes"] if "domain" not in recipe]
    names = [name for name in recipes if name != ALL_RECIPES]
    if unknown := sorted({*names} - {*known}):
        message = f"names {', '.join(unknown)}, which Personalize does not have for groups without a domain."
        raise InputError([Problem("recipes", message, f"Use: {', '.join(sorted(known))}.")])
    if ALL_RECIPES in recipes:
        schema = schemas.fields(inputs.data["items"].schema) if "items" in inputs.data else {}
        has_text = any(field.textual for field in schema.values())
        rows = {name: recipe_of(name) for name in known}
        names += [name for name, row in rows.items() if not row.is_legacy and (has_text or not row.needs_text)]
    return [_for_comparison(Solution(name.removeprefix("aws-"), name)) for name in dict.fromkeys(names)]


def _for_comparison(solution: Solution) -> Solution:
    """A solution that is trained once, and has a campaign only if its recipe has no batch inference."""
    settings = {**solution.settings, "performAutoTraining": False}
    return Solution(solution.name, solution.recipe, settings, {} if is_without_batch(solution.recipe) else None)


def _recipe_of(personalize: PersonalizeClient, version: str) -> str:
    """The name of a version's recipe; empty if Personalize does not know the version."""
    details = describe(personalize, KINDS["solution_version"], version)
    return str(details.get("recipeArn", "")).rpartition("/")[2]


def exploration_of(recipe: Recipe, *, is_wanted: bool) -> str:
    """The name of the handling of a recipe's explored items; empty if it explores none."""
    if not recipe.explores:
        return ""
    if is_wanted:
        return EXPLORATION_ON
    return EXPLORATION_OFF if recipe.takes_exploration_weight else EXPLORATION_REMOVED


def _job_settings(exploration: str, own: Mapping[str, str]) -> dict[str, Any]:
    """The settings of a contender's batch inference job. `own`: the itemExplorationConfig of its campaign."""
    results = RESULTS_TO_REMOVE_FROM if exploration == EXPLORATION_REMOVED else MAX_RESULTS
    config = {EXPLORATION_OFF: {"explorationWeight": "0"}, EXPLORATION_ON: own}.get(exploration)
    return {"numResults": results} | ({"batchInferenceJobConfig": {"itemExplorationConfig": config}} if config else {})


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An evaluation to be carried out."""

    files: EvaluationFiles
    at: Target
    """Its own dataset group."""
    inputs: Inputs
    options: Options
    solutions: Sequence[Solution]
    types: Mapping[str, str]
    """The type of each recipe, by name."""
    live: Mapping[str, Mapping[str, Any]]
    """The solutions of the serving map that are compared, each with the name of its recipe."""
    left_out: Sequence[Problem] = ()
    """The reasons why solutions are not compared."""

    @classmethod
    def of(
        cls, files: EvaluationFiles, at: Target, personalize: PersonalizeClient, inputs: Inputs, options: Options,
        live: Mapping[str, Mapping[str, Any]],
    ) -> "Evaluation":  # fmt: skip
        """A comparison of the options' recipes, or of the config's solutions, and of the live versions.

        `at`: the group itself; `live`: its solutions in the serving map. Raises InputError if there is nothing to
        compare.
        """
        own = replace(at, group=own_group(files.group, files.run), run=fingerprint(files.group, files.run))
        solutions = solutions_to_compare(personalize, inputs, options.recipes)
        types = {solution.recipe: recipe_type(personalize, recipe_arn(at, solution.recipe)) for solution in solutions}
        comparable = [
            solution for solution in solutions if recipe_of(solution.recipe, types[solution.recipe]).evaluation_input
        ]
        remedy = "Compare recipes that do, such as aws-user-personalization-v2."
        left_out = [
            Problem(solution.name, f"is left out, as {solution.recipe} recommends no items to users.", remedy)
            for solution in solutions
            if solution not in comparable
        ]
        if not comparable:
            raise InputError(left_out or [Problem(f"{files.group}/", "has no solutions.", remedy)])
        compared = {
            name: {**entry, "recipe": _recipe_of(personalize, entry["solutionVersionArn"])}
            for name, entry in live.items()
            if options.live and recipe_of("", entry["type"]).evaluation_input
        }
        without_answers = {
            name: one["recipe"]
            for name, one in compared.items()
            if is_without_batch(one["recipe"]) and not one["campaignArn"]
        }
        left_out += [
            Problem(
                f"{name} (live)", f"is left out: {recipe} has no batch inference, and the solution no campaign.",
                "Give the solution a campaign.",
            )
            for name, recipe in without_answers.items()
        ]  # fmt: skip
        compared = {name: one for name, one in compared.items() if name not in without_answers}
        return cls(files, own, inputs, options, comparable, types, compared, left_out)

    def contenders(self) -> list[Contender]:
        """The models that are compared, without the baselines."""
        trained = [
            self._contender(
                solution.name, recipe_of(solution.recipe, self.types[solution.recipe]),
                name=solution.name, kind="trained", folder=solution.name, recipe=solution.recipe,
                version=f"solution_version/{solution.name}",
                campaign=f"campaign/{solution.name}" if solution.campaign is not None else "",
                event_type=solution.settings.get("eventType", ""),
            )
            for solution in self.solutions
        ]  # fmt: skip
        live = [
            self._contender(
                name, recipe_of(entry["recipe"], entry["type"]),
                name=f"{name} (live, {entry['solutionVersionArn'].rpartition('/')[2]})", kind="live",
                folder=f"live-{name}", recipe=entry["recipe"], version=entry["solutionVersionArn"],
                campaign=entry["campaignArn"] if is_without_batch(entry["recipe"]) else "",
            )
            for name, entry in self.live.items()
        ]  # fmt: skip
        return trained + live

    def _contender(self, solution: str, row: Recipe, **members: Any) -> Contender:
        """A version of a solution. If exploration is on, it explores as its campaign does."""
        exploration = exploration_of(row, is_wanted=self.options.exploration)
        campaigns = {one.name: one.campaign or {} for one in self.inputs.config.solutions}
        own = campaigns.get(solution, {}).get("campaignConfig", {}).get("itemExplorationConfig", {})
        settings = _job_settings(exploration, own)
        return Contender(input=row.evaluation_input, settings=settings, exploration=exploration, **members)

    def max_lines(self, size: Size) -> dict[str, int]:
        """The most lines that each batch job can have, by its id: one for each user, or each item."""
        return {
            f"batch_inference_job/{contender.folder}": size.items if contender.input == "items" else size.users
            for contender in self.contenders()
            if not contender.campaign
        }

    def plan(self) -> Plan:
        """The plan: a run in a group of its own, and the deletion of all that it creates."""
        desired = [*self._training(), *self._live_jobs()]
        to_delete = [
            Unmanaged(one.id, one.kind, one.arn, "the evaluation is over", delete=True)
            for one in reversed(desired)
            if one.arn and KINDS[one.kind].can_be_deleted
        ]
        own = EvaluationPlan(
            self.options, self.contenders(), self._csvs(), list(self.inputs.report["interactions"]["columns"])
        )
        return Plan(self.at.group, desired, to_delete=to_delete, removal=True, **asdict(own))

    def _csvs(self) -> list[str]:
        """The keys of the interactions, increments included."""
        added = self.inputs.data["interactions"].increments
        return [*self.inputs.report["interactions"]["files"], *(url.removeprefix(self.at.bucket_url) for url in added)]

    def _training(self) -> Iterator[Resource]:
        """The resources of a run on the training part, with a batch inference job for each solution."""
        schema = self.inputs.data["interactions"].schema
        train = Data(self.files.url(f"{TRAIN}/"), digest(self.files.run), schema)
        by_batch = [one for one in self.contenders() if one.kind == "trained" and not one.campaign]
        config = Config(
            solutions=tuple(self.solutions),
            filters={},
            schemas={},
            exports=None,
            group=self.inputs.config.group,
            jobs=tuple(self._job(contender) for contender in by_batch),
            tags=self.inputs.config.tags,
        )
        # The group's own schemas would be deleted with the evaluation's resources.
        data = {name: replace(one, schema_name="") for name, one in self.inputs.data.items()}
        for one in desired_resources(self.at, config, {**data, "interactions": train}):
            if one.kind == "batch_inference_job":
                yield replace(one, params={**one.params, **self._job_output(one.id.partition("/")[2])})
            elif one.kind != "event_tracker":  # no events will be sent
                yield one

    def _job(self, contender: Contender) -> Job:
        return Job(
            contender.folder, "batch_inference_job", contender.name, settings=contender.settings,
            input=self.files.key(f"input/{contender.input}/"),
        )  # fmt: skip

    def _job_output(self, folder: str) -> dict[str, Any]:
        return {"jobOutput": {"s3DataDestination": {"path": self.files.url(f"output/{folder}/")}}}

    def _live_jobs(self) -> Iterator[Resource]:
        """The batch inference jobs of live versions without a campaign."""
        for contender in self.contenders():
            if contender.kind == "live" and not contender.campaign:
                params = {
                    "jobName": unique_name(self.at.group, contender.folder),
                    "solutionVersionArn": contender.version,
                    "jobInput": {"s3DataSource": {"path": self.files.url(f"input/{contender.input}/")}},
                    **self._job_output(contender.folder),
                    "roleArn": self.at.role_arn,
                    **contender.settings,
                }
                kind = KINDS["batch_inference_job"]
                arn = f"{self.at.arn_prefix}:{kind.arn.format(**params)}"
                yield Resource(f"{kind.name}/{contender.folder}", kind.name, "train", params, arn=arn)
