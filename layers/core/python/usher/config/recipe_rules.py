"""The recipes' rules for solutions, recommenders, jobs and exports of a config. An unknown recipe allows everything.

Service guide: the pages of the recipes, "Evaluating a solution version with metrics", "Filter expressions".
"""

from collections.abc import Mapping
from typing import Any

from usher.config.exports import disallowed_options, parsed
from usher.config.model import JOBS, Config, Job, Recommender, Solution
from usher.config.problems import Problems
from usher.filters.expressions import EVENT_DATASETS, Expression, Field, tests
from usher.recipes import BESIDES, POPULARITY, RECIPES, Recipe

SECTIONS = {kind: section for section, kind in JOBS.items()}


def check_recipes(problems: Problems, config: Config) -> None:
    """Note the settings that break the rules of their recipes."""
    recipes = {one.name: RECIPES[one.recipe] for one in config.solutions if one.recipe in RECIPES}
    for solution in config.solutions:
        if solution.name in recipes:
            _check_solution(problems, solution, recipes[solution.name])
    for schedule in config.schedules:
        name = schedule.input.get("solution", "")
        if schedule.input.get("trainingMode") == "UPDATE" and name in recipes:
            _check_updates(problems, f"solutions.{name}.schedules.UPDATE", recipes[name])
    for recommender in config.recommenders:
        _check_recommender(problems, recommender, config.group.get("domain"))
    for job in config.jobs:
        if job.solution in recipes:
            _check_job(problems, job, recipes[job.solution], config)
    able = {name: one for name, one in (config.exports or {}).items() if name in recipes and recipes[name].batch}
    for name, export in able.items():
        _check_filter(problems, f"exports.{name}.filter", parsed(config.filters, export["filter"]), recipes[name])
    names = {one.name: one.recipe for one in config.solutions}
    for noted in disallowed_options(able, names, dict.fromkeys(able, "")):
        problems.note(*noted)


def _check_solution(problems: Problems, solution: Solution, recipe: Recipe) -> None:
    path, settings = f"solutions.{solution.name}", solution.settings
    if recipe.domain:
        problems.note(f"{path}.recipe", "is for recommenders, not for solutions.", "Move it to recommenders.")
    if recipe.type == "USER_SEGMENTATION" and solution.campaign is not None:
        message = f"is of the recipe {solution.recipe}, which makes user segments: no campaign serves them."
        problems.note(f"{path}.campaign", message, "Write campaign: false.")
    if solution.training_mode == "UPDATE":
        _check_updates(problems, f"{path}.trainingMode", recipe)
    if settings.get("performIncrementalUpdate") is True and not recipe.takes_incremental_updates:
        problems.note(f"{path}.performIncrementalUpdate", "is not possible with this recipe.", "Remove it.")
    config = settings.get("solutionConfig")
    if isinstance(config, Mapping) and "optimizationObjective" in config and not recipe.takes_objective:
        remedy = f"Remove it, or use one of: {_names_of(lambda one: one.takes_objective)}."
        problems.note(f"{path}.solutionConfig.optimizationObjective", "is not possible with this recipe.", remedy)
    _check_metric(problems, solution, recipe, config if isinstance(config, Mapping) else {})


def _check_updates(problems: Problems, path: str, recipe: Recipe) -> None:
    if not recipe.takes_updates:
        remedy = f"Use FULL, or one of the recipes {_names_of(lambda one: one.takes_updates)}."
        problems.note(path, "is UPDATE, with which this recipe can't be trained.", remedy)


def _check_metric(problems: Problems, solution: Solution, recipe: Recipe, config: Mapping[str, Any]) -> None:
    metric = solution.gate.get("metric")
    path = f"solutions.{solution.name}.gate.metric"
    if not recipe.metrics or not isinstance(metric, str):
        return
    begins = tuple(begin for member, begin in BESIDES.items() if member in config)
    if metric not in recipe.metrics and not (begins and metric.startswith(begins)):
        message = f"is {metric[:99]}, which is not a metric of {solution.recipe}."
        problems.note(path, message, problems.suggestion(metric, recipe.metrics))
    elif "versusPopularity" in solution.gate and metric not in RECIPES[POPULARITY].metrics:
        message = f"is {metric}, which is not a metric of {POPULARITY}."
        problems.note(path, message, problems.suggestion(metric, RECIPES[POPULARITY].metrics & recipe.metrics))


def _check_recommender(problems: Problems, recommender: Recommender, domain: object) -> None:
    recipe, path = RECIPES.get(recommender.recipe), f"recommenders.{recommender.name}.recipe"
    if recipe is None:
        return
    if not recipe.domain:
        problems.note(path, "is for solutions, not for recommenders.", "Move it to solutions.")
    elif domain and recipe.domain != domain:
        remedy = f"Use one of: {_names_of(lambda one: one.domain == domain)}."
        problems.note(path, f"is of the domain {recipe.domain}; the group is of {domain}.", remedy)


def _check_job(problems: Problems, job: Job, recipe: Recipe, config: Config) -> None:
    path, makes = f"{SECTIONS[job.kind]}.{job.name}", recipe.batch.job if recipe.batch else ""
    if not makes:
        message, remedy = "is for a solution whose recipe has no batch jobs in Personalize.", "Use another solution."
        problems.note(f"{path}.solution", message, remedy)
    elif makes != job.kind:
        message = f"is for a solution whose jobs belong to the section {SECTIONS[makes]}."
        problems.note(f"{path}.solution", message, f"Move the job to {SECTIONS[makes]}, or use another solution.")
    else:
        _check_filter(problems, f"{path}.filter", parsed(config.filters, job.filter), recipe)
    if job.settings.get("batchInferenceJobMode") == "THEME_GENERATION" and recipe is not RECIPES["aws-similar-items"]:
        message = "is THEME_GENERATION, which only aws-similar-items has."
        problems.note(f"{path}.batchInferenceJobMode", message, "Remove it, or use a solution of that recipe.")


def _check_filter(problems: Problems, path: str, expression: Expression, recipe: Recipe) -> None:
    """Note a filter that the batch jobs of a recipe can't apply."""
    target = "USER" if recipe.type == "USER_SEGMENTATION" else "ITEM"
    if any(clause.target != target for clause in expression.clauses):
        message = f"names a filter that is not on {target.title()}ID."
        problems.note(path, message, f"Use one that begins like INCLUDE {target.title()}ID WHERE ...")
    if recipe.type != "RELATED_ITEMS" and "CURRENTITEM" in _datasets(expression):
        message = "names a filter with CurrentItem, which only recipes for similar items have."
        problems.note(path, message, "Use another filter, or a solution of such a recipe.")
    if recipe is RECIPES["aws-item-attribute-affinity"] and _datasets(expression).intersection(EVENT_DATASETS):
        message = "names a filter on interactions, which aws-item-attribute-affinity does not take."
        problems.note(path, message, "Use a filter on fields of the users.")


def _datasets(expression: Expression) -> set[str]:
    sides = (side for clause in expression.clauses for test in tests(clause) for side in (test.field, test.operand))
    return {side.dataset.upper() for side in sides if isinstance(side, Field)}


def _names_of(takes: Any) -> str:
    return ", ".join(name for name, recipe in RECIPES.items() if takes(recipe))
