"""What starts without torch: the stages that use no network, and the tests of pure functions."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.project import REPOSITORY

PURE = ("imaging", "files", "reuse")


def modules_of(room: str) -> list[str]:
    paths = sorted((Path(__file__).parent / room).glob("test_*.py"))
    return [path.relative_to(REPOSITORY).with_suffix("").as_posix().replace("/", ".") for path in paths]


@pytest.mark.parametrize(
    "modules",
    [["stages.snips", "stages.sam2", "stages.build03", "stages.images"], *(modules_of(room) for room in PURE)],
    ids=["stages", *PURE],
)
def test_what_needs_no_network_does_not_wait_for_one(modules: list[str]) -> None:
    code = f"import sys; import {', '.join(modules)}; print({{'transformers', 'torch'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
