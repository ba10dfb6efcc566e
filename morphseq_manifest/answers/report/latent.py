"""The latent space: the rows of df03 along the first two principal components of their latents."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

from morphseq_manifest.answers.report import drawing
from morphseq_manifest.answers.report.drawing import Axis, Floats
from morphseq_manifest.answers.report.rows import EXPERIMENT, STAGE, Rows

WIDTH, HEIGHT = 480, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 470, 12, 320
# So many rows tell where the components lie, and so many of them are drawn.
_SAMPLE, _MOST = 40_000, 6000
Places = NDArray[np.intp]
COLOURS = 8


class Cloud(msgspec.Struct, frozen=True):
    """Points of one kind: its name, the number of its colour, their path, and how many rows it has."""

    name: str
    colour: int
    path: str
    count: int


class Latent(msgspec.Struct, frozen=True):
    """The plots: both axes, the share of the variance along each, the points by stage and by experiment.

    The components are those of a `sample` of the `known` rows, of which some are `drawn`; `unknown` ones have no
    latents. `latents` is how many there are a row.
    """

    x: Axis
    y: Axis
    shares: list[float]
    by_stage: list[Cloud]
    by_experiment: list[Cloud]
    drawn: int
    sample: int
    known: int
    unknown: int
    latents: int


def of_rows(rows: Rows, names: Sequence[str]) -> Latent | None:
    """The plots of these rows, whose latents have these `names`; None if fewer than three rows have some."""
    if len(names) < 2:
        return None
    known = np.flatnonzero(np.isfinite(rows.numbers(names[0])))
    sample = drawing.thinned(len(known), _SAMPLE)
    values = np.column_stack([rows.numbers(name)[known[sample]] for name in names]).astype(np.float64)
    whole = np.isfinite(values).all(axis=1)
    if whole.sum() < 3:
        return None
    places, shares = components(values[whole])
    drawn = drawing.thinned(len(places), _MOST)
    x = drawing.axis([places[:, 0].min(), places[:, 0].max()], _LEFT, _RIGHT)
    y = drawing.axis([places[:, 1].min(), places[:, 1].max()], _BOTTOM, _TOP)
    at, kept = (x.at(places[drawn, 0]), y.at(places[drawn, 1])), sample[whole][drawn]
    stages, experiments = rows.numbers(STAGE)[known], rows.columns[EXPERIMENT][known].astype(str)
    return Latent(
        x, y, shares, _by_stage(stages, kept, at), _by_experiment(experiments, kept, at),
        len(drawn), len(places), len(known), rows.count - len(known), len(names),
    )  # fmt: skip


def components(values: Floats) -> tuple[Floats, list[float]]:
    """The places of `values` (n, d) along their first two principal components, and the share of the variance of each.

    A component points to where the latent that it is most made of grows, so that the same values give the same picture.
    """
    centred = values - values.mean(axis=0)
    variances, vectors = np.linalg.eigh(centred.T @ centred)
    chosen = vectors[:, [-1, -2]]
    largest = np.abs(chosen).argmax(axis=0)
    chosen = chosen * np.where(chosen[largest, [0, 1]] < 0, -1.0, 1.0)
    total = float(variances.sum()) or 1.0
    return centred @ chosen, [float(variances[-1]) / total, float(variances[-2]) / total]


def _by_stage(stages: Floats, kept: Places, at: tuple[Floats, Floats]) -> list[Cloud]:
    """The points by stage, in as many steps as there are colours; those without a stage last."""
    finite = stages[np.isfinite(stages)]
    edges = np.linspace(finite.min(), finite.max(), COLOURS + 1) if len(finite) else np.zeros(COLOURS + 1)
    steps = np.clip(np.searchsorted(edges, stages, side="right") - 1, 0, COLOURS - 1)
    steps[~np.isfinite(stages)] = COLOURS
    names = [f"{low:.1f} to {high:.1f} hpf" for low, high in pairwise(edges)] + ["no stage"]
    return _clouds(steps, names, kept, at)


def _by_experiment(
    experiments: NDArray[np.str_],
    kept: Places,
    at: tuple[Floats, Floats],
) -> list[Cloud]:
    names, numbers = np.unique(experiments, return_inverse=True)
    return _clouds(numbers, [str(name) for name in names], kept, at)


def _clouds(
    numbers: Places,
    names: list[str],
    kept: Places,
    at: tuple[Floats, Floats],
) -> list[Cloud]:
    drawn, (x, y) = numbers[kept], at
    clouds = []
    for number, name in enumerate(names):
        chosen = drawn == number
        count = int((numbers == number).sum())
        if count:
            clouds.append(Cloud(name, number % (COLOURS + 1), drawing.dots(x[chosen], y[chosen]), count))
    return clouds
