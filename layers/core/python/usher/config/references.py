"""References between the sections of a config."""

from usher.config.model import JOBS, Config, Solution
from usher.config.problems import Problems
from usher.config.recipe_rules import check_recipes
from usher.recipes import POPULARITY
from usher.storage.layout import DATASETS


def check_references(problems: Problems, config: Config, group: str) -> None:
    """Note undefined names, and sections that exclude each other."""
    solutions = [solution.name for solution in config.solutions]
    for section, kind in JOBS.items():
        for job in (job for job in config.jobs if job.kind == kind):
            problems.check_reference(job.solution, f"{section}.{job.name}.solution", solutions)
            problems.check_reference(job.filter or None, f"{section}.{job.name}.filter", config.filters)
    for name in (recommender.name for recommender in config.recommenders if recommender.name in solutions):
        problems.note(f"recommenders.{name}", "is also the name of a solution.", "Rename one of the two.")
    if config.recommenders and "domain" not in config.group:
        remedy = "Give group: {domain: ECOMMERCE} or VIDEO_ON_DEMAND."
        problems.note("recommenders", "names recommenders, which only a domain dataset group can have.", remedy)
    _check_adopted(problems, config, group)
    check_recipes(problems, config)
    has_popularity = any(solution.recipe == POPULARITY for solution in config.solutions)
    for solution in config.solutions:
        _check_gate(problems, solution, has_popularity=has_popularity)
        _check_idle(problems, config, solution)


def _check_gate(problems: Problems, solution: Solution, *, has_popularity: bool) -> None:
    path = f"solutions.{solution.name}.gate.versusPopularity"
    if "versusPopularity" in solution.gate and not has_popularity:
        problems.note(path, "has no solution to compare with.", f"Add a solution with the recipe {POPULARITY}.")
    elif "versusPopularity" in solution.gate and solution.recipe == POPULARITY:
        problems.note(path, "compares popularity with itself.", "Remove it.")


def _check_idle(problems: Problems, config: Config, solution: Solution) -> None:
    export = (config.exports or {}).get(solution.name)
    path, place = f"solutions.{solution.name}.idle", f"exports.{solution.name}"
    if solution.idle == "table" and solution.campaign is None:
        problems.note(path, "is about a campaign that this solution does not have.", "Remove it.")
    elif solution.idle == "table" and not (export and export["table"]):
        problems.note(path, "needs an export that answers instead.", f"Add {place}: {{table: true}}.")


def _check_adopted(problems: Problems, config: Config, group: str) -> None:
    """Note entries of `adopt` for resources that the config does not define."""
    names = {
        "dataset_group": [group],
        "schema": DATASETS,
        "filter": config.filters,
        "solution": [solution.name for solution in config.solutions],
        "campaign": [solution.name for solution in config.solutions if solution.campaign is not None],
        "recommender": [recommender.name for recommender in config.recommenders],
    }
    defined = [f"{kind}/{name}" for kind, some in names.items() for name in some]
    for id_ in (id_ for id_ in config.adopt if id_ not in defined):
        problems.note(f"adopt.{id_}", "is not a resource of this file.", problems.suggestion(id_, defined))
