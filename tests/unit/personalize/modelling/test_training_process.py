"""Fits in processes of their own: stopped, killed, watched; the trainings after them continue."""

import logging
import math
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from moto import mock_aws

from tests.unit.personalize.world import World, until
from usher_local.clock import Clock
from usher_local.personalize import install, shutdown
from usher_local.personalize.core import environment
from usher_local.personalize.core.errors import KilledError
from usher_local.personalize.modelling import training
from usher_local.personalize.modelling.training_files import read_interactions, write_interactions
from usher_local.personalize.modelling.training_process import Fitter, InProcessFitter, OnProgress, ProcessFitter, Task
from usher_local.recommenders import progress
from usher_local.recommenders.base import Interactions

LEARNT = Interactions.of("aabbccd", "xyxyxyy", range(7))


class Watched(ProcessFitter):
    """A real fitter with visible tasks; the first of each test is frozen, so that its fit never ends."""

    begun: "list[Watched]"

    def __init__(self) -> None:
        super().__init__()
        if not self.begun:
            self._process.send_signal(signal.SIGSTOP)
        self.begun.append(self)

    @property
    def process(self) -> subprocess.Popen[str]:
        return self._process


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Trains in processes, on an instant clock."""
    monkeypatch.setattr(Watched, "begun", [], raising=False)
    monkeypatch.setattr(training, "ProcessFitter", Watched)
    install(Clock(math.inf), tmp_path)
    with mock_aws():
        yield World()
    shutdown()


def begin(world: World) -> str:
    """A version whose fit has begun, and is frozen."""
    solution = world.solution(world.loaded(), "popularity-count")
    arn: str = world.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    until(lambda: len(Watched.begun), lambda begun: begun == 1)
    return arn


def left(folder: Path) -> list[str]:
    """The names of files that trainings left in a folder: whole models only, if all is well."""
    return [path.name for path in folder.rglob("solution/*/*")]


def test_a_stopped_training_ends_at_once_and_the_next_one_starts(world: World, tmp_path: Path) -> None:
    stopped = begin(world)
    group = world.personalize.list_dataset_groups()["datasetGroups"][0]["datasetGroupArn"]
    solution = world.solution(group, "popularity-count")
    behind = world.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    world.personalize.stop_solution_version_creation(solutionVersionArn=stopped)
    assert Watched.begun[0].process.returncode == -signal.SIGKILL
    assert world.describe("solutionVersion", stopped)["status"] == "CREATE STOPPED"
    assert world.settled("solutionVersion", behind)["status"] == "ACTIVE"
    assert left(tmp_path) == [behind.rsplit("/", 1)[1]]
    world.personalize.delete_solution(solutionArn=stopped.rsplit("/", 1)[0])


def test_a_training_that_waits_is_stopped_without_having_begun(world: World) -> None:
    first = begin(world)
    group = world.personalize.list_dataset_groups()["datasetGroups"][0]["datasetGroupArn"]
    solution = world.solution(group, "popularity-count")
    waiting = world.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    for arn in (waiting, first):
        world.personalize.stop_solution_version_creation(solutionVersionArn=arn)
        assert world.describe("solutionVersion", arn)["status"] == "CREATE STOPPED"
    assert world.version(solution)["status"] == "ACTIVE"
    assert len(Watched.begun) == 2


def test_a_killed_training_fails_its_version_and_no_other(world: World, tmp_path: Path) -> None:
    killed = begin(world)
    Watched.begun[0].process.kill()
    failed = world.settled("solutionVersion", killed)
    assert failed["failureReason"] == "The training process was killed."
    assert left(tmp_path) == []
    assert world.version(killed.rsplit("/", 1)[0])["status"] == "ACTIVE"


def test_closing_ends_a_training_and_leaves_nothing_behind(world: World, tmp_path: Path) -> None:
    begin(world)
    shutdown()
    assert Watched.begun[0].process.returncode == -signal.SIGKILL
    assert left(tmp_path) == []


def test_nothing_is_fitted_after_closing() -> None:
    closed = environment.Runtime()
    closed.close()
    with pytest.raises(KilledError), closed.running(ProcessFitter):
        raise AssertionError("nothing may begin")


@pytest.fixture(params=["process", "thread"])
def fitter(request: pytest.FixtureRequest) -> Iterator[Fitter]:
    with ThreadPoolExecutor(1) as executor:
        made: Fitter = ProcessFitter() if request.param == "process" else InProcessFitter(executor)
        yield made
        made.close()


def task(folder: Path, **parameters: str) -> Task:
    write_interactions(LEARNT, folder / "data")
    return Task("aws-sims", str(folder / "data"), parameters, str(folder / "model"))


def test_one_fitter_fits_many_models_and_bad_parameters_do_not_end_it(fitter: Fitter, tmp_path: Path) -> None:
    one = task(tmp_path, popularity_discount_factor="much")
    with pytest.raises(ValueError, match="much"):
        fitter.fit(one, lambda _: None)
    for number in range(2):
        good = Task(one.recipe, one.data, {}, f"{one.target}{number}")
        assert "precision_at_5" in fitter.fit(good, lambda _: None)
        assert (tmp_path / f"model{number}" / "items.json").exists()


def test_an_error_of_a_fit_is_reported(fitter: Fitter, tmp_path: Path) -> None:
    with pytest.raises((RuntimeError, FileNotFoundError), match="nowhere"):
        fitter.fit(Task("aws-sims", str(tmp_path / "nowhere"), {}, str(tmp_path / "model")), lambda _: None)


def test_a_killed_fitter_fits_no_more(tmp_path: Path) -> None:
    fitter = ProcessFitter()
    fitter.kill()
    with pytest.raises(KilledError):
        fitter.fit(task(tmp_path), lambda _: None)
    fitter.close()


class HalfTask(Task):
    """Half of a fit."""

    def carry_out(self, on_progress: OnProgress) -> dict[str, float]:
        on_progress(0.5)
        return {}


def test_in_a_thread_a_fit_ends_at_its_next_report_of_progress() -> None:
    shares: list[float] = []
    half = HalfTask("", "", {}, "")
    with ThreadPoolExecutor(1) as executor:
        fitter = InProcessFitter(executor)
        fitter.fit(half, shares.append)
        fitter.kill()
        with pytest.raises(KilledError):
            fitter.fit(half, shares.append)
    assert shares == [0.5]


def test_the_training_data_is_passed_on_whole(tmp_path: Path) -> None:
    write_interactions(LEARNT, tmp_path / "data")
    again = read_interactions(tmp_path / "data")
    assert again.item_ids == LEARNT.item_ids
    assert again.item.tolist() == LEARNT.item.tolist()
    again.weight[0] = 9  # in memory only
    assert read_interactions(tmp_path / "data").weight[0] == 1


def test_parts_of_a_fit_are_reported_as_shares_of_the_whole() -> None:
    shares: list[float] = []
    with progress.listening(shares.append), progress.part(0.5, 1):
        progress.report_progress(0.5)
    assert shares == [0.5, 0.75, 1]
    progress.report_progress(0.1)  # without a reader
    assert len(shares) == 3


def test_a_fit_s_progress_is_logged_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "usher_local"):
        training.log("films/1: aws-sims", silence=math.inf)(0.2)
        training.log("films/2: aws-sims", silence=0)(0.4)
    assert caplog.messages == ["films/1: aws-sims", "films/2: aws-sims", "films/2: aws-sims, 40 %"]


def test_the_service_needs_no_guard_in_a_script(tmp_path: Path) -> None:
    """multiprocessing would run the script again in its processes."""
    script = tmp_path / "script.py"
    script.write_text(
        f"from tests.unit.personalize.modelling.test_training_process import LEARNT, Path, ProcessFitter, task\n"
        f"fitter = ProcessFitter()\n"
        f"print(sorted(fitter.fit(task(Path({str(tmp_path)!r})), print))[0])\n"
        f"fitter.close()\n"
    )
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, script], capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)}, check=True
    )
    assert done.stdout.endswith("coverage\n")


def test_leftovers_of_a_killed_server_are_deleted_when_its_state_is_loaded(tmp_path: Path) -> None:
    install(Clock(math.inf), tmp_path)
    with mock_aws():
        World().group()
        shutdown()
        stale = tmp_path / "123456789012" / "us-east-1" / "solution" / "films" / f"{training.ATTEMPTS}x"
        stale.mkdir(parents=True)
    install(Clock(math.inf), tmp_path)
    with mock_aws():
        assert len(World().personalize.list_dataset_groups()["datasetGroups"]) == 1
        assert not stale.exists()
    shutdown()
