"""Model folders: a `config.json` that says what it is, and weights that load without running code."""

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import msgspec

from morphseq_manifest.base import files
from morphseq_manifest.base.errors import ConfigError, UnreadableError
from morphseq_manifest.base.kinds import known
from morphseq_manifest.base.small_files import read_small
from stages.networks.torch_device import device

if TYPE_CHECKING:
    import torch

Network = TypeVar("Network", bound="torch.nn.Module")
CONFIG = "config.json"
WEIGHTS = ("model.safetensors", "model.pt")


class UNetConfig(msgspec.Struct, tag="unet", tag_field="kind", forbid_unknown_fields=True):
    """A QC mask network of the project's own (shapes.UNet).

    `trained_on` are the microscopes whose plates it knows, as plate tables name them; None: those of every plate.
    """

    width: int
    trained_on: list[str] | None = None


class ExportedConfig(msgspec.Struct, tag="exported", tag_field="kind", forbid_unknown_fields=True):
    """A mask network of any make, as a torch.export archive (stages.networks.exported); `trained_on` as a UNet's."""

    trained_on: list[str] | None = None


class SnipsSeen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of the snips that a VAE was trained on, as in the block `snips` of params.yaml."""

    um_per_px: float
    blend_um: float


class VaeConfig(msgspec.Struct, tag="vae", tag_field="kind", forbid_unknown_fields=True):
    """A VAE of the project's own: the encoder's shape; `zn_frac` of the latents are nuisance, 0 for no split."""

    channels: list[int]
    latent_dim: int
    zn_frac: float
    input_size: tuple[int, int]
    trained_on: SnipsSeen | None = None


class LegacyVaeConfig(msgspec.Struct, tag="legacy_vae", tag_field="kind", forbid_unknown_fields=True):
    """One of the lab's legacy VAEs (legacy_vae); its shape stands in its model_config.json."""

    trained_on: SnipsSeen | None = None


def read_config(folder: Path, kinds: Any, renamed: Mapping[str, str] = MappingProxyType({})) -> Any:
    """Read a model folder's config.json as one of `kinds` (msgspec structs told apart by `kind`).

    `renamed` has the new names of settings by the old ones, for what is said of a config of an earlier release.

    Raises UnreadableError if the folder or its config is missing, ConfigError if it says what can't be used.
    """
    if not folder.is_dir():
        raise UnreadableError(
            f"{folder}: no such model folder. `make models` copies the default ones; put others there"
        )
    path = folder / CONFIG
    if not path.is_file():
        raise UnreadableError(f"{path}: missing: a model folder has a {CONFIG} with its `kind`")
    try:
        data = files.fetched(read_small(path), path)
        config = msgspec.json.decode(data, type=known(kinds))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        old = [f"`{name}` is now `{new}`" for name, new in renamed.items() if f'"{name}"'.encode() in data]
        if old:
            raise ConfigError(
                f"{path}: of an earlier release: {', '.join(old)}: lengths are in um, areas in um2. Write it so "
                "(docs/models.md), or copy the default models again (`make models`)"
            ) from error
        raise ConfigError(f"{path}: can't be used: {error}. Correct it, or choose another model") from error
    return config


def load_weights(folder: Path) -> "dict[str, torch.Tensor]":
    """The tensors of a model folder, by name, on the CPU.

    Raises UnreadableError if there are none, ConfigError if they are damaged or would run code to load.
    """
    import safetensors
    import safetensors.torch
    import torch

    path = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if path is None:
        _no_weights(folder)
    with path.open("rb") as file:
        files.fetched(file.read(64), path)
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except safetensors.SafetensorError as error:
        raise ConfigError(f"{path}: damaged weights: {error}. Copy the file again") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ConfigError(
            f"{path}: not plain weights: it holds pickled code or is damaged, and is not loaded. "
            "Save the network's state_dict as model.safetensors"
        ) from error
    return _state_dict(path, state)


def _no_weights(folder: Path) -> NoReturn:
    pickled = sorted(file.name for file in folder.iterdir() if file.suffix in {".pkl", ".pickle", ".pth", ".joblib"})
    if pickled:
        raise ConfigError(
            f"{folder / pickled[0]}: a pickled module is never loaded, since that would run its code. "
            f"Save the network's state_dict as {folder / WEIGHTS[0]}"
        )
    raise UnreadableError(f"{folder}: no weights found; expected {' or '.join(WEIGHTS)}")


def _state_dict(path: Path, state: Any) -> "dict[str, torch.Tensor]":
    import torch

    if isinstance(state, dict) and isinstance(state.get("model_state_dict"), dict):
        state = state["model_state_dict"]
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ConfigError(f"{path}: expected a state dict (names to tensors), found {type(state).__name__}")
    return state


def fill(network: Network, folder: Path) -> Network:
    """Load a folder's weights into `network`, ready for inference. Raises ConfigError if the tensors don't fit."""
    return fit(network, load_weights(folder), f"{folder}: the weights don't fit its {CONFIG}")


def fit(network: Network, state: "dict[str, torch.Tensor]", complaint: str) -> Network:
    """Put tensors into `network`, ready for inference on `device()`; images go through it with channels last.

    Raises ConfigError, `complaint` with the tensors that are missing, too many, of another shape, or hold NaN or
    infinity, as those of a training that came to nothing do.
    """
    import torch

    expected = network.state_dict()
    wrong = [f"{name} is missing" for name in expected if name not in state]
    wrong += [f"{name} is not expected" for name in state if name not in expected]
    wrong += [
        f"{name} is {_shape(state[name])}, expected {_shape(tensor)}"
        for name, tensor in expected.items()
        if name in state and state[name].shape != tensor.shape
    ]
    wrong += [f"{name} holds what is no number" for name in expected if name in state and not _is_finite(state[name])]
    if wrong:
        raise ConfigError(f"{complaint}: {'; '.join(wrong)}. Copy the folder again, whole")
    network.load_state_dict(state)
    ready: Network = network.eval().to(device(), memory_format=torch.channels_last)  # type: ignore[call-overload]
    return ready


def _is_finite(tensor: "torch.Tensor") -> bool:
    return not tensor.is_floating_point() or bool(tensor.isfinite().all())


def _shape(tensor: "torch.Tensor") -> str:
    return " x ".join(map(str, tensor.shape)) or "a number"


def save(folder: Path, config: msgspec.Struct, state: "dict[str, torch.Tensor] | None") -> None:
    """Write a model folder in one step: config.json and, unless `state` is None, model.safetensors."""
    import safetensors.torch

    with files.replacing_folders([folder]) as (place,):
        text = json.dumps(msgspec.to_builtins(config), indent=2)
        (place / CONFIG).write_text(text + "\n", encoding="utf-8")
        if state is not None:
            tensors = {name: tensor.contiguous() for name, tensor in state.items()}
            # save_file would make it readable by its owner alone.
            (place / WEIGHTS[0]).write_bytes(safetensors.torch.save(tensors))
