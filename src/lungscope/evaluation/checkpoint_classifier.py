"""A checkpoint's answers for files, with where it looked: what `inference` does, but by torch."""

import math

import numpy as np
import torch
from numpy.typing import NDArray

from lungscope.images import Radiograph, to_square
from lungscope.inference import abstention
from lungscope.inference.description import Description
from lungscope.inference.explain.explanation import Method
from lungscope.inference.prediction import ImageOrigin, Prediction
from lungscope.models.activation_map import (
    compute_activation_map,
    compute_grad_cam,
    has_activation_map,
)
from lungscope.models.checkpoint import Checkpoint
from lungscope.models.normalisation import normalise, to_unit


class CheckpointClassifier:
    """Answers as `inference.classifier.Classifier` does, for a run that is not exported.

    It does not measure how far an image is from the training images, nor abstain for want of
    confidence, for these limits are fitted at the export. The distance of its answers is NaN.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Takes a checkpoint, on the CPU."""
        self._network = checkpoint.network.eval()
        self._exact = has_activation_map(checkpoint.network)
        self.description: Description = checkpoint.description

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the outputs."""
        return self.description.classes

    @property
    def method(self) -> Method:
        """How the activation map of its answers is found, by what the architecture allows."""
        return "class activation map" if self._exact else "Grad-CAM"

    def judge(self, radiograph: Radiograph) -> Prediction:
        """Answers for a radiograph, always with an activation map.

        Args:
            radiograph: pixels (H, W) float32 in [0, 1], bright is dense.
        """
        description = self.description
        square = to_square(radiograph, description.preprocessing.size)
        probabilities, contributions = self._answer(square)
        named = dict(zip(self.classes, probabilities.tolist(), strict=True))
        reason = abstention.find_implausibility(radiograph)
        return Prediction(
            file=radiograph.path,
            label=self.classes[int(probabilities.argmax())] if reason is None else None,
            probabilities=named,
            reason=reason,
            distance=math.nan,
            model=description.identity,
            model_sha256=description.weights_sha256,
            origin=ImageOrigin.of(radiograph),
            activation_map=contributions,
        )

    def _answer(self, square: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        pixels = torch.from_numpy(square)[None, None]
        network = self._network
        with torch.no_grad():
            maps = network.features(normalise(to_unit(pixels), self.description.preprocessing))
            logits = network.classifier(network.pool(maps))[0].double()
            split = compute_activation_map if self._exact else compute_grad_cam
            contributions = split(network, maps)[0]
        probabilities = torch.softmax(logits / self.description.temperature, dim=0)
        return probabilities.numpy(), contributions.numpy()
