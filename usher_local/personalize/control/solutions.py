"""Validation of solutions, their versions, campaigns and recommenders beyond botocore's model.

One function per row of `kinds.KINDS` that needs one. The resources that a request names exist and are ACTIVE.
"""

import re
import secrets

from usher_local.personalize.control.auto_training import AUTOMATIC, interval, resets_schedule
from usher_local.personalize.core import request_checks
from usher_local.personalize.core.errors import InvalidInputError, ResourceAlreadyExistsError
from usher_local.personalize.core.lifecycle import PENDING
from usher_local.personalize.core.recipes import BY_ARN, SEGMENTS, Recipe
from usher_local.personalize.core.resources import Backend, Resource, Values

LATEST = "/$LATEST"
UPDATABLE = frozenset({"aws-user-personalization", "aws-hrnn-coldstart"})
"""Recipes whose versions the training mode UPDATE can train."""
OPTIMIZABLE = frozenset({"aws-user-personalization", "aws-personalized-ranking"})
"""Recipes that accept an objective besides relevance."""
INCREMENTAL = frozenset({"aws-semantic-similarity"})
MAX_JOBS = {"maxNumberOfTrainingJobs": 40, "maxParallelTrainingJobs": 10}
"""The maximum numbers of a hyperparameter search."""


def solution(backend: Backend, values: Values) -> None:
    """Check the recipe, the configuration for it, and numbers that are given as text."""
    if "recipeArn" not in values and not values["performAutoML"]:
        raise InvalidInputError("recipeArn is required unless performAutoML is true")
    if "recipeArn" in values and values["performAutoML"]:
        raise InvalidInputError("recipeArn must not be given when performAutoML is true")
    config = values["solutionConfig"]
    interval(config)
    _check_jobs(config.get("hpoConfig", {}).get("hpoResourceConfig", {}))
    goal = config.get("hpoConfig", {}).get("hpoObjective", {}).get("type", "Maximize")
    if goal.lower() not in ("maximize", "minimize"):
        raise InvalidInputError(f"The type of hpoObjective must be Maximize or Minimize, not {goal}")
    threshold = config.get("eventValueThreshold")
    if threshold is not None and not re.fullmatch(r"-?\d+(\.\d+)?", threshold):
        raise InvalidInputError(f"eventValueThreshold must be a number, not {threshold}")
    if threshold is not None and "eventType" not in values:
        raise InvalidInputError("eventValueThreshold needs an eventType")
    if "recipeArn" in values:
        _check_recipe(backend, BY_ARN[values["recipeArn"]], values)


def _check_recipe(backend: Backend, recipe: Recipe, values: Values) -> None:
    if recipe.domain:
        raise InvalidInputError(f"{values['recipeArn']} is for recommenders, not for solutions")
    if values.get("performIncrementalUpdate") and recipe.name not in INCREMENTAL:
        raise InvalidInputError(f"The recipe {recipe.name} does not support incremental updates")
    objective = values["solutionConfig"].get("optimizationObjective")
    if objective is None:
        return
    if recipe.name not in OPTIMIZABLE:
        raise InvalidInputError(f"The recipe {recipe.name} does not support an optimization objective")
    items = request_checks.schemas_of(backend, values["datasetGroupArn"]).get("ITEMS")
    field = items and items.field(objective.get("itemAttribute", ""))
    if not field or not field.numeric or field.nullable:
        raise InvalidInputError("itemAttribute must be a numeric field of the Items dataset that cannot be null")


def _check_jobs(resources: dict[str, str]) -> None:
    for name, most in MAX_JOBS.items():
        number = resources.get(name, "1")
        if not number.isdecimal() or not 1 <= int(number) <= most:
            raise InvalidInputError(f"{name} must be an integer from 1 to {most}, not {number}")


def solution_update(_: Backend, resource: Resource, values: Values) -> None:
    """Replace the given members of the configuration: schedule and event weights."""
    values["resetsSchedule"] = resets_schedule(resource, values)
    values["solutionConfig"] = resource.values["solutionConfig"] | values.get("solutionUpdateConfig", {})
    interval(values["solutionConfig"])


