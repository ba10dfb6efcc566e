"""What the tests share: one project, built once by the real commands, and copies of it by hard links."""

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from tests.project import Project, clone, link_copy
from tests.running import copy_of, slow

Once = Callable[[str, Callable[[Path], None]], Path]
# What takes long to make: a test that has one of these, by whatever way, is marked as slow.
_SLOW = {"prepared", "built", "by_dvc", "fishdev", "real_plates", "scheduler"}
REAL_PLATES = ("FishDev_WT_01_1", "FishDev_WT_02_3")
FISHDEV = Path(os.environ.get("MORPHSEQ_FISHDEV", Path(__file__).parents[2] / "shared/fishdev"))


def pytest_configure() -> None:
    """Take Ctrl-C as usual, also if a shell started this in the background, where it is ignored; measure no time."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.register_profile("any machine", deadline=None)
    settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that `make fast` leaves out: those with plates, networks or a cluster; others are marked by hand.

    The modules whose tests are of networks are those that import torch.
    """
    for item in items:
        if isinstance(item, pytest.Function) and (
            not _SLOW.isdisjoint(item.fixturenames) or hasattr(item.module, "torch")
        ):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Once:
    """Building a folder in the first test worker that asks for it; each worker gets a copy of its own.

    Were it the same folder, a link made by one worker would change the times of a file that another is reading.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent

    def get(name: str, build: Callable[[Path], None]) -> Path:
        folder, done = shared / name, shared / f"{name}.done"
        with FileLock(f"{folder}.lock"):
            if not done.exists():
                build(folder)
                done.touch()
            return folder if own == shared else copy_of(folder, own / name).root

    return get


@pytest.fixture(scope="session")
def prepared(once: Once) -> Path:
    """A clone with plates and models, in which nothing has run yet."""

    def build(folder: Path) -> None:
        project = clone(folder)
        project.run("python", "-m", "simulation.plates", "data")
        project.run("python", "-m", "simulation.default_models", "data")

    return once("prepared", build)


@pytest.fixture(scope="session")
def built(once: Once, prepared: Path) -> Path:
    """The same after `dvc repro df03`, with lock and manifests committed."""

    def build(folder: Path) -> None:
        project = link_copy(prepared, folder)
        project.repro()
        project.commit("First run")

    return once("built", build)


@pytest.fixture
def fresh(prepared: Path, tmp_path: Path) -> Project:
    """A project of the test's own with plates and models, in which nothing has run yet."""
    return link_copy(prepared, tmp_path / "project")


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Project:
    """A project of the test's own in which everything has run."""
    return link_copy(built, tmp_path / "project")


@pytest.fixture(scope="session")
def fishdev() -> Path:
    """The folder of real embryo images; skips where it is absent."""
    if not FISHDEV.is_dir():
        pytest.skip(f"no real plates at {FISHDEV}; MORPHSEQ_FISHDEV says where they are")
    return FISHDEV


@pytest.fixture(scope="session")
def real_plates(once: Once, fishdev: Path, prepared: Path) -> Path:
    """A clone with two plates of real embryos, in which nothing has run yet."""

    def build(folder: Path) -> None:
        project = clone(folder)
        shutil.copytree(fishdev, project.root / "data")
        project.run("chmod", "-R", "u+w", "data")
        for models in ("segmentation/segmentation_models", "models/legacy"):
            shutil.copytree(prepared / "data" / models, project.root / "data" / models)
        project.experiments(dict.fromkeys(REAL_PLATES, "threshold"))

    return once("real_plates", build)


@pytest.fixture(scope="session")
def slow_states(once: Once) -> Path:
    """The slow toy in folders: `nothing` has run, `first` after `dvc repro`, `edited`, and `second` after another."""

    def build(folder: Path) -> None:
        folder.mkdir()
        slow(folder / "nothing")
        for before, after in (("nothing", "first"), ("edited", "second")):
            if after == "second":
                edited = copy_of(folder / "first", folder / "edited")
                (edited.root / "data/frames/20240418/A01_t0001.png").write_text("another frame")
                edited.edit("params.yaml", "large: 0.15", "large: 0.2")
                edited.edit("dvc.yaml", "python stage.py '${key}' data/labels", "python stage.py 'x${key}' data/labels")
            copy_of(folder / before, folder / after).repro()

    return once("slow", build)


@pytest.fixture(scope="session")
def scheduler() -> Iterator[str]:
    """The address of a Dask cluster of two worker processes."""
    from distributed import LocalCluster

    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        yield str(cluster.scheduler_address)
