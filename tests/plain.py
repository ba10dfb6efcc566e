"""Plain references for the fast paths: what each step says, on whole frames, one image at a time."""

import math
from pathlib import Path

import numpy as np
import tifffile
import torch
from PIL import Image
from scipy import ndimage
from skimage import measure, transform
from torch.utils.data import DataLoader, Dataset

from stages import latents, snips
from stages.imaging import geometry
from stages.imaging.equalisation import equalise
from stages.imaging.geometry import Quality, Shape
from stages.networks.shapes import Encoder


def snip(
    name: str,
    grey: np.ndarray,
    mask: np.ndarray,
    yolk: np.ndarray,
    scale: tuple[float, float],
    settings: snips.Settings,
) -> np.ndarray:
    """One snip, uint8 (576, 256), from a frame, uint8 (H, W), and its embryo's and yolk's masks, bool (H, W).

    Rescale the whole frame, rotate it, crop it, equalise it, and fade into noise.
    """
    (region,) = measure.regionprops(mask.astype(np.uint8), spacing=(scale[1], scale[0]))
    factors = (scale[1] / settings.um_per_px, scale[0] / settings.um_per_px)
    small = [transform.rescale(plane.astype(np.float64), factors, order=1, anti_aliasing=True, mode="edge")
             for plane in (grey, mask, yolk & mask)]  # fmt: skip
    row, column = np.argwhere(mask).mean(axis=0)
    row, column = ((row + 0.5) * factors[0] - 0.5, (column + 0.5) * factors[1] - 0.5)
    # scikit-image's orientation is the angle from the row axis to the long axis, counter-clockwise.
    angle = -math.degrees(region.orientation)

    def turn(plane: np.ndarray, degrees: float, order: int) -> np.ndarray:
        return transform.rotate(plane, degrees, center=(column, row), order=order, mode="edge", preserve_range=True)

    if (turn(small[2], angle, 1)[: int(row)].sum()) < small[2].sum() / 2:
        angle += 180
    middle = transform.AffineTransform(translation=(column - 127.5, row - 287.5))
    image, weight = (
        transform.warp(turn(plane, angle, order), middle, output_shape=(576, 256), order=order, mode=mode)
        for plane, order, mode in ((small[0], 3, "edge"), (small[1], 1, "constant"))
    )
    equalised = equalise(image.astype(np.float32))
    weight = ndimage.gaussian_filter(weight, settings.blend_um / settings.um_per_px)
    background = snips.noise(name, settings.noise_mean, settings.noise_sd)
    return np.clip(np.rint(equalised * weight + background * (1 - weight)), 0, 255).astype(np.uint8)


def measured(label: np.ndarray, embryo: int, scale: tuple[float, float]) -> Shape:
    """The geometry of one embryo of a label image, uint8 (H, W), by regionprops on the whole frame."""
    mask = label == embryo
    (px,) = measure.regionprops(mask.astype(np.uint8))
    (um,) = measure.regionprops(mask.astype(np.uint8), spacing=(scale[1], scale[0]))
    outline = measure.perimeter_crofton(mask, directions=4)
    row, column = px.centroid
    return Shape(
        px.area * scale[0] * scale[1], outline, outline * math.sqrt(scale[0] * scale[1]), column, row,
        column * scale[0], row * scale[1], um.axis_major_length, um.axis_minor_length,
    )  # fmt: skip


def judged(
    label: np.ndarray, embryo: int, qc: geometry.QcMasks, um_per_px: float, settings: geometry.Settings
) -> Quality:
    """The flags of one embryo, a pass over the whole frame for each; all QC masks are there."""
    mask = label == embryo
    dead, yolk, focus, bubble = (laid(page, label.shape) > 0 for page in qc if page is not None)
    margin = math.ceil(settings.margin_um / um_per_px)
    inner = np.zeros(mask.shape, bool)
    inner[margin : mask.shape[0] - margin, margin : mask.shape[1] - margin] = True
    alive = 1 - (mask & dead).sum() / mask.sum()
    away = ndimage.distance_transform_edt(~mask)
    near = away < settings.near_margins * margin
    return Quality(
        alive,
        float(alive < settings.min_fraction_alive),
        float((mask & inner).sum() / mask.sum() <= settings.min_inside),
        float(not (ndimage.binary_dilation(mask, np.ones((3, 3))) & yolk).any()),
        float((focus & near).any()),
        float((bubble & near).any()),
    )


def laid(page: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A QC mask, uint8 (576, 320), on its frame: nearest pixel, turned where the frame is landscape."""
    landscape = shape[1] > shape[0]
    sides = zip(shape[::-1] if landscape else shape, page.shape, strict=True)
    rows, columns = ([(2 * pixel + 1) * seen // (2 * size) for pixel in range(size)] for size, seen in sides)
    large = page[np.ix_(rows, columns)]
    return np.rot90(large, -1) if landscape else large


class OneSnip(Dataset[torch.Tensor]):
    """One page of a stack, read and resized as the encoder takes it."""

    def __init__(self, path: Path, page: int, input_size: tuple[int, int]) -> None:
        self.path, self.page, self.size = path, page, input_size

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> torch.Tensor:
        pixels = tifffile.imread(self.path, key=self.page)
        height, width = self.size
        resized = Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR)
        return torch.from_numpy(np.asarray(resized, np.float32) / 255)[None]


def embedded(folder: Path, encoder: Encoder, input_size: tuple[int, int], workers: int = 0) -> dict[str, np.ndarray]:
    """The latents of every snip of a folder by its id: a batch and a loader of its own for each, with `workers`."""
    found = {}
    for path in sorted(folder.glob("*.tif")):
        with tifffile.TiffFile(path) as tif:
            times = [latents.stacks._tag(page).time_int for page in tif.pages]
        for number, time_int in enumerate(times):
            (image,) = DataLoader(OneSnip(path, number, input_size), batch_size=1, num_workers=workers)
            with torch.no_grad():
                found[f"{path.stem}_t{time_int:04d}"] = encoder(image)[0][0].numpy()
    return found
