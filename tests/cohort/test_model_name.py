"""Another model for a run: one that is not there is refused before params.yaml is touched."""

import shutil

import pytest

from tests.project import Project

_TRACKED = """\
outs:
- md5: 0cc175b9c0f1b6a831c399e269772661.dir
  size: 1
  nfiles: 1
  hash: md5
  path: data/models/legacy/demo_b
"""


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_a_model_that_is_not_there_is_refused_and_the_nearest_named(fresh: Project, dry: list[str]) -> None:
    before = (fresh.root / "params.yaml").read_bytes()
    output = fresh.morphseq("run", "df03", "--model-name", "demo_C", *dry, code=2)
    told = "--model-name: data/models/legacy/demo_C: no such folder; there are demo_a, demo_b. Did you mean 'demo_"
    assert told in output
    assert "params.yaml is as it was" in output
    assert (fresh.root / "params.yaml").read_bytes() == before
    assert not (fresh.root / "dvc.lock").exists()


def test_a_model_that_dvc_tracks_may_still_have_to_be_pulled(fresh: Project) -> None:
    (fresh.root / "models.dvc").write_text(_TRACKED)
    shutil.rmtree(fresh.root / "data/models/legacy/demo_b")
    fresh.morphseq("run", "--dry-run", "--model-name", "demo_b", code=1)