def version(backend: Backend, values: Values) -> None:
    """Check the training mode and the name.

    Only some recipes train with the mode UPDATE, which needs an earlier version; AUTOTRAIN is reserved for the service.
    Two versions of a solution cannot have one name: CreateSolutionVersion documents ResourceAlreadyExistsException.
    """
    mode, solution_arn = values["trainingMode"], values["solutionArn"]
    if mode == "AUTOTRAIN" and values["trainingType"] != AUTOMATIC["trainingType"]:
        raise InvalidInputError("The training mode AUTOTRAIN is for automatic training")
    if mode == "UPDATE":
        recipe = backend.get("Solution", solution_arn).values.get("recipeArn", "")
        if recipe.rsplit("/", 1)[-1] not in UPDATABLE:
            raise InvalidInputError("The recipe of the solution does not support the training mode UPDATE")
        full = (v for v in backend.find("SolutionVersion", solution_arn) if v.values["trainingMode"] != "UPDATE")
        if not any(found.status == "ACTIVE" for found in full):
            raise InvalidInputError("The training mode UPDATE needs an ACTIVE version that was trained in full")
    name = values.get("name")
    if any(one.values["name"] == name for one in backend.find("SolutionVersion", solution_arn)):
        raise ResourceAlreadyExistsError(f"Another solution version with name {name} already exists.")
    values.setdefault("name", f"{solution_arn.rsplit('/', 1)[1]}/{secrets.token_hex(4)}")


def campaign(backend: Backend, values: Values) -> None:
    """Resolve `<solution>/$LATEST` to the newest version. Versions that make segments are refused."""
    arn = values["solutionVersionArn"]
    if arn.endswith(LATEST):
        if not values.get("campaignConfig", {}).get("syncWithLatestSolutionVersion"):
            raise InvalidInputError("$LATEST needs syncWithLatestSolutionVersion in campaignConfig")
        version = newest_version(backend, arn.removesuffix(LATEST))
        if version is None:
            raise InvalidInputError(f"There is no ACTIVE version of the solution {arn.removesuffix(LATEST)}")
        values["solutionVersionArn"] = version.arn
    recipe = BY_ARN[backend.get("SolutionVersion", values["solutionVersionArn"]).values["recipeArn"]]
    if recipe.type == SEGMENTS:
        raise InvalidInputError(f"The recipe {recipe.name} does not support campaigns")


def campaign_update(backend: Backend, resource: Resource, values: Values) -> None:
    """Add the current values of the members that the request leaves out."""
    for member in ("solutionVersionArn", "minProvisionedTPS", "campaignConfig"):
        if member in resource.values:
            values.setdefault(member, resource.values[member])
    campaign(backend, values)


def follow_latest(backend: Backend, resource: Resource) -> None:
    """Begin the update of a campaign with syncWithLatestSolutionVersion if a newer version is ACTIVE."""
    if not resource.values.get("campaignConfig", {}).get("syncWithLatestSolutionVersion"):
        return
    version = newest_version(backend, resource.values["solutionVersionArn"].rsplit("/", 1)[0])
    if version and version.arn != resource.values["solutionVersionArn"] and not resource.updating:
        backend.begin_update(resource, resource.values | {"solutionVersionArn": version.arn})


def newest_version(backend: Backend, solution_arn: str) -> Resource | None:
    """The newest ACTIVE version of a solution, or None."""
    return next((v for v in backend.find("SolutionVersion", solution_arn) if v.status == "ACTIVE"), None)


def recommender(backend: Backend, values: Values) -> None:
    """Check that the recipe is a use case of the group's domain."""
    recipe = BY_ARN[values["recipeArn"]]
    domain = backend.get("DatasetGroup", values["datasetGroupArn"]).values.get("domain")
    if domain is None:
        raise InvalidInputError("Recommenders need a dataset group with a domain")
    if recipe.domain != domain:
        raise InvalidInputError(f"The recipe {recipe.name} is not one of the domain {domain}")


def recommender_update(_: Backend, resource: Resource, values: Values) -> None:
    """Add the current values of the members that the request leaves out."""
    values["recommenderConfig"] = resource.values["recommenderConfig"] | values["recommenderConfig"]


def stop_version(backend: Backend, params: Values) -> None:
    """Stop the creation of a solution version."""
    _begin_transition(backend, "SolutionVersion", params["solutionVersionArn"], "GIVE UP", PENDING)


def stop_recommender(backend: Backend, params: Values) -> Values:
    """Make a recommender INACTIVE: it stops answering."""
    _begin_transition(backend, "Recommender", params["recommenderArn"], "STOP", ("ACTIVE",))
    return {"recommenderArn": params["recommenderArn"]}


def start_recommender(backend: Backend, params: Values) -> Values:
    """Make a stopped recommender ACTIVE again, without a training."""
    _begin_transition(backend, "Recommender", params["recommenderArn"], "START", ("INACTIVE",))
    return {"recommenderArn": params["recommenderArn"]}


def _begin_transition(backend: Backend, kind: str, arn: str, transition: str, allowed: tuple[str, ...]) -> None:
    with backend.lock:
        resource = backend.get(kind, arn)
        if resource.status not in allowed or resource.updating:
            verb = "started" if transition == "START" else "stopped"
            raise resource.refusal(f"cannot be {verb}")
        backend.begin_transition(resource, transition)
