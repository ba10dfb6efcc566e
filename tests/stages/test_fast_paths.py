"""The fast paths against plain references: whole frames, one image at a time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage
from skimage import exposure

from simulation.scene import draw
from simulation.wells import Well, scene
from stages import latents, qc_masks, snips
from stages.files import frames, stacks
from stages.imaging import alignment, embryo_box, geometry
from stages.imaging.equalisation import equalise
from stages.imaging.geometry import QcMasks
from stages.networks.model_folder import one_thread
from stages.networks.shapes import Encoder, UNet, to_mu
from tests import plain

SNIPS = snips.Settings(um_per_px=7.8, blend_um=75, noise_mean=10, noise_sd=5)
BUILD03 = geometry.Settings(min_fraction_alive=0.9, margin_um=150, min_inside=0.98, near_margins=2)
# Larger than a snip: beyond the frame, the plain way continues the edge of the rotated frame.
SIDE = 1600
# About 3.23 um/px, so that rescaling to 7.8 gives a whole number of pixels, which the plain way rounds to.
SCALE = (7.8 * 662 / SIDE, 7.8 * 662 / SIDE)


@pytest.fixture(autouse=True, scope="module")
def threads() -> Iterator[None]:
    """Threads that wait for each other's cores take many times longer than one."""
    with one_thread():
        yield


def enlarged(image: np.ndarray, *, smooth: bool = False) -> np.ndarray:
    how = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(image).resize((SIDE, SIDE), how))


