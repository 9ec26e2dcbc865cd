"""The desired resources, derived from a group's config, data and tasks. Pure.

The name of an immutable resource has a digest of its definition. A changed schema, filter or solution is thus another
resource, created beside the old one, and the serving map switches to it once it is live.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from usher.aws import digest
from usher.config.exports import desired_exports
from usher.config.model import JOBS, Config, Job, Solution, follows_latest
from usher.config.schedule_expressions import DEFAULT_TRAINING_RATE
from usher.datasets.schemas import Schema
from usher.names import job_family, unique_name
from usher.planning.tasks import RequestedTasks
from usher.recipes import recipe_of
from usher.resources.comparison import LATEST, immutable_members, value_at
from usher.resources.decisions import ONLY_ON_REQUEST
from usher.resources.kinds import GROUP_TAG, KINDS, Resource
from usher.resources.target import Target

EVENTS_CONFIG = "solutionConfig.eventsConfig"
"""The member of CreateSolution with the weights of event types."""


@dataclass(frozen=True, slots=True)
class Data:
    """One dataset's data that is ready to be imported."""

    location: str
    """The s3:// address of the file or the folder."""
    digest: str
    schema: Schema = field(default_factory=dict)
    increments: Mapping[str, str] = field(default_factory=dict)
    """The digest of each increment, by s3:// address."""
    schema_name: str = ""
    """The name of a schema in Personalize, if the group's dataset has an equal one already: that of interactions can't
    change.
    """
    event_types: Sequence[str] | None = None
    """The types of its events, in lower case; None: not known, or too many."""
    imported: str = ""
    """The fingerprint of the last import, if newer data has to wait for its schedule."""

    @property
    def fingerprint(self) -> str:
        """A digest of the file's content and schema: each import has its own."""
        return self.imported or digest([self.digest, self.schema])

    def without_increment(self, file: str) -> "Data":
        """The same data without one of its increments. `file`: the file's name."""
        kept = {location: one for location, one in self.increments.items() if location.rpartition("/")[2] != file}
        return replace(self, increments=kept)


def desired_resources(
    target: Target, config: Config, data: Mapping[str, Data], tasks: RequestedTasks | None = None
) -> list[Resource]:
    """All desired resources of a group's config, data and tasks, each after the resources that it needs."""
    return list(_Desired(target, config, data, tasks or {}).resources())


