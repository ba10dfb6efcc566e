"""What the tests of the stages share: the project's settings, and tiny models made once a session."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from morphseq_manifest.cohort import params as cohort_params
from morphseq_manifest.cohort.params import Params
from tests.project import REPOSITORY

# Torch is imported only by the fixtures that need it: tests of pure functions start without.


@pytest.fixture(scope="session")
def params() -> Params:
    """The repository's params.yaml: the thresholds that tests hold results against."""
    return cohort_params.read(REPOSITORY)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Torch in one thread: threads that wait for each other's cores take many times longer."""
    from stages.networks.torch_device import one_thread

    with one_thread():
        yield


@pytest.fixture(scope="session")
def tiny_sam2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A segmenter of kind `sam2` with tiny random networks."""
    from tests import tiny

    return tiny.sam2_folder(tmp_path_factory.mktemp("models") / "sam2", box=0.0, iou=0.9)


@pytest.fixture(scope="session")
def tiny_exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mask network of kind `exported`, tiny and random."""
    import torch

    from tests import tiny

    torch.manual_seed(0)
    return tiny.exported_folder(tmp_path_factory.mktemp("models") / "exported", tiny.Pyramid())
