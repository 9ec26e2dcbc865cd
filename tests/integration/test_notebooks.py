"""Notebooks for the real service, run cell by cell and unchanged against the local cloud."""

import itertools
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.integration.conftest import KINDS, ROOT, SPEED, Site
from tests.integration.notebook_modules.metrics import mean_reciprocal_rank, ndcg_at_k, precision_at_k
from tests.unit.personalize.world import BUCKET, SERVICE, World, schema, until

SHARED = ROOT.parent / "shared"
MOVIELENS = SHARED / "data" / "movielens-latest-small"
pytestmark = pytest.mark.skipif(not (SHARED / "seeds").is_dir(), reason=f"no notebooks in {SHARED}/seeds")

SCHEMAS = {
    "INTERACTIONS": schema(
        "Interactions", ("USER_ID", "string"), ("ITEM_ID", "string"), ("EVENT_TYPE", "string"), ("TIMESTAMP", "long")
    ),
    "ITEMS": schema(
        "Items",
        ("ITEM_ID", "string"),
        {"name": "GENRE", "type": "string", "categorical": True},
        ("YEAR", "int"),
    ),
}
METRICS = {
    "coverage",
    "mean_reciprocal_rank_at_25",
    *(f"normalized_discounted_cumulative_gain_at_{k}" for k in (5, 10, 25)),
    *(f"precision_at_{k}" for k in (5, 10, 25)),
}
FEWEST_RATINGS = 20
GENRES = ["Film-Noir", "Fantasy", "Western", "Documentary", "Comedy", "Action", "IMAX"]
DECADE = 1970
EVENTS = {"watched": "INCLUDE", "unwatched": "EXCLUDE"}
RELATIVES = {  # of Terminator 2
    "Terminator, The (1984)",
    "Jurassic Park (1993)",
    "Matrix, The (1999)",
    "True Lies (1994)",
    "Speed (1994)",
    "Fugitive, The (1993)",
    "Die Hard (1988)",
    "Aliens (1986)",
}