@dataclass(frozen=True, slots=True)
class _Desired:
    target: Target
    config: Config
    data: Mapping[str, Data]
    tasks: RequestedTasks

    def resources(self) -> Iterator[Resource]:
        yield self._dataset_group()
        for dataset, given in self.data.items():
            yield from self._dataset(dataset, given)
        yield self._resource("import", "event_tracker", self.target.group, {"name": self._unique("")}, self._group,
                             after=["dataset/interactions"])  # fmt: skip
        if self.config.metric_attribution is not None:
            yield self._metric_attribution(self.config.metric_attribution)
        for name, members in self.config.filters.items():
            unique = self._unique(name, members["filterExpression"])
            yield self._resource(
                "import", "filter", name, {"name": unique, **members}, self._group, after=self._datasets
            )
        for solution in self.config.solutions:
            yield from self._solution(solution)
        for one in self.config.recommenders:
            members = {"name": self._unique(one.name, one.recipe), "recipeArn": recipe_arn(self.target, one.recipe)}
            yield self._resource(
                "train", "recommender", one.name, {**members, **one.settings}, self._group, after=self._imports
            )
        for job in self.config.jobs:
            yield from self._job(job)
        for schedule in self.config.schedules:
            made = schedule_resource(self.target, schedule.name, schedule.input, schedule.settings)
            yield replace(made, after=self._after_group)

    @property
    def _after_group(self) -> list[str]:
        """The dataset group, as a dependency of resources outside it: if it is refused, nothing is left behind."""
        return [f"dataset_group/{self.target.group}"]

    @property
    def _group(self) -> dict[str, str]:
        return {"datasetGroupArn": f"dataset_group/{self.target.group}"}

    @property
    def _home(self) -> str:
        """The dataset group's name in Personalize."""
        return self.config.adopt.get(f"dataset_group/{self.target.group}", self.target.group)

    @property
    def _datasets(self) -> list[str]:
        return [f"dataset/{name}" for name in self.data]

    @property
    def _imports(self) -> list[str]:
        increments = (f"{name}/{file}" for name, given in self.data.items() for file in _files(given))
        return [f"dataset_import_job/{name}" for name in (*self.data, *increments)]

    def _dataset_group(self) -> Resource:
        members = {"name": self.target.group, **self.config.group}
        if "kmsKeyArn" in members:
            members = {"roleArn": self.target.role_arn, **members}
        made = self._resource("import", "dataset_group", self.target.group, members)
        return replace(made, tags=[*made.tags, {"tagKey": GROUP_TAG, "tagValue": self.target.group}])

    def _dataset(self, dataset: str, given: Data) -> Iterator[Resource]:
        domain = {"domain": self.config.group["domain"]} if "domain" in self.config.group else {}
        name = given.schema_name or self._unique(dataset, given.schema)
        schema = {"name": name, "schema": json.dumps(given.schema), **domain}
        yield self._resource("import", "schema", dataset, schema, after=self._after_group)
        yield self._resource(
            "import", "dataset", dataset,
            {"name": f"{self.target.group}-{dataset}", "datasetType": dataset.upper()},
            {**self._group, "schemaArn": f"schema/{dataset}"},
        )  # fmt: skip
        frozen = "New data waits for the import's schedule." if given.imported else ""
        yield self._import(dataset, given.location, "FULL", dataset, fingerprint=given.fingerprint, frozen=frozen)
        for file, (location, content) in _files(given).items():
            name = f"{dataset}/{file}"
            family = self._family(name, given.fingerprint, content)
            after = [f"dataset_import_job/{dataset}"]
            yield self._import(name, location, "INCREMENTAL", dataset, after=after, family=family)

    def _import(self, name: str, location: str, mode: str, dataset: str, family: str = "", **more: Any) -> Resource:
        params = {
            "jobName": f"{family or self._family(name)}{self.target.run}",
            "dataSource": {"dataLocation": location},
            "roleArn": self.target.role_arn,
            "importMode": mode,
        }
        refs = {"datasetArn": f"dataset/{dataset}"}
        return self._resource("import", "dataset_import_job", name, params, refs, family=family, **more)

    def _metric_attribution(self, members: Mapping[str, Any]) -> Resource:
        destination = {"path": f"{self.target.bucket_url}{self.target.group}/out/attribution/"}
        output = {"s3DataDestination": destination, "roleArn": self.target.role_arn}
        params = {"name": self._unique(""), **members, "metricsOutputConfig": output}
        return self._resource(
            "import", "metric_attribution", self.target.group, params, self._group, after=self._datasets
        )

    def _solution(self, solution: Solution) -> Iterator[Resource]:
        params = _solution_params(self.target, solution)
        unique = self._unique(solution.name, _made_from(params))
        created = self._resource(
            "import", "solution", solution.name, {"name": unique, **params}, self._group, after=self._datasets
        )
        yield created
        yield self._version(solution)
        if solution.campaign is None:
            return
        version = f"solution_version/{solution.name}"
        campaign = {"name": unique, **solution.campaign}
        if follows_latest(solution.campaign):
            latest = {**campaign, "solutionVersionArn": f"{created.arn}{LATEST}"}
            yield self._resource("train", "campaign", solution.name, latest, after=[version])
        else:
            yield self._resource("train", "campaign", solution.name, campaign, {"solutionVersionArn": version})

    def _version(self, solution: Solution) -> Resource:
        """The version of a solution in this run: it has one name, so that Personalize can refuse to train it a second
        time.
        """
        tasks = [self.tasks[name] for name in ("retrain", f"retrain#{solution.name}") if name in self.tasks]
        task = max(tasks, key=lambda one: one["at"], default={"at": ""})
        mode = task.get("trainingMode", solution.training_mode)
        increments = [content for given in self.data.values() for content in given.increments.values()]
        weights = value_at(solution.settings, EVENTS_CONFIG)
        made_from = digest(
            [*(given.fingerprint for given in self.data.values()), *increments, *([weights] if weights else [])]
        )
        return self._resource(
            "train", "solution_version", solution.name,
            {
                "name": f"{self._family(solution.name)}{self.target.run}",
                **({"trainingMode": mode} if mode != "FULL" else {}),
            },
            {"solutionArn": f"solution/{solution.name}"},
            after=self._imports,
            fingerprint=f"{made_from}@{task['at']}".rstrip("@"),
            min_retrain_interval=min(solution.min_retrain_interval, ONLY_ON_REQUEST),
        )  # fmt: skip

    def _job(self, job: Job) -> Iterator[Resource]:
        """A job for each version of its solution; of a scheduled job, the one that was requested last."""
        section = next(section for section, kind in JOBS.items() if kind == job.kind)
        task = self.tasks.get(f"{section}#{job.name}")
        if job.scheduled and not task:
            return
        name = f"{section}/{job.name}"
        occasion = digest(task["at"]) if task and job.scheduled else ""
        family = self._family(name)
        folder = f"{self.target.bucket_url}{self.target.group}"
        params = {
            "jobName": f"{family}{occasion or self.target.run}",
            "jobInput": {"s3DataSource": {"path": f"{self.target.bucket_url}{job.input}"}},
            "jobOutput": {"s3DataDestination": {"path": f"{folder}/out/{name}/{occasion or self.target.run}/"}},
            "roleArn": self.target.role_arn,
            **job.settings,
        }
        refs = {"solutionVersionArn": f"solution_version/{job.solution}"}
        if job.filter:
            refs["filterArn"] = f"filter/{job.filter}"
        made_from = digest([job.settings, job.filter])
        made = self._resource("train", job.kind, job.name, params, refs, fingerprint=made_from, family=family)
        yield made if occasion else replace(made, arn="")

    def _unique(self, name: str, *made_from: object) -> str:
        """A name that no other group makes, not even a group of the same name in another stack."""
        return unique_name(self.target.group, name, self._home, *made_from)

    def _family(self, name: str, *made_from: str) -> str:
        return job_family(self.target.group, name, self._home, *made_from)

    def _resource(
        self,
        stage: str,
        kind: str,
        name: str,
        params: Mapping[str, Any],
        refs: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Resource:
        row, id_ = KINDS[kind], f"{kind}/{name}"
        members = {member: value for member, value in params.items() if member != "tags"}
        tags = [*params.get("tags", self.config.tags)] if row.taggable else []
        if id_ in self.config.adopt:
            members["name"] = self.config.adopt[id_]
        tail = row.arn.format(group=self._home, **members) if row.arn else ""
        arn = tail and f"{self.target.arn_prefix}:{tail}"
        return Resource(id_, kind, stage, members, refs or {}, arn=arn, tags=tags, **more)


def schedule_resource(target: Target, name: str, task: Mapping[str, str], settings: Mapping[str, Any]) -> Resource:
    """A schedule that starts the pipeline, or the export, with a task."""
    exports = task.get("task") == "export"
    options = {name: value for name, value in task.items() if name != "task"}
    execution_input = {
        "group": target.group,
        **(options if exports else {**task, "at": "<aws.scheduler.scheduled-time>"}),
    }
    params = {
        "Name": f"{target.group}.{name}",
        "GroupName": target.schedule_group,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": target.export_arn if exports else target.pipeline_arn,
            "RoleArn": target.schedule_role_arn,
            "Input": json.dumps(execution_input),
        },
        **settings,
    }
    prefix = target.arn_prefix.replace(":personalize:", ":scheduler:")
    arn = f"{prefix}:{KINDS['schedule'].arn.format(**params)}"
    return Resource(f"schedule/{name}", "schedule", "import", params, arn=arn)


