"""Initial weights of a network: torchvision's, a bundled model's, a file's, or random ones."""

import hashlib
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from urllib.error import URLError

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights

from lungscope.errors import Inaccessible, InvalidData, InvalidSetting, NotFound, WeightsUnavailable
from lungscope.inference.description import Description
from lungscope.inference.exported import BUNDLED_MODELS, DESCRIPTION
from lungscope.models.network import Network
from lungscope.models.registry import Architecture, Shape, get_architecture

IMAGENET = "imagenet"
NONE = "none"
WEIGHTS = "model.safetensors"
VERSION = "IMAGENET1K_V1"
PATIENCE = 20.0
"""Seconds without an answer after which a download is given up."""


def load_original(architecture: Architecture, weights: str) -> nn.Module:
    """Makes an architecture's 1,000-class original in torchvision and fills it.

    Args:
        architecture: whose original.
        weights: "imagenet" (torchvision's cache, TORCH_HOME honoured, else its download),
            "none" (random), or a path: a state dict of the original, `.safetensors` or as
            `torch.save` writes it (read without unpickling objects).

    Raises:
        WeightsUnavailable: not cached and no way to download.
        NotFound: the file does not exist.
        InvalidData: the file is damaged or of another architecture.
    """
    if weights == IMAGENET:
        return _imagenet(architecture)
    network: nn.Module = get_model(architecture.original, weights=None)
    if weights != NONE:
        path = Path(weights)
        _fill(network, _state(path), f"{path} as {architecture.original}")
    return network


def imagenet_file(architecture: Architecture) -> Path:
    """Where torchvision looks for an architecture's ImageNet weights before downloading them."""
    url = get_model_weights(architecture.original)[VERSION].url
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name


def hash_imagenet_file(architecture: Architecture) -> str | None:
    """Returns the SHA-256 of the cached ImageNet weights, in hexadecimal; None if there are none.

    Raises:
        Inaccessible: the file cannot be read.
    """
    path = imagenet_file(architecture)
    if not path.is_file():
        return None
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise Inaccessible(f"{path}: {error.strerror}") from error


def is_published(architecture: Architecture, sha256: str) -> bool:
    """Returns whether torchvision published ImageNet weights with this hash.

    The names of its files end with the first eight digits of their SHA-256. A file of another
    training, put under such a name, loads as well.

    Examples:
        >>> is_published(get_architecture("mobilenet-v2"), "b0353104" + 56 * "0")
        True
    """
    return imagenet_file(architecture).stem.rpartition("-")[2] == sha256[:8]


def _imagenet(architecture: Architecture) -> nn.Module:
    try:
        # torch.hub prints what it downloads, to where answers for programs are printed
        with _giving_up_after(PATIENCE), redirect_stdout(StringIO()):
            network: nn.Module = get_model(architecture.original, weights=VERSION, progress=False)
            return network
    except (URLError, TimeoutError, ConnectionError) as error:
        file = imagenet_file(architecture)
        raise WeightsUnavailable(
            f"ImageNet weights of {architecture.original} are not cached and cannot be downloaded "
            f"({getattr(error, 'reason', error)}): put {file.name} (from "
            f"{get_model_weights(architecture.original)[VERSION].url}) into {file.parent}, or "
            f"train from the weights {' or '.join((*BUNDLED_MODELS, NONE))}"
        ) from error
    except Exception as error:  # torch.load documents no exceptions; all mean the same here
        raise InvalidData(
            f"{imagenet_file(architecture)}: these are not the weights of "
            f"{architecture.original}; remove the file to download it again"
        ) from error


def check_weights(weights: str) -> None:
    """Checks that initial weights have a name that is known, or are a file that is there.

    Raises:
        NotFound: neither.
    """
    known = (IMAGENET, NONE, *BUNDLED_MODELS)
    if weights not in known and not _checkpoint(weights) and not Path(weights).is_file():
        raise _not_found(Path(weights))


def _not_found(path: Path) -> NotFound:
    names = ", ".join((IMAGENET, *BUNDLED_MODELS, NONE))
    return NotFound(f"{path}: not found; weights are {names}, a checkpoint folder or a file")


def _checkpoint(weights: str) -> Path | None:
    """The folder of a checkpoint, of a bundled model or one of the user's; None for others."""
    folder = BUNDLED_MODELS.get(weights, Path(weights))
    return folder if (folder / WEIGHTS).is_file() else None


def _state(path: Path) -> Mapping[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise _not_found(path) from error
    except Exception as error:  # likewise
        raise InvalidData(f"{path}: not a safetensors file or plain state dict") from error
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise InvalidData(f"{path}: holds something other than a state dict of tensors")
    return state


def _fill(network: nn.Module, state: Mapping[str, Tensor], what: str) -> None:
    try:
        network.load_state_dict(state, strict=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())  # it begins "Error(s) in loading state_dict for ..."
        raise InvalidData(
            f"{what}: the weights do not fit: {reason.partition(': ')[2]:.200}"
        ) from error


@contextmanager
def _giving_up_after(seconds: float) -> Iterator[None]:
    # torch.hub downloads without a time limit; the default of new sockets is the only way in.
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def build_network(name: str, shape: Shape, weights: str = NONE) -> Network:
    """Builds an architecture with a new, random classifier.

    Args:
        name: a name in `list_architectures()`.
        shape: number of classes and the like.
        weights: "imagenet", "none", the name of a bundled model or the folder of a checkpoint,
            whose features are taken, or the path of a state dict of the original.

    Raises:
        NotFound: no such file.
        WeightsUnavailable: ImageNet weights are neither cached nor downloadable.
        InvalidSetting: no such architecture, or the checkpoint is not of it.
        InvalidData: the weights do not fit.

    Examples:
        >>> from lungscope.models import Shape
        >>> network = build_network("mobilenet-lung", Shape(classes=3))
        >>> network.eval()(torch.zeros(1, 3, 64, 64)).shape
        torch.Size([1, 3])
    """
    chosen = get_architecture(name)
    folder = _checkpoint(weights)
    if folder is None:
        return chosen.compose(load_original(chosen, weights), shape, chosen.trained)
    network = chosen.compose(load_original(chosen, NONE), shape, chosen.trained)
    _fill_features(network, name, shape, folder)
    return network


def _fill_features(network: Network, name: str, shape: Shape, folder: Path) -> None:
    given = Description.load(folder / DESCRIPTION)
    if (name, shape.se_reduction) != (given.architecture, given.se_reduction):
        raise InvalidSetting(
            f"{name}: the weights in {folder.name} are of {given.architecture}, its SE reduction "
            f"is {given.se_reduction}; train that, or start from the weights {IMAGENET}"
        )
    prefix = "features."
    features = {
        key.removeprefix(prefix): value
        for key, value in _state(folder / WEIGHTS).items()
        if key.startswith(prefix)
    }
    _fill(network.features, features, f"{folder / WEIGHTS} as {name}")
