"""Training the five QC mask networks: one trunk learns all five classes together, then each gets its own copy.

What makes an embryo, dead tissue or a yolk is learnt from much the same features, so that one training of five
outputs takes a fifth of the time of five, and does better than each alone in as much time.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from simulation.examples import CLASSES, COARSE, Example
from stages.networks.shapes import UNet

WIDTH = 16
_STEPS = 12_000
_BATCH = 8
_CROP = 192
_LEARNING_RATE, _HEAD_FASTER = 0.008, 7.0
_CLASS_WEIGHTS = (1.0, 1.0, 2.0, 1.0, 6.0)  # small things count for more
_INSIDE_WEIGHTS = (1.0, 1.0, 2.0, 1.0, 1.0)  # and a yolk must not be missed: it says which end of an embryo is up
# What a crop is laid around: a pixel of a class, of an embryo with nothing the matter, or any pixel.
_AROUND = (*CLASSES, "sound", "any")
_AROUND_SHARES = (0.14, 0.14, 0.14, 0.14, 0.18, 0.18, 0.08)
_JITTER = 48
# The worst pixels count extra once the rest is learnt: a single stray one would flag an embryo.
_HARD_FROM, _HARD_SHARE, _HARD_WEIGHT = 0.4, 256, 0.2

State = dict[str, torch.Tensor]


class _Joint(UNet):
    """The networks' trunk with an output for every class, at its own coarse resolution."""

    def __init__(self) -> None:
        super().__init__(WIDTH)
        self.head = nn.Conv2d(WIDTH, len(CLASSES), 1)
        nn.init.constant_(self.head.bias, -2.0)  # type: ignore[arg-type]
        self.enlarge = nn.Identity()


class _Crops:
    """Crops of examples, turned over at random, with each class in its share of them."""

    def __init__(self, examples: Sequence[Example], rng: np.random.Generator) -> None:
        self._rng = rng
        self._images = np.stack([example.image for example in examples])
        self._coverage = np.stack([example.coverage for example in examples])
        self._places = [_places(self._coverage, kind) for kind in _AROUND]

    def batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Images float32 (N, 1, 192, 192) in 0..1, and the classes' coverage of coarse pixels (N, 5, 48, 48)."""
        while True:
            kinds = self._rng.choice(len(_AROUND), _BATCH, p=_AROUND_SHARES)
            crops = [self._crop(self._places[kind]) for kind in kinds]
            images = torch.stack([torch.from_numpy(image) for image, _ in crops])
            yield images[:, None], torch.stack([torch.from_numpy(coverage) for _, coverage in crops])

    def _crop(self, places: NDArray[np.intp]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        shape = (len(self._images), *self._coverage.shape[2:])
        number, *place = np.unravel_index(places[self._rng.integers(len(places))], shape)
        size = _CROP // COARSE
        corner = np.array(place) + self._rng.integers(-_JITTER, _JITTER + 1, 2) // COARSE - size // 2
        top, left = np.clip(corner, 0, np.array(self._coverage.shape[2:]) - size).tolist()
        turned = (slice(None, None, self._rng.choice((-1, 1))), slice(None, None, self._rng.choice((-1, 1))))
        fine = (slice(top * COARSE, top * COARSE + _CROP), slice(left * COARSE, left * COARSE + _CROP))
        lamp = np.float32(self._rng.uniform(0.8, 1.15) / 255)
        image = np.minimum(self._images[number][fine][turned] * lamp, np.float32(1))
        coverage = self._coverage[number][:, top : top + size, left : left + size][:, *turned]
        # The share of a coarse pixel that a class covers: a logit's sign then changes where the edge is.
        return image.astype(np.float32), coverage.astype(np.float32) / np.float32(COARSE**2)


def reproducible(seed: int, threads: int) -> None:
    """Make torch give the same bytes each time, in this process."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    # Nothing here reads memory before it is written; filling it takes a tenth of the time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.manual_seed(seed)


def train_masks(examples: Sequence[Example], threads: int = 1) -> dict[str, State]:
    """Train on `examples`; returns for each class the state of a shapes.UNet of WIDTH. Deterministic."""
    reproducible(seed=0, threads=threads)
    network: nn.Module = _Joint().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser, schedule = _optimiser(network)
    batches = _Crops(examples, np.random.default_rng(0)).batches()
    for step in range(_STEPS):
        images, coverage = next(batches)
        loss = _loss(network(images), coverage, hard=step > _HARD_FROM * _STEPS)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return {name: _single(network.state_dict(), index) for index, name in enumerate(CLASSES)}


def _loss(logits: torch.Tensor, coverage: torch.Tensor, *, hard: bool) -> torch.Tensor:
    """Cross entropy of logits (N, 5, 48, 48) with the classes' coverage, with more for the worst pixels if `hard`."""
    weights, inside = (torch.tensor(values).view(1, -1, 1, 1) for values in (_CLASS_WEIGHTS, _INSIDE_WEIGHTS))
    entropy = nn.functional.binary_cross_entropy_with_logits(logits, coverage, reduction="none", pos_weight=inside)
    wrong = weights * entropy
    if not hard:
        return wrong.mean()
    per_class = wrong.flatten(2)
    worst = per_class.topk(per_class.shape[2] // _HARD_SHARE, dim=2).values
    return wrong.mean() + _HARD_WEIGHT * worst.mean()


def _optimiser(network: nn.Module) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """The head learns faster: with rare classes its logits have a long way to go."""
    head = [value for name, value in network.named_parameters() if name.startswith("head")]
    trunk = [value for name, value in network.named_parameters() if not name.startswith("head")]
    rates = [_LEARNING_RATE, _LEARNING_RATE * _HEAD_FASTER]
    groups = [{"params": trunk}, {"params": head}]
    optimiser = torch.optim.AdamW(groups, lr=_LEARNING_RATE, weight_decay=1e-4, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, rates, total_steps=_STEPS, pct_start=0.2, cycle_momentum=False
    )
    return optimiser, schedule


def _single(state: State, index: int) -> State:
    """The joint network's state with the output of one class alone, as contiguous copies."""
    return {
        name: (value[index : index + 1] if name.startswith("head.") else value).detach().clone().contiguous()
        for name, value in state.items()
    }


def _places(coverage: NDArray[np.uint8], kind: str) -> NDArray[np.intp]:
    """The coarse pixels around which crops of a kind may lie, as indices into (examples, 144, 80)."""
    if kind == "any":
        return np.arange(coverage[:, 0].size)
    if kind in CLASSES:
        return np.flatnonzero(coverage[:, CLASSES.index(kind)] > COARSE**2 // 2)
    ill = coverage[:, [CLASSES.index("dead"), CLASSES.index("focus")]].any(axis=(1, 2, 3))
    embryos = coverage[:, CLASSES.index("embryo")] > COARSE**2 // 2
    return np.flatnonzero(embryos & ~ill[:, None, None])  # type: ignore[index]
