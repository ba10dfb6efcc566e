"""The default models, trained on simulated scenes: five QC mask networks, two segmenters, two VAEs."""

import sys
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from itertools import repeat
from pathlib import Path

import click

from morphseq_manifest.base.console import Command, note
from morphseq_manifest.cohort import params
from simulation.examples import Example, example
from simulation.mask_training import WIDTH, State, train_masks
from simulation.vae_training import VaePlan, train_vae
from simulation.writing import MICROSCOPE
from stages.imaging.snip_settings import SnipSettings
from stages.networks import model_folder
from stages.segmentation.segmenters import Build02Config, ThresholdConfig
from stages.segmentation.threshold import Settings

QC_MODELS = {
    "embryo": "mask_v0_0100",
    "dead": "via_v1_0100",
    "yolk": "yolk_v1_0050",
    "focus": "focus_v0_0100",
    "bubble": "bubble_v0_0100",
}
VAES = {
    "demo_a": VaePlan(latent_dim=10, zn_frac=0.2, seed=1),
    "demo_b": VaePlan(latent_dim=8, zn_frac=0.0, seed=2),
}
BUILD02 = Build02Config(width=WIDTH, probability=0.5, least_um2=200_000.0)

_EXAMPLES = 1_600
_WITH_SNIPS = 140
_WORKERS = 2


def draw_examples(pool: ProcessPoolExecutor, cut: SnipSettings) -> list[Example]:
    """The scenes that all models learn from, in order, the first ones with snips."""
    names = [f"train/{number}" for number in range(_EXAMPLES)]
    settings = [*repeat(cut, _WITH_SNIPS), *repeat(None, _EXAMPLES - _WITH_SNIPS)]
    drawn = pool.map(example, names, settings, chunksize=10)
    with click.progressbar(drawn, length=_EXAMPLES, label="drawing scenes", file=sys.stderr) as shown:
        return list(shown)


def _vae_state(plan: VaePlan, examples: list[Example]) -> State:
    encoder, _ = train_vae([snip for drawn in examples for snip in drawn.snips], plan)
    return encoder.state_dict()


def save_segmenters(folder: Path, states: dict[str, State]) -> None:
    """Write the QC networks' folders and the segmenters' under `folder`."""
    for name, state in states.items():
        model_folder.save(folder / QC_MODELS[name], model_folder.UNetConfig(WIDTH, [MICROSCOPE]), state)
    model_folder.save(folder / "build02", BUILD02, states["embryo"])
    model_folder.save(folder / "threshold", ThresholdConfig(Settings()), None)


@click.command(cls=Command)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def main(folder: Path) -> None:
    """Train the default models and write them into FOLDER, laid out as a data root, in place of earlier ones.

    The same bytes each time on the same machine. Snips are cut as params.yaml says.
    """
    cut = params.read().block("snips", SnipSettings)
    with ProcessPoolExecutor(_WORKERS) as pool:
        examples = draw_examples(pool, cut)
        note("training the mask networks beside the VAEs")
        masks = pool.submit(train_masks, examples)
        encoders: dict[str, Future[State]] = {
            name: pool.submit(partial(_vae_state, plan), examples[:_WITH_SNIPS]) for name, plan in VAES.items()
        }
        for name, plan in VAES.items():
            model_folder.save(folder / "models/legacy" / name, plan.config(cut), encoders[name].result())
            note(f"{name}: trained")
        save_segmenters(folder / "segmentation/segmentation_models", masks.result())
        note("mask networks and segmenters: trained")


if __name__ == "__main__":
    main()
