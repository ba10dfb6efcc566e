"""Networks and tokenizers of transformers from local folders; nothing is fetched, nothing pickled is loaded."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from morphseq_manifest.base.errors import ConfigError, UnreadableError
from stages.networks.shapes import IMAGENET_MEAN, IMAGENET_SD
from stages.networks.torch_device import device

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Network = TypeVar("Network", bound="PreTrainedModel")
_CONFIG = "config.json"
_WEIGHTS = "*.safetensors"
_TOKENIZER = "tokenizer.json"


def load_network(kind: type[Network], folder: Path) -> Network:
    """The network of a transformers folder, ready for inference on device(), in float32.

    Raises UnreadableError if there is none, ConfigError if its config or weights don't fit: transformers
    itself would fill what is missing with random numbers.
    """
    from transformers.utils import logging

    if not (folder / _CONFIG).is_file() or not list(folder.glob(_WEIGHTS)):
        raise UnreadableError(
            f"{folder}: expected a folder of transformers' with {_CONFIG} and {_WEIGHTS}. docs/models.md says how to "
            "put it there"
        )
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        loaded: Any = kind.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
    except Exception as error:
        raise ConfigError(f"{folder}: can't be used: {_line(error)}. Copy the folder again") from error
    network: Network = loaded[0]
    report = loaded[1]
    wrong = sorted(str(name) for name in {*report["missing_keys"], *report["mismatched_keys"]})
    if wrong:
        shown = ", ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        raise ConfigError(f"{folder}: its weights lack tensors of {kind.__name__}: {shown}. Copy the folder again")
    network.train(False)
    network.to(device())  # type: ignore[arg-type]
    return network


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a transformers folder. Raises UnreadableError if there is none, ConfigError if it is damaged."""
    from transformers import AutoTokenizer

    path = folder / _TOKENIZER
    if not path.is_file():
        # transformers would make a tokenizer without words.
        raise UnreadableError(f"{path}: missing; the detector's prompt needs it. Copy it from where the weights are")
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        raise ConfigError(f"{path}: can't be used: {_line(error)}. Copy the file again") from error


def to_input(grey: NDArray[np.uint8], size: tuple[int, int]) -> torch.Tensor:
    """A frame, uint8 (H, W), as such networks take it: (1, 3, *size) float32, normalised as ImageNet's images are."""
    image = torch.tensor(grey, device=device())[None, None].float() / 255
    resized = interpolate(image, size, mode="bilinear", antialias=True)
    mean, sd = (resized.new_tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_SD))
    normalised: torch.Tensor = (resized - mean) / sd
    return normalised


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
