"""Stage `snips`: each embryo in each frame as an aligned image of fixed scale, its background blended into noise."""

from typing import NamedTuple

import click
import msgspec
import numpy as np
import xxhash
from numpy.typing import NDArray
from scipy import ndimage, special
from skimage import exposure

from morphseq_manifest import images_manifest, params
from morphseq_manifest.console import note
from morphseq_manifest.ids import embryo_id, snip_id
from morphseq_manifest.images_manifest import Frame
from stages import layout, plates, stacks
from stages.alignment import SNIP_SIZE, Mask, find_pose, sampling, warp
from stages.command import StageCommand
from stages.frames import Grey, from_qc, read_frame
from stages.labels import read_labels
from stages.qc_settings import QcSettings


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """params.yaml, `snips`: scale, width of the blend, and the noise (grey levels, normal, cut off at 0)."""

    um_per_px: float
    blend_um: float
    noise_mean: float
    noise_sd: float


class Snips(NamedTuple):
    """A well's snips: pages by embryo_id, and how many embryos had no scale."""

    pages: dict[str, list[stacks.Page]]
    unscaled: int


def noise(name: str, mean: float, sd: float) -> NDArray[np.float32]:
    """Background noise of a snip, seeded by its id: normal, cut off at 0, in grey levels. Float32 (576, 256)."""
    generator = np.random.Generator(np.random.PCG64(xxhash.xxh3_64_intdigest(name.encode())))
    lowest = special.ndtr(-mean / sd)
    uniform = lowest + (1 - lowest) * generator.random(SNIP_SIZE)
    return np.asarray(mean + sd * special.ndtri(uniform), np.float32)


def make_snip(name: str, grey: Grey, mask: Mask, yolk: Mask, scale: tuple[float, float], settings: Settings) -> Grey:
    """The snip of one embryo, uint8 (576, 256).

    `grey` uint8, `mask` and `yolk` bool, all (H, W) of one frame; `scale` its um per px (across, down). The crop is
    centred on the embryo, long axis vertical, yolk end up; its contrast is equalised (CLAHE), and what is not
    embryo fades into noise over a Gaussian of `blend_um`.
    """
    where = sampling(find_pose(mask, yolk, scale), scale, settings.um_per_px)
    image = warp(grey.astype(np.float32), where, "nearest")
    equalised = exposure.equalize_adapthist(np.clip(image / np.float32(255), 0, 1)) * 255
    weight = ndimage.gaussian_filter(
        warp(mask.astype(np.float32), where, "constant"), settings.blend_um / settings.um_per_px
    )
    blended = equalised * weight + noise(name, settings.noise_mean, settings.noise_sd) * (1 - weight)
    snip: Grey = np.clip(np.rint(blended), 0, 255).astype(np.uint8)
    return snip


def well_snips(
    experiment: str, frames: list[Frame], scales: plates.Scales, yolk_network: str, settings: Settings
) -> Snips:
    """The snips of one well: each embryo_id's pages in time order, and the number left out for want of a scale."""
    well = frames[0].well
    snips: dict[str, list[stacks.Page]] = {}
    unscaled = 0
    with (
        stacks.open_stack(layout.LABELS / experiment, well) as labels,
        stacks.open_stack(layout.predictions(yolk_network, experiment), well, mask=True) as yolks,
    ):
        for frame in frames:
            grey = read_frame(layout.FRAMES / experiment, frame)
            label = read_labels(labels, frame, grey.shape, layout.LABELS / experiment)
            scale = scales.get((well, frame.time_int))
            yolk = (
                from_qc(yolks[frame.time_int](), label.shape) > 0
                if frame.time_int in yolks
                else np.zeros(label.shape, bool)
            )
            for embryo in np.unique(label[label > 0]).tolist():
                if scale is None:
                    unscaled += 1
                    continue
                name = snip_id(experiment, well, embryo, frame.time_int)
                snip = make_snip(name, grey, label == embryo, yolk, scale, settings)
                pages = snips.setdefault(embryo_id(experiment, well, embryo), [])
                pages.append(stacks.Page(stacks.PageTag(frame.time_int, frame.xxh3_128), snip))
    return Snips(snips, unscaled)


@click.command("snips", cls=StageCommand)
@click.argument("experiment")
def main(experiment: str) -> None:
    """Cut EXPERIMENT's snips out of its frames."""
    settings = params.read()
    settings.experiment(experiment)
    yolk_network = settings.block("qc_masks", QcSettings).models.yolk
    manifest = images_manifest.read(layout.images_manifest(experiment))
    table = layout.plate_table(experiment)
    scales = plates.scales(plates.read_plate(table), table)
    cut, unscaled = 0, 0
    with stacks.replacing_folders([layout.SNIPS / experiment]) as (folder,):
        for frames in manifest.by_well().values():
            snips = well_snips(experiment, frames, scales, yolk_network, settings.block("snips", Settings))
            unscaled += snips.unscaled
            for name, pages in snips.pages.items():
                stacks.write_stack(folder / f"{name}.tif", pages)
                cut += len(pages)
    note(f"{experiment}: {cut} snips, {unscaled} left out since their plate table gives no scale")


if __name__ == "__main__":
    main()
