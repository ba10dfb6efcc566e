"""Figures of the image stages, on frames of 2189 x 2189 px: against the plain references of the tests, in one run."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image

from benchmarks.figures import Figure, alternating, seconds
from benchmarks.frames import UM, Drawn, large_frame, qc_page
from benchmarks.networks import StandIn, on_a_gpu
from benchmarks.plate_memory import memory
from morphseq_manifest.base.hashing import hash_file
from morphseq_manifest.base.journal import Journal
from morphseq_manifest.base.prefetch import ahead
from morphseq_manifest.cohort import params
from morphseq_manifest.cohort.manifests import images_manifest
from morphseq_manifest.cohort.manifests.images_manifest import Frame, Reading
from stages import latents, qc_masks, snips
from stages.files import stacks
from stages.files.frames import read_frame
from stages.imaging import embryo_box, geometry
from stages.imaging.qc_frame import from_qc
from stages.imaging.snip_settings import SnipSettings
from stages.networks import torch_device
from stages.networks.mask_network import probabilities
from stages.networks.shapes import Encoder, UNet, to_mu
from stages.reuse import kept_stacks
from tests.plain.cutting import snip as plain_snip
from tests.plain.embedding import embedded
from tests.plain.geometry import judged, laid, measured

PARAMS = params.read(Path(__file__).parents[1])
SNIPS = PARAMS.block("snips", SnipSettings)
BUILD03 = PARAMS.block("build03", geometry.Settings)
SCALE = (UM, UM)
# What the lab gets: snips and embeddings a second on four cores, frames a second by five networks on a GPU.
LAB_SNIPS, LAB_LATENTS, LAB_FRAMES = 4.5, 1.8, 5421 / 8260


def figures(quick: bool) -> Iterator[Figure]:
    """Ratios, both sides in turn; and absolute figures beside the lab's, which are another machine's."""
    drawn = [large_frame(number) for number in range(4)]
    yield from cutting(drawn, 2 if quick else 9)
    yield measuring(drawn[0], 3 if quick else 9)
    yield from embedding(drawn, 8 if quick else 96, 1 if quick else 3)
    yield from masking("of the lab's size", [StandIn() for _ in range(5)], drawn, 8 if quick else 24, 0.85)
    # The project's own networks take less time than a PNG does to decode: no bound could be held by them.
    yield from masking("default", [UNet() for _ in range(5)], drawn, 16 if quick else 48, 0)
    yield from on_a_gpu(drawn)
    yield from memory(drawn, quick)


def cutting(drawn: list[Drawn], runs: int) -> Iterator[Figure]:
    """From a decoded frame, its labels and its yolk mask to the snip."""
    pages = [qc_page(frame.yolk) for frame in drawn]

    def cut(number: int) -> None:
        cut_snips(drawn[number], pages[number])

    def plainly() -> None:
        for frame, page in zip(drawn, pages, strict=True):
            yolk = laid(page, frame.labels.shape) > 0
            plain_snip("a", frame.grey, frame.labels == 1, yolk, SCALE, SNIPS)

    ours, theirs = alternating(lambda: list(ahead(cut, range(len(drawn)))), plainly, runs)
    note = f"{ours / len(drawn) * 1e3:.1f} ms against {theirs / len(drawn) * 1e3:.0f} ms, two threads against one"
    yield Figure("snips: times faster than rescale, rotate, crop", theirs / ours, 20, at_least=True, note=note)
    alone, _ = alternating(lambda: [*map(cut, range(len(drawn)))], lambda: None, runs)
    yield Figure("the same in one thread", theirs / alone, 0, at_least=True, note=f"{alone / len(drawn) * 1e3:.1f} ms")
    yield beside("snips cut a second, from frames in memory", len(drawn) / ours, LAB_SNIPS, "all in all, on four cores")


def cut_snips(frame: Drawn, page: np.ndarray) -> list[np.ndarray]:
    """The snips of a frame's embryos, with the QC mask of their yolk."""
    cut = []
    for embryo, box in embryo_box.boxes(frame.labels).items():
        yolk = from_qc(page, frame.labels.shape, box) > 0
        mask = frame.labels[box] == embryo
        pose = snips.pose_of(mask, yolk, box, SCALE, BUILD03.chorion)
        cut.append(snips.make_snip("a", frame.grey, mask, pose, box, SCALE, SNIPS))
    return cut


def measuring(frame: Drawn, runs: int) -> Figure:
    """Geometry and flags of a frame with one embryo and something to see in every QC mask."""
    pages = [qc_page(mask) for mask in (frame.yolk, frame.yolk, frame.bubble, np.roll(frame.yolk, 500, axis=1))]
    qc = geometry.QcMasks(*pages)

    def ours() -> None:
        for embryo, box in embryo_box.boxes(frame.labels).items():
            mask = frame.labels[box] == embryo
            geometry.measure(mask, box, SCALE)
            geometry.judge(mask, box, frame.labels.shape, qc, UM, BUILD03)

    def plainly() -> None:
        measured(frame.labels, 1, SCALE)
        judged(frame.labels, 1, qc, UM, BUILD03)

    fast, slow = alternating(ours, plainly, runs)
    note = f"{fast * 1e3:.1f} ms against {slow * 1e3:.0f} ms"
    return Figure("build03: times faster than a pass a mask and flag", slow / fast, 10, at_least=True, note=note)


