"""A trained model as a folder, `model.safetensors` beside `model.json`; never a pickle."""

import hashlib
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from lungscope.atomic import atomic_file
from lungscope.errors import InvalidSetting, ModelDamaged, NotFound
from lungscope.images import CHEST_RADIOGRAPHS, Policy, Radiograph, read, to_square
from lungscope.inference import abstention
from lungscope.inference.description import Description
from lungscope.inference.explain.explanation import Method
from lungscope.inference.prediction import ImageOrigin, Prediction
from lungscope.models.activation_map import (
    compute_activation_map,
    compute_grad_cam,
    has_activation_map,
)
from lungscope.models.network import Network, normalise, to_unit
from lungscope.models.registry import Shape
from lungscope.models.weights import WEIGHTS, build_network

DESCRIPTION = "model.json"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A trained network and its description.

    It classifies as an exported model does, with calibrated probabilities and always with an
    activation map. But it neither measures how far an image is from the training images nor
    abstains at low confidence, because these limits are fitted at the export: the distance of its
    predictions is NaN.

    Attributes:
        network: in evaluation mode, on the CPU.
        description: of the model.
    """

    network: Network
    description: Description

    @classmethod
    def load(cls, folder: Path | str) -> "Checkpoint":
        """Reads a checkpoint, with its network in evaluation mode on the CPU.

        Raises:
            NotFound: a file is missing.
            InvalidSetting: the folder is a run, whose checkpoint is in a folder of its own.
            ModelDamaged: the weights are not those described, or the architecture, its classes or
                the format version are unknown or do not fit.
        """
        folder = Path(folder)
        inner = folder / "checkpoint"
        if not (folder / DESCRIPTION).exists() and (inner / DESCRIPTION).is_file():
            raise InvalidSetting(f"{folder}: is a run; its checkpoint is {inner}")
        description = Description.load(folder / DESCRIPTION)
        path = folder / WEIGHTS
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"{path}: {error.strerror}; copy the whole folder again") from error
        except OSError as error:
            raise ModelDamaged(f"{path}: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != description.weights_sha256:
            raise ModelDamaged(
                f"{path}: not the weights that {DESCRIPTION} describes (SHA-256 differs); "
                "copy the whole folder again"
            )
        shape = Shape(len(description.classes), description.se_reduction)
        try:
            network = build_network(description.architecture, shape)
        except InvalidSetting as error:
            raise ModelDamaged(f"{folder / DESCRIPTION}: {error}") from error
        try:
            network.load_state_dict(load(content), strict=True)
        except (RuntimeError, SafetensorError) as error:
            raise ModelDamaged(
                f"{path}: the weights do not fit {description.architecture} with "
                f"{len(description.classes)} classes"
            ) from error
        return cls(network.eval(), description)

    def __repr__(self) -> str:
        return f"Checkpoint({self.description.identity}: {', '.join(self.classes)})"

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the outputs."""
        return self.description.classes

    @property
    def method(self) -> Method:
        """How the activation maps of its predictions are computed."""
        return "class-activation-map" if has_activation_map(self.network) else "grad-cam"

    def predict(self, file: Path | str, accept: Policy = CHEST_RADIOGRAPHS) -> Prediction:
        """Reads and classifies a file.

        Args:
            file: PNG, JPEG, TIFF, BMP, WebP or DICOM.
            accept: which DICOM images are read; `ANYTHING` for all.

        Raises:
            UnreadableImage: not a radiograph that can be read.
        """
        return self.classify(read(file, accept))

    def classify(self, radiograph: Radiograph) -> Prediction:
        """Classifies a radiograph that is already read.

        Args:
            radiograph: pixels (H, W) float32 in [0, 1], bright is dense.
        """
        square = to_square(radiograph, self.description.preprocessing.size)
        probabilities, activation_map = self._compute(square)
        cause = abstention.find_implausibility(radiograph)
        return Prediction(
            file=radiograph.path,
            label=self.classes[int(probabilities.argmax())] if cause is None else None,
            probabilities=dict(zip(self.classes, probabilities.tolist(), strict=True)),
            cause=cause,
            distance=math.nan,
            model=self.description.identity,
            model_sha256=self.description.weights_sha256,
            origin=ImageOrigin.of(radiograph),
            activation_map=activation_map,
        )

    def _compute(
        self, square: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        network = self.network
        pixels = torch.from_numpy(square)[None, None]
        with torch.no_grad():
            maps = network.features(normalise(to_unit(pixels), self.description.preprocessing))
            logits = network.classifier(network.pool(maps))[0].double()
            exact = has_activation_map(network)
            activation_map = (compute_activation_map if exact else compute_grad_cam)(network, maps)
        probabilities = torch.softmax(logits / self.description.temperature, dim=0)
        return probabilities.numpy(), activation_map[0].numpy()


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
