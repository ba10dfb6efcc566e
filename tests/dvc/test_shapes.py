"""Each shape of published projects, through the changes that people make.

Run for the first time, nothing having changed, after an input, a setting and a program have changed, and after what was
changed is as before: DVC's run cache knows that.
"""

from pathlib import Path

import pytest

from tests.dvc.shapes import PROGRAM, SHAPES
from tests.dvc.twins import Twins


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
def test_a_shape(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # what Python compiles is in no pipeline, and has a path in it
    shape = SHAPES[name]
    program = {"src/step.py": PROGRAM.replace("VERSION", "1")}
    twins = Twins(tmp_path, program | shape.files)
    assert twins.check_run().fine
    twins.check_status()
    twins.check_run()
    before = (twins.ours.root / shape.given).read_text()
    twins.write({shape.given: f"{before}changed\n"})
    twins.check_status()
    assert twins.check_run().fine
    file, old, new = shape.setting
    twins.write({file: shape.files[file].replace(old, new)})
    twins.check_status()
    assert twins.check_run().fine
    twins.write({shape.program: (twins.ours.root / shape.program).read_text() + "\n"})
    assert twins.check_run().ran
    twins.write({file: shape.files[file], shape.given: before})
    twins.check_run()
    twins.check_status()