@dataclass
class Desk:
    """A folder in which a person runs notebooks one after the other."""

    site: Site
    folder: Path
    variables: dict[str, Any] = field(default_factory=dict)

    def run(self, notebook: str) -> list[str]:
        """Run the notebook whose file name begins with `name`; keep its variables. Returns the output of each cell."""
        [path] = (SHARED / "seeds").glob(f"{notebook}_*.txt")
        state = self.folder / "state.json"
        state.write_text(json.dumps(self.variables))
        here = Path(__file__).parent
        done = subprocess.run(  # noqa: S603 - ours
            [sys.executable, str(here / "notebook.py"), str(path), str(SPEED), str(state)],
            cwd=self.folder,
            env=os.environ | self.site.cloud.environment | {"PYTHONPATH": str(here / "notebook_modules")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr
        self.variables = json.loads(state.read_text())
        printed: list[str] = self.variables.pop("printed")
        return printed

    def table(self, name: str) -> dict[str, list[str]]:
        return dict(self.variables[name])


@pytest.fixture(scope="module")
def ratings() -> pd.DataFrame:
    """MovieLens' ratings, as text, of the films with so many ratings that the training takes a second."""
    table = pd.read_csv(MOVIELENS / "ratings.csv", dtype=str)
    return table[table.groupby("movieId")["userId"].transform("count") >= FEWEST_RATINGS]


@pytest.fixture(scope="module")
def movies(ratings: pd.DataFrame) -> pd.DataFrame:
    """Titles in the notebook's form, genres and year of these films by item ID."""
    table = pd.read_csv(MOVIELENS / "movies.csv", encoding="latin-1", dtype=str, index_col="movieId")
    table = table.loc[ratings["movieId"].unique()]
    year = table["title"].str.extract(r"\((\d{4})\)\s*$")[0].fillna("1900")
    return table.assign(YEAR=year.astype(int))


@pytest.fixture(scope="module")
def events(ratings: pd.DataFrame) -> pd.DataFrame:
    """The ratings as events: a user watches a liked film."""
    liked = ratings["rating"].astype(float) > 3
    named = ratings.rename(columns={"userId": "USER_ID", "movieId": "ITEM_ID", "timestamp": "TIMESTAMP"})
    return named.assign(EVENT_TYPE=liked.map({True: "watch", False: "click"})).drop(columns="rating")


@pytest.fixture(scope="module")
def world(environment: None) -> World:  # noqa: ARG001 - where its clients come from
    return World(f"notebooks-{n}" for n in itertools.count())


@pytest.fixture(scope="module")
def prepared(
    site: Site,
    world: World,
    movies: pd.DataFrame,
    events: pd.DataFrame,
    tmp_path_factory: pytest.TempPathFactory,
) -> Desk:
    """The result of the first notebooks of the series: a role, imported data and filters."""
    role = managed_role(world, "AmazonS3FullAccess", "service-role/AmazonPersonalizeFullAccess")
    group = world.group()
    world.settled("datasetGroup", group)
    items = movies.rename(columns={"genres": "GENRE"})[["GENRE", "YEAR"]].to_csv(index_label="ITEM_ID")
    for kind, body in (("INTERACTIONS", events.to_csv(index=False)), ("ITEMS", items)):
        dataset = world.dataset(group, kind, SCHEMAS[kind])
        world.settled("dataset", dataset)
        job = world.import_data(dataset, world.put(f"{kind}.csv", body), role)
        assert job["status"] == "ACTIVE", job
    decade = f"INCLUDE ItemID WHERE Items.YEAR >= {DECADE} AND Items.YEAR < {DECADE + 10}"
    arns = {
        name: world.personalize.create_filter(name=name, datasetGroupArn=group, filterExpression=expression)[
            "filterArn"
        ]
        for name, expression in {
            **{genre: f'INCLUDE ItemID WHERE Items.GENRE IN ("{genre}")' for genre in GENRES},
            f"{DECADE}s": decade,
            **{name: f'{verb} ItemID WHERE Interactions.event_type IN ("watch")' for name, verb in EVENTS.items()},
        }.items()
    }
    assert {world.settled("filter", arn)["status"] for arn in arns.values()} == {"ACTIVE"}
    variables = {
        "bucket_name": BUCKET,
        "role_arn": role,
        "dataset_group_arn": group,
        "meta_filter_arns": [arns[genre] for genre in GENRES],
        "decade_filter_arns": [arns[f"{DECADE}s"]],
        "interaction_filter_arns": [arns[name] for name in EVENTS],
    }
    folder = tmp_path_factory.mktemp("series")
    movies.to_csv(folder / "movies.csv", encoding="latin-1")
    return Desk(site, folder, variables | {"dataset_dir": str(folder), "data_dir": str(folder)})


def managed_role(world: World, *policies: str) -> str:
    trust = {"Effect": "Allow", "Principal": SERVICE, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = world.iam.create_role(RoleName=next(world.names), AssumeRolePolicyDocument=document)["Role"]
    for policy in policies:
        world.iam.attach_role_policy(RoleName=role["RoleName"], PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    return str(role["Arn"])


@pytest.fixture(scope="module")
def evaluated(prepared: Desk) -> Desk:
    """The state after the notebook that trains, compares metrics, deploys and makes a filter."""
    prepared.run("003")
    return prepared


@pytest.fixture(scope="module")
def interacted(evaluated: Desk) -> tuple[Desk, list[str]]:
    """The state after the notebook that calls the campaigns, and the output of its cells."""
    mine = evaluated.variables
    evaluated.variables = mine | {
        "USE_FULL_MOVIELENS": False,
        "sims_campaign_arn": mine["related_campaign_arn"],
        "userpersonalization_campaign_arn": mine["recommend_campaign_arn"],
        "userpersonalization_solution_version_arn": mine["recommend_solution_version_arn"],
        "rerank_campaign_arn": mine["ranking_campaign_arn"],
    }
    return evaluated, evaluated.run("001")


def test_the_metrics_are_those_that_the_notebook_explains() -> None:
    example = [0, 1, 0, 1]
    assert precision_at_k(example, 4) == 0.5
    assert mean_reciprocal_rank(example) == 0.375
    assert round(ndcg_at_k(example, 4), 2) == 0.65


def test_solutions_are_evaluated_and_deployed(evaluated: Desk, world: World) -> None:
    for name in ("related", "recommend", "ranking"):
        version = evaluated.variables[f"{name}_solution_version_arn"]
        metrics = world.personalize.get_solution_metrics(solutionVersionArn=version)["metrics"]
        assert set(metrics) == METRICS
        assert all(0 < value < 1 for value in metrics.values())
        assert world.describe("campaign", evaluated.variables[f"{name}_campaign_arn"])["status"] == "ACTIVE"
    assert world.describe("filter", evaluated.variables["filter_arn"])["status"] == "ACTIVE"


def test_similar_items_are_similar(interacted: tuple[Desk, list[str]]) -> None:
    desk, printed = interacted
    terminator_2 = printed[8].splitlines()
    assert len(set(terminator_2)) == 25
    assert len(RELATIVES & set(terminator_2)) > len(RELATIVES) / 2
    assert [len(column) for _, column in desk.variables["sims_recommendations_df"]] == [25] * 5


def test_every_user_gets_a_list_of_their_own(interacted: tuple[Desk, list[str]]) -> None:
    desk, _ = interacted
    lists = desk.table("recommendations_df_users")
    assert list(lists) == [str(user) for user in desk.variables["users"]]
    assert len({frozenset(titles) for titles in lists.values()}) == len(lists) == 3
    assert all(len(set(titles)) == 25 for titles in lists.values())
    assert "Error obtaining title" not in itertools.chain(*lists.values())


def test_shelves_hold_their_genre_and_their_decade(interacted: tuple[Desk, list[str]], movies: pd.DataFrame) -> None:
    shelves = interacted[0].table("recommendations_df_shelves")
    assert list(shelves) == [*GENRES, f"{DECADE}s"]
    by_title = movies.set_index("title")
    for genre in GENRES:
        assert len(shelves[genre]) == min(25, movies["genres"].str.contains(genre).sum())
        assert by_title.loc[shelves[genre], "genres"].str.contains(genre).all()
    assert by_title.loc[shelves[f"{DECADE}s"], "YEAR"].between(DECADE, DECADE + 9).all()


def test_clicks_change_the_list_of_their_user(interacted: tuple[Desk, list[str]]) -> None:
    columns = [tuple(titles) for _, titles in interacted[0].variables["user_recommendations_df"]]
    assert len(columns) == len(set(columns)) == 4


def test_watched_items_are_distinguished_from_others(
    interacted: tuple[Desk, list[str]], movies: pd.DataFrame, events: pd.DataFrame
) -> None:
    desk, printed = interacted
    lists = {name: set(titles) for name, titles in desk.table("recommendations_df_events").items()}
    sent = {line.removeprefix("sending event watch for ") for line in printed[24].splitlines()}
    assert len(sent) == 4
    watched = events[(events["USER_ID"] == str(desk.variables["user"])) & (events["EVENT_TYPE"] == "watch")]
    assert lists["watched"] <= set(movies.loc[watched["ITEM_ID"], "title"]) | sent
    assert len(lists["unwatched"]) == 25
    assert not lists["unwatched"] & sent


def test_a_random_list_is_ranked_again(interacted: tuple[Desk, list[str]]) -> None:
    ranking = interacted[0].table("rerank_df")
    assert len(ranking["Re-Ranked"]) == 25
    assert sorted(ranking["Re-Ranked"]) == sorted(ranking["Un-Ranked"])
    assert ranking["Re-Ranked"] != ranking["Un-Ranked"]


def test_the_batch_has_a_line_for_every_user(interacted: tuple[Desk, list[str]]) -> None:
    lists = interacted[0].table("bulk_recommendations_df")
    assert list(lists) == [f"User: {user}" for user in interacted[0].variables["users"]]
    assert all(len(set(titles)) == 25 for titles in lists.values())


def test_all_of_it_can_be_cleaned_up(interacted: tuple[Desk, list[str]], world: World) -> None:
    group = interacted[0].variables["dataset_group_arn"]
    assert "immersionday" in everything(world)
    clean_up(world.personalize, group)
    left = everything(world)
    assert group not in left
    assert "immersionday" not in left


def clean_up(personalize: Any, group: str) -> None:
    """Delete a dataset group with all its contents, as the last notebook of the series does."""
    parent = {"datasetGroupArn": group}
    solutions, datasets = listed(personalize, "solution", **parent), listed(personalize, "dataset", **parent)
    schemas = {personalize.describe_dataset(datasetArn=arn)["dataset"]["schemaArn"] for arn in datasets}
    campaigns = [("campaign", {"solutionArn": solution}) for solution in solutions]
    of_group = [(kind, parent) for kind in ("solution", "event_tracker", "filter", "dataset")]
    for kind, parent in campaigns + of_group:
        for arn in listed(personalize, kind, **parent):
            until(partial(deleted, personalize, kind, arn), bool)
        until(partial(listed, personalize, kind, **parent), lambda arns: not arns)
    for schema_arn in schemas:
        personalize.delete_schema(schemaArn=schema_arn)
    personalize.delete_dataset_group(datasetGroupArn=group)
    until(lambda: listed(personalize, "dataset_group"), lambda arns: group not in arns)


def deleted(personalize: Any, kind: str, arn: str) -> bool:
    """Delete a resource, unless it is in use: a solution may be training a version automatically."""
    try:
        getattr(personalize, f"delete_{kind}")(**{KINDS[kind]: arn})
    except personalize.exceptions.ResourceInUseException:
        return False
    return True


def listed(personalize: Any, kind: str, **parent: str) -> list[str]:
    """The ARNs of all resources of a kind, below a parent."""
    pages = personalize.get_paginator(f"list_{kind}s").paginate(**parent)
    [arns] = [[one[KINDS[kind]] for one in rows] for page in pages for rows in page.values() if isinstance(rows, list)]
    return arns


def everything(world: World) -> str:
    """The contents of all lists of the service, as text."""
    return str([listed(world.personalize, kind) for kind in KINDS])


def test_a_model_beats_popularity_on_held_out_views(
    site: Site, world: World, ratings: pd.DataFrame, tmp_path: Path
) -> None:
    some = ratings[ratings["userId"].astype(int) % 3 == 0]  # the notebook sends two requests for each user
    (tmp_path / "ml-1m").mkdir()
    (tmp_path / "ml-1m" / "ratings.dat").write_text("\n".join("::".join(row) for row in some.to_numpy()))
    desk = Desk(site, tmp_path)
    desk.run("000")
    mine = desk.variables
    assert set(mine["get_metrics_response"]["metrics"]) == METRICS
    assert quality(mine["relevance"]) > quality(mine["rel_popular"])
    assert quality(mine["rel_dedup"]) > quality(mine["rel_pop_dedup"])
    assert not list(world.s3.list_objects_v2(Bucket=mine["bucket"]).get("Contents", []))
    until(lambda: everything(world), lambda left: mine["dataset_group_arn"] not in left)
    world.personalize.delete_schema(schemaArn=mine["schema_arn"])  # the notebook does not delete it


def quality(relevance: list[list[int]]) -> float:
    return sum(map(mean_reciprocal_rank, relevance)) / len(relevance)
