"""`morphseq orphans`: what is left of what is not listed, with sizes; deleting asks, and touches no frame or table."""

import json
from pathlib import Path
from typing import Any

from tests.answers.test_listing import inputs_of
from tests.project import PLATES, Project

TIME_LAPSE, SNAPSHOT, AWKWARD = PLATES
SNIPS = "data/training_data/bf_embryo_snips"


def look(project: Project, *options: str) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """What is left, by experiment or model and kind."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for orphan in json.loads(project.morphseq("orphans", *options, "--json"))["orphans"]:
        found.setdefault((orphan["of"], orphan["kind"]), []).append(orphan)
    return found


def size(path: Path) -> int:
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file()) if path.is_dir() else path.stat().st_size


def test_nothing_is_left_of_what_is_listed(project: Project) -> None:
    assert project.morphseq("orphans") == "nothing is left of what is not listed\n"
    assert "nothing to delete" in project.morphseq("orphans", "--delete")


def test_what_an_experiment_left_is_named_with_its_size_and_goes_if_asked_for(project: Project) -> None:
    inputs = inputs_of(project)
    project.experiments({TIME_LAPSE: "threshold", AWKWARD: "threshold"})
    found = look(project)
    assert {of for of, _ in found} == {SNAPSHOT}
    outputs = {orphan["path"]: orphan["size"] for orphan in found[SNAPSHOT, "output"]}
    assert f"{SNIPS}/{SNAPSHOT}" in outputs
    assert outputs == {path: size(project.root / path) for path in outputs}
    assert f"images@{SNAPSHOT}" in {orphan["path"] for orphan in found[SNAPSHOT, "in dvc.lock"]}
    assert len(found[SNAPSHOT, "in DVC's cache"]) == 3, "its three tables"
    assert [orphan["path"] for orphan in found[SNAPSHOT, "kept"]] == [
        f".dvc/tmp/morphseq/latents.demo_a.{SNAPSHOT}.journal"
    ]
    assert f"{len(outputs)} outputs left" in project.morphseq("orphans")
    assert "give --yes too" in project.morphseq("orphans", "--delete", code=2)
    assert all((project.root / path).exists() for path in outputs)
    project.morphseq("orphans", SNAPSHOT, "--delete", "--yes")
    assert not any((project.root / path).exists() for path in outputs)
    assert f"@{SNAPSHOT}" not in (project.root / "dvc.lock").read_text()
    assert inputs_of(project) == inputs
    assert look(project) == {}
    project.morphseq("run")
    assert "up to date" in project.status()
    project.morphseq("status")


def test_what_nothing_shows_to_be_made_here_is_never_deleted(project: Project) -> None:
    stray = project.root / SNIPS / "20201101"
    stray.mkdir()
    (stray / "A01.tif").write_bytes(b"years of work")
    masks = project.root / "data/segmentation/unet_old_predictions/20201101"
    masks.mkdir(parents=True)
    (masks / "A01_t0000.png").write_bytes(b"a mask")
    assert {key: [orphan["path"] for orphan in left] for key, left in look(project).items()} == {
        ("20201101", "not recorded"): [f"{SNIPS}/20201101"],
        ("unet_old", "not recorded"): ["data/segmentation/unet_old_predictions"],
    }
    assert "nothing to delete" in project.morphseq("orphans", "--delete", "--yes")
    assert (stray / "A01.tif").read_bytes() == b"years of work"
    assert "it is never deleted" in project.morphseq("orphans", "20201101")
    assert "Did you mean '20201101'" in project.morphseq("orphans", "2020110", code=2)


def test_what_another_model_made_comes_back_from_the_cache_after_it_was_deleted(project: Project) -> None:
    folder = project.root / "data/analysis/latent_embeddings/legacy/demo_b"
    project.run("dvc", "exp", "run", "--set-param", "model_name=demo_b", "latents")
    made = {path.name: path.read_bytes() for path in folder.iterdir()}
    project.setting("model_name", "demo_a")
    found = look(project)
    assert [orphan["path"] for orphan in found["demo_b", "output"]] == [str(folder.relative_to(project.root))]
    project.morphseq("orphans", "demo_b", "--delete", "--yes")
    assert not folder.exists()
    project.setting("model_name", "demo_b")
    project.repro("latents")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == made
