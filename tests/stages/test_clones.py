"""What is committed as up to date is so in every clone, whatever experiments no longer listed have left in it.

A clone gets tables from a remote and stacks from the lab's storage; plate tables and reference curves are in git.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.project import PLATES, Project

TIME_LAPSE, SNAPSHOT, AWKWARD = PLATES
STORAGE = (
    "data/built_image_data", "data/segmentation", "data/sam2_pipeline_files/exported_masks", "data/training_data",
    "data/models",
)  # fmt: skip


def link(source: Path, target: Path, *left_out: str) -> None:
    """Link what lies in a folder into another, but for names in which one of these stands."""
    ignore = shutil.ignore_patterns(*(f"*{name}*" for name in left_out))
    shutil.copytree(source, target, copy_function=os.link, ignore=ignore, dirs_exist_ok=True)


def pushed(project: Project) -> None:
    """Commit all, and push what DVC's cache has to a remote."""
    project.run("dvc", "remote", "add", "--default", "lab", project.root.parent / "remote")
    project.commit("With a remote")
    project.run("dvc", "push")


def clone(project: Project, name: str, *left_out: str) -> Project:
    """A colleague's clone, with the stacks of all but these experiments."""
    root = project.root.parent / name
    project.run("git", "clone", "--quiet", project.root, root)
    for folder in STORAGE:
        link(project.root / folder, root / folder, *left_out)
    made = Project(root)
    made.run("dvc", "pull")
    return made


def check_up_to_date(project: Project) -> None:
    assert "Data and pipelines are up to date" in project.status()
    project.morphseq("status")
    for table in ("df01", "df02", "df03"):
        project.morphseq("provenance", table, "--check")
    assert project.run("git", "status", "--short") == ""


def remove_by_hand(project: Project) -> None:
    project.experiments({TIME_LAPSE: "threshold", AWKWARD: "threshold"})
    project.repro()


def remove_by_command(project: Project) -> None:
    project.morphseq("remove", SNAPSHOT)
    project.morphseq("run", "df03")


@pytest.mark.parametrize("remove", [remove_by_hand, remove_by_command])
def test_a_clone_without_leftovers_is_up_to_date(project: Project, remove: Callable[[Project], None]) -> None:
    remove(project)
    assert (project.root / f"data/metadata/build03_output/expr_embryo_metadata_{SNAPSHOT}.csv").exists()
    pushed(project)
    check_up_to_date(project)
    check_up_to_date(clone(project, "without", SNAPSHOT))


def test_a_clone_with_leftovers_stays_up_to_date(project: Project) -> None:
    pushed(project)
    colleague = clone(project, "colleague")
    check_up_to_date(colleague)
    remove_by_hand(project)
    project.commit("One less")
    project.run("dvc", "push")
    colleague.run("git", "pull", "--quiet")
    colleague.run("dvc", "pull")
    assert (colleague.root / f"data/training_data/bf_embryo_snips/{SNAPSHOT}").exists()
    check_up_to_date(colleague)
    assert "up to date" in colleague.morphseq("run")


def test_models_travel_with_the_cache(project: Project) -> None:
    models = [f"data/models/legacy/{name}" for name in ("demo_a", "demo_b")]
    project.run("dvc", "add", *models)
    pushed(project)
    root = project.root.parent / "clone"
    project.run("git", "clone", "--quiet", project.root, root)
    for folder in STORAGE[:-1]:
        link(project.root / folder, root / folder)
    colleague = Project(root)
    assert "dvc pull" in colleague.morphseq("verify", code=3)
    colleague.run("dvc", "pull")
    check_up_to_date(colleague)
    assert sorted(path.name for path in (root / models[0]).iterdir()) == sorted(
        path.name for path in (project.root / models[0]).iterdir()
    )


def test_what_a_folder_of_results_holds_besides_changes_nothing(project: Project) -> None:
    for folder in (
        "metadata/build03_output",
        "sam2_pipeline_files/sam2_expr_files",
        "analysis/latent_embeddings/legacy/demo_a",
    ):
        (project.root / "data" / folder / "notes.txt").write_text("not a table")
    check_up_to_date(project)
    assert "up to date" in project.morphseq("run")


@pytest.mark.parametrize("table", ["df01", "df03"])
def test_a_part_of_what_is_not_listed_never_gets_into_dvc_lock(project: Project, table: str) -> None:
    part = project.root / f"manifests/{table}_parts/20990101.json"
    part.write_bytes((project.root / f"manifests/{table}_parts/{SNAPSHOT}.json").read_bytes())
    lock = (project.root / "dvc.lock").read_bytes()
    assert "20990101" in project.morphseq("status", code=1)
    output = project.morphseq("run", table, code=1)
    assert f"manifests/{table}_parts/20990101.json: 20990101 is not listed" in output
    assert (project.root / "dvc.lock").read_bytes() == lock
    project.run("dvc", "repro", "--force", "--single-item", "experiments")
    assert not part.exists()
    check_up_to_date(project)


def test_a_part_that_is_not_of_its_table_is_refused_by_name(project: Project) -> None:
    path = project.root / f"data/metadata/build03_output/expr_embryo_metadata_{SNAPSHOT}.csv"
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data.replace(b"wt", b"xx"))
    output = project.repro("--single-item", "--force", "df01", fails=True).output
    assert f"{path.relative_to(project.root)}: its md5 is" in output
    assert f"Run `dvc repro df01_part@{SNAPSHOT}`" in output