def frame(name: str, well: Well, stage_hpf: float = 40.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A simulated frame of 1600 x 1600 px, its labels, and its yolks."""
    drawn = draw(scene(name, well, 0, stage_hpf, stage_hpf))
    return enlarged(drawn.image, smooth=True), enlarged(drawn.labels), enlarged(drawn.yolk.astype(np.uint8)) > 0


@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_snips_are_those_of_rescaling_rotating_and_cropping_within_2_grey_levels(name: str) -> None:
    grey, labels, yolk = frame(name, Well(chorion=name == "two"))
    # Detail that a snip's pixels can hold: what is finer is aliased by both ways, each in its own.
    grey = np.rint(ndimage.gaussian_filter(grey.astype(float), 3)).astype(np.uint8)
    for embryo, box in embryo_box.boxes(labels).items():
        mask = labels == embryo
        found = snips.make_snip(name, grey, mask[box], yolk[box], box, SCALE, SNIPS)
        expected = plain.snip(name, grey, mask, yolk, SCALE, SNIPS)
        apart = np.abs(found.astype(int) - expected)
        assert (apart <= 2).mean() >= 0.999, (np.quantile(apart, 0.999), apart.max())


def test_equalising_is_scikit_images_but_for_its_steps() -> None:
    image = ndimage.gaussian_filter(np.random.default_rng(0).normal(120, 300, (576, 256)), 6).astype(np.float32)
    found, reference = equalise(image), exposure.equalize_adapthist(image / 255) * 255
    assert np.abs(found - reference).mean() < 6
    assert np.corrcoef(found.ravel(), reference.ravel())[0, 1] > 0.995
    assert found.min() == pytest.approx(0, abs=0.1)
    assert found.max() == pytest.approx(255, abs=0.1)
    nudged = image + np.random.default_rng(1).normal(0, 0.01, image.shape).astype(np.float32)
    assert np.abs(equalise(nudged) - found).max() < 1
    flat = np.full((576, 256), 7, np.float32)
    assert (equalise(flat) == flat).all()


masks = st.tuples(st.integers(0, 2**32 - 1), st.sampled_from([(60, 90), (90, 60), (64, 64)]))


def blobs(seed: int, shape: tuple[int, int], share: float) -> np.ndarray:
    """Random blobs, in several parts and touching the edges as it comes."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 4)
    return noise > np.quantile(noise, 1 - share)


@settings(max_examples=60, deadline=None)
@given(masks, st.floats(5, 60), st.floats(0.5, 2))
def test_geometry_and_flags_are_those_of_passes_over_the_whole_frame(
    drawn: tuple[int, tuple[int, int]], um_per_px: float, flattened: float
) -> None:
    seed, shape = drawn
    labels = blobs(seed, shape, 0.2).astype(np.uint8)
    labels[blobs(seed + 1, shape, 0.15) & (labels == 0)] = 2
    pages = [blobs(seed + number, frames.QC_SIZE, 0.02) * np.uint8(255) for number in range(2, 6)]
    qc, scale = QcMasks(*pages), (um_per_px * flattened, um_per_px / flattened)
    for embryo, box in embryo_box.boxes(labels).items():
        mask = labels[box] == embryo
        shape_found, expected = geometry.measure(mask, box, scale), plain.measured(labels, embryo, scale)
        assert tuple(shape_found) == pytest.approx(tuple(expected), rel=1e-6, abs=1e-6)
        found = geometry.judge(mask, box, shape, qc, um_per_px, BUILD03)
        assert tuple(found) == pytest.approx(tuple(plain.judged(labels, embryo, qc, um_per_px, BUILD03)), rel=1e-6)


@given(st.tuples(st.integers(1, 700), st.integers(1, 700)), st.data())
@settings(max_examples=40, deadline=None)
def test_a_part_of_a_qc_mask_is_that_part_of_the_whole(shape: tuple[int, int], data: st.DataObject) -> None:
    page = np.random.default_rng(0).integers(0, 255, frames.QC_SIZE, np.uint8)
    whole = frames.from_qc(page, shape)
    assert (whole == plain.laid(page, shape)).all()
    starts = [data.draw(st.integers(0, size - 1)) for size in shape]
    ends = [data.draw(st.integers(start + 1, size)) for start, size in zip(starts, shape, strict=True)]
    part = (slice(starts[0], ends[0]), slice(starts[1], ends[1]))
    assert (frames.from_qc(page, shape, part) == whole[part]).all()


def test_the_pose_is_that_of_the_list_of_pixels() -> None:
    mask = blobs(5, (60, 90), 0.3)
    (box,) = embryo_box.boxes(mask.astype(np.uint8)).values()
    found, points = embryo_box.moments(mask[box], box), np.argwhere(mask).astype(float)
    assert (found.area, found.row, found.column) == pytest.approx((len(points), *points.mean(axis=0)))
    rows, columns = (points - points.mean(axis=0)).T
    sums = [(rows**power * columns**other).sum() for power, other in ((2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2))]
    assert found[3:9] == pytest.approx(tuple(sums))
    yolk = np.zeros_like(mask)
    pose = alignment.find_pose(mask[box], yolk[box], (3.0, 3.0), box)
    assert np.hypot(*pose.up) == pytest.approx(1)


def write_snips(folder: Path, counts: dict[str, int]) -> None:
    folder.mkdir()
    for name, count in counts.items():
        pixels = np.random.default_rng(len(name)).integers(0, 255, (count, 576, 256), np.uint8)
        pages = [stacks.Page(stacks.PageTag(2 * time, "0" * 32), page) for time, page in enumerate(pixels)]
        stacks.write_stack(folder / f"{name}.tif", pages)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    torch.manual_seed(0)
    encoder = Encoder([8, 16, 32], 6)
    for layer in encoder.conv_layers:
        if isinstance(layer, torch.nn.BatchNorm2d):  # as if it had learned
            for tensor in (layer.running_mean, layer.bias.data):
                tensor.uniform_(-0.5, 0.5)
            for tensor in (layer.running_var, layer.weight.data):
                tensor.uniform_(0.5, 1.5)
    ready: Encoder = encoder.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return ready


@pytest.fixture(scope="module")
def model(encoder: Encoder) -> latents.LatentModel:
    return latents.LatentModel(to_mu(encoder), (288, 128), latents.latent_columns(6, 0))


def test_latents_are_those_of_one_snip_at_a_time(tmp_path: Path, encoder: Encoder, model: latents.LatentModel) -> None:
    write_snips(tmp_path / "snips", {"e_A01_e01": 19, "e_A01_e02": 1, "e_B11_e01": 16})
    table = plain.embedded(tmp_path / "snips", encoder, model.input_size)
    found = embed(tmp_path, model)
    assert found["snip_id"].tolist() == sorted(table)
    for row in found.itertuples(index=False):
        assert np.allclose(np.array(row[3:], float), table[row.snip_id], atol=1e-4, rtol=1e-4)
    assert embed(tmp_path, model).equals(found)


def embed(root: Path, model: latents.LatentModel) -> "latents.pd.DataFrame":
    with latents.closing(latents.Journal(root / "journal", latents.Embryo)) as journal:
        return latents.embed_folder("e", root / "snips", model, {"version": 1}, journal)


@pytest.mark.parametrize("size", [1, 3, 64])
def test_latents_do_not_depend_on_the_batch_size_or_on_workers(
    tmp_path: Path, model: latents.LatentModel, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    write_snips(tmp_path / "snips", {"e_A01_e01": 7, "e_A02_e01": 2})
    first = embed(tmp_path, model)
    (tmp_path / "journal").unlink()
    for workers in (1, 3):
        monkeypatch.setattr(latents.models, "workers", lambda count=workers: count)
        assert embed(tmp_path, model).equals(first)
        (tmp_path / "journal").unlink()
    monkeypatch.setattr(latents, "BATCH", size)
    other = embed(tmp_path, model)
    assert other["snip_id"].equals(first["snip_id"])
    assert np.allclose(other[model.columns], first[model.columns], atol=1e-4, rtol=1e-4)


def test_masks_do_not_depend_on_the_batch_size_or_on_workers() -> None:
    torch.manual_seed(0)
    network = UNet(6).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = np.random.default_rng(0).random((5, 576, 320), np.float32)
    whole = qc_masks.probabilities(network, images)
    one = np.concatenate([qc_masks.probabilities(network, image[None]) for image in images])
    assert np.allclose(whole, one, atol=1e-5)
    with ThreadPoolExecutor(3) as pool:
        beside = list(pool.map(lambda _: qc_masks.probabilities(network, images), range(3)))
    assert all((other == whole).all() for other in beside)
