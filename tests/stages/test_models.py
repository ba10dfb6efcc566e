"""The stages with models of the lab's kinds."""

import shutil
from pathlib import Path

import pandas as pd

from tests import tiny
from tests.project import PLATES, Project

AWKWARD = PLATES[2]


def test_the_stages_run_with_the_labs_kinds_of_models(tiny_sam2: Path, tiny_exported: Path, project: Project) -> None:
    networks, vaes = project.root / "data/segmentation/segmentation_models", project.root / "data/models/legacy"
    shutil.copytree(tiny_sam2, networks / "lab")
    shutil.rmtree(networks / "focus_v0_0100")
    shutil.copytree(tiny_exported, networks / "focus_v0_0100")
    tiny.legacy_folder(vaes / "lab_vae", zn_frac=0.2)
    project.experiments({AWKWARD: "lab"})
    output = project.run("dvc", "exp", "run", "--set-param", "model_name=lab_vae", "df01", f"latents@{AWKWARD}")
    assert "transformers" not in output
    assert "up to date" in project.run("dvc", "status", "df01", f"latents@{AWKWARD}")
    assert project.manifest("df01").experiments[AWKWARD].segmenter == "lab"
    table = pd.read_csv(project.root / f"data/sam2_pipeline_files/sam2_expr_files/sam2_metadata_{AWKWARD}.csv")
    assert len(table) > 40
    seeds = table[table["is_seed_frame"]]
    assert (seeds.groupby("well")["time_int"].nunique() == 1).all()
    # Well A02 lacks a frame in the middle.
    assert 2 not in set(table.loc[table["well"] == "A02", "time_int"])
    assert set(table.loc[table["well"] == "A02", "frame_index"]) <= set(range(5))
    latents = pd.read_csv(vaes.parents[1] / f"analysis/latent_embeddings/legacy/lab_vae/morph_latents_{AWKWARD}.csv")
    assert list(latents.columns[6:]) == ["z_mu_n_00", "z_mu_b_01", "z_mu_b_02", "z_mu_b_03", "z_mu_b_04"]
    assert set(latents["snip_id"]) == set(table["snip_id"])