def _files(data: Data) -> dict[str, tuple[str, str]]:
    """The increments of a dataset by file name: address and digest."""
    return {location.rpartition("/")[2]: (location, content) for location, content in data.increments.items()}


def _solution_params(target: Target, solution: Solution) -> dict[str, Any]:
    """CreateSolution's members. Automatic training, the service's default, costs money: it is off unless set.

    If it is on, its schedule is always given, so that removing it from a config restores the default.
    """
    params = {"recipeArn": recipe_arn(target, solution.recipe), "performAutoTraining": False, **solution.settings}
    if params["performAutoTraining"]:
        default = {"autoTrainingConfig": {"schedulingExpression": DEFAULT_TRAINING_RATE}}
        params["solutionConfig"] = {**default, **params.get("solutionConfig", {})}
    return params


def _made_from(params: Mapping[str, Any]) -> dict[str, Any]:
    """CreateSolution's members that define a solution: a change of any other member is an update.

    Update replaces event weights, but can't remove them.
    """
    members = {name: value for name, value in immutable_members(KINDS["solution"], params).items() if name != "tags"}
    return {**members, **({EVENTS_CONFIG: True} if value_at(params, EVENTS_CONFIG) else {})}


def recipe_arn(target: Target, recipe: str) -> str:
    """A recipe's ARN: the service owns recipes, so the ARN has no region or account."""
    return f"{target.arn_prefix.split(':personalize:')[0]}:personalize:::recipe/{recipe}"


def _served_facts(recipe: str, recipe_type: str, settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """The serving map's facts about a solution or a recommender. `settings`: campaignConfig or recommenderConfig."""
    row, is_enabled = recipe_of(recipe, recipe_type), (settings or {}).get("enableMetadataWithRecommendations", False)
    return {"type": recipe_type, "recipe": recipe, "metadata": is_enabled or row.is_v2 or row.needs_text}


def desired_serving(config: Config, types: Mapping[str, str]) -> dict[str, Any]:
    """The desired content of the serving map, as a Plan has it. `types`: recipe types by solution and recommender.

    Raises InputError for an impossible export.
    """
    recipes = {one.name: one.recipe for one in config.solutions}
    return {
        "solutions": {
            one.name: {
                **_served_facts(one.recipe, types[one.name], (one.campaign or {}).get("campaignConfig")),
                "campaign": one.campaign is not None,
                **({"idle": True} if one.idle == "table" and one.campaign is None else {}),
            }
            for one in config.solutions
        },
        "recommenders": {
            one.name: _served_facts(one.recipe, types[one.name], one.settings.get("recommenderConfig"))
            for one in config.recommenders
        },
        "context": config.context,
        "filters": list(config.filters),
        "exports": desired_exports(
            config.exports, recipes, types, [one.name for one in config.schedules], config.readings
        ),
    }
