"""A trained model as a folder: `model.safetensors` beside `model.json`. Never a pickle."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from safetensors.torch import load, save
from torch import Tensor

from lungscope.atomic import atomic_file
from lungscope.errors import LungscopeError
from lungscope.inference.description import Description
from lungscope.models.network import Network
from lungscope.models.registry import Shape
from lungscope.models.weights import build_network

WEIGHTS = "model.safetensors"
DESCRIPTION = "model.json"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A trained network and its description."""

    network: Network
    description: Description

    @classmethod
    def load(cls, folder: Path | str) -> "Checkpoint":
        """Reads a checkpoint, with its network in evaluation mode on the CPU.

        Raises:
            LungscopeError: a file is missing, the weights are not those described, or the
                architecture, its classes or the format version are unknown or do not fit.
        """
        folder = Path(folder)
        description = Description.load(folder / DESCRIPTION)
        path = folder / WEIGHTS
        try:
            content = path.read_bytes()
        except OSError as error:
            raise LungscopeError(f"{path}: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != description.weights_sha256:
            raise LungscopeError(
                f"{path}: not the weights that {DESCRIPTION} describes (SHA-256 differs); "
                "copy the whole folder again"
            )
        shape = Shape(len(description.classes), description.se_reduction)
        network = build_network(description.architecture, shape)
        try:
            network.load_state_dict(load(content), strict=True)
        except RuntimeError as error:
            raise LungscopeError(
                f"{path}: the weights do not fit {description.architecture} with "
                f"{len(description.classes)} classes"
            ) from error
        return cls(network.eval(), description)


def save_checkpoint(
    folder: Path, state: dict[str, Tensor], description: Description
) -> Description:
    """Writes a checkpoint folder; an existing checkpoint there is replaced.

    The weights are written first, the description last, each atomically: a description always
    belongs to weights that are there, or `Checkpoint.load` says that they are others'.

    Args:
        folder: made if need be.
        state: the network's state dict.
        description: of the network; its `weights_sha256` is set here.

    Returns:
        The description as written.
    """
    content = save({name: tensor.cpu().contiguous() for name, tensor in state.items()})
    with atomic_file(folder / WEIGHTS) as temporary:
        temporary.write_bytes(content)
    described = replace(description, weights_sha256=hashlib.sha256(content).hexdigest())
    described.save(folder / DESCRIPTION)
    return described