def embedding(drawn: list[Drawn], snips_each: int, runs: int) -> Iterator[Figure]:
    """Four embryos' stacks of snips, by an encoder of the lab's shape; nothing kept."""
    cut = [snip for frame in drawn for snip in cut_snips(frame, qc_page(frame.yolk))]
    torch.manual_seed(0)
    device = torch_device.device()
    encoder = Encoder([16, 32, 64, 128, 256], 100).eval().to(device, memory_format=torch.channels_last)
    inside = Inside(to_mu(encoder))
    model = latents.LatentModel(inside, (288, 128), latents.latent_columns(100, 0.2))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "snips"
        folder.mkdir()
        for embryo in range(4):
            pixels = [cut[(embryo + number) % len(cut)] for number in range(snips_each)]
            pages = [stacks.Page(stacks.PageTag(time_int, "0" * 32), page) for time_int, page in enumerate(pixels)]
            stacks.write_stack(folder / f"e_A0{embryo + 1}_e01.tif", pages)

        def ours() -> None:
            with closing(Journal(Path(name) / "journal", latents.Embryo)) as journal:
                latents.embed_folder("e", folder, model, {"version": 1}, journal)
            (Path(name) / "journal").unlink()

        def plainly(workers: int) -> None:
            embedded(folder, encoder, model.input_size, workers)

        fast, slow = alternating(ours, lambda: plainly(0), runs)
        slowest = min(seconds(lambda: plainly(1)) for _ in range(runs))
        yield share_inside(inside, ours, is_on_gpu=device.type == "cuda")
    count = 4 * snips_each
    for how, time_taken in (("", slow), (" with its process", slowest)):
        note = f"{fast / count * 1e3:.2f} ms against {time_taken / count * 1e3:.2f} ms a snip"
        name = f"latents: times batch of one, a loader{how} an image"
        yield Figure(name, time_taken / fast, 5 if device.type == "cuda" else 3, at_least=True, note=note)
    yield beside("latents a second", count / fast, LAB_LATENTS, "on four cores")


class Inside(torch.nn.Module):
    """A network, and the processor time inside of it, a figure a call."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network
        self.took: list[float] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        begun = time.thread_time()
        found: torch.Tensor = self.network(images)
        self.took.append(time.thread_time() - begun)
        return found


def share_inside(inside: Inside, action: Callable[[], None], *, is_on_gpu: bool) -> Figure:
    """How much of the processor time of an action, from files to what is kept, is the network's own operations."""
    name = "latents: share of time in the network"
    if is_on_gpu:
        return Figure(name, None, 0.8, at_least=True, note="a GPU's time is not a processor's")
    inside.took.clear()
    begun = time.process_time()
    action()
    return Figure(name, sum(inside.took) / (time.process_time() - begun), 0.8, at_least=True)


def beside(name: str, rate: float, lab: float, where: str) -> Figure:
    """A rate, with what the lab gets on another machine beside it: no bound."""
    return Figure(name, rate, 0, at_least=True, note=f"the lab's, {where}: {lab:.2g}")


def masking(
    which: str, networks: list[torch.nn.Module], drawn: list[Drawn], count: int, bound: float
) -> Iterator[Figure]:
    """Five networks' masks of one well's frames, from the files to the stacks: processor time inside the networks."""
    inside, reads = [0.0], [0]

    def timed(network: torch.nn.Module, images: np.ndarray) -> np.ndarray:
        begun = time.thread_time()
        found = probabilities(network, images)
        inside[0] += time.thread_time() - begun
        return found

    def counted(folder: Path, reading: Reading, frame: Frame) -> np.ndarray:
        reads[0] += 1
        return read_frame(folder, reading, frame)

    with tempfile.TemporaryDirectory() as name:
        frames = write_frames(Path(name), drawn, count)
        places = [Path(name) / f"masks{number}" for number in range(len(networks))]
        with (
            patch.object(qc_masks, "probabilities", timed),
            patch.object(qc_masks, "read_frame", counted),
            kept_stacks.gathering(places) as shelves,
        ):
            ready = [network.eval().to(memory_format=torch.channels_last) for network in networks]
            parts = [qc_masks.Network(*pair, "") for pair in zip(ready, shelves, strict=True)]
            begun, processor = time.perf_counter(), time.process_time()
            made_from = {"version": 1, "threshold": 0.5}
            manifest = images_manifest.build("exp", frames, [], len(frames))
            qc_masks.make_masks(Path(name), manifest, parts, made_from, lambda count, *, kept=False: None)
            processor, wall = time.process_time() - processor, time.perf_counter() - begun
    note = f"{inside[0] / count / len(networks) * 1e3:.0f} ms a frame and network"
    yield Figure(
        f"QC masks, {which}: share of time in networks", inside[0] / processor, bound, at_least=True, note=note
    )
    yield Figure(f"QC masks, {which}: reads of a frame", reads[0] / count, 1)
    yield beside(f"QC masks, {which}: frames a second", count / wall, LAB_FRAMES, "on a GPU")


def write_frames(folder: Path, drawn: list[Drawn], count: int) -> list[Frame]:
    """The drawn frames in turn as one well's files, listed."""
    listed = []
    for number in range(count):
        path = folder / f"A01_t{number:04d}.png"
        if number < len(drawn):
            Image.fromarray(drawn[number].grey).save(path, compress_level=4)
        else:
            path.hardlink_to(folder / f"A01_t{number % len(drawn):04d}.png")
        listed.append(Frame("A01", number, path.name, path.stat().st_size, hash_file(path)))
    return listed
