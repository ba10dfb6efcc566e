"""What .dvcignore leaves out is not there for DVC: a stage that reads or makes it is refused, never up to date."""

from pathlib import Path

import pytest

from tests.dvc.twins import Twins

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
PIPELINE = """\
stages:
  a:
    cmd: cp in out; cp in src/made
    deps: [in, src/x]
    params: [{p.yaml: [a]}]
    outs: [out, src/made]
"""
FILES = {"dvc.yaml": PIPELINE, "in": "1", "src/x": "x", "p.yaml": "a: 1\n"}


@pytest.mark.parametrize("rule", ["in", "src/x", "out", "src", "*.yaml\n!dvc.yaml"])
def test_a_path_of_a_stage_that_is_left_out(tmp_path: Path, rule: str) -> None:
    twins = Twins(tmp_path, FILES)
    twins.check_run()
    twins.write({".dvcignore": f"{rule}\n"})
    for command in ("status", "run"):
        assert ".dvcignore" in twins.ours.morphseq(command, code=2)
