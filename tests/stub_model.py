"""A model that answers the same for every film: for tests of what is made of answers."""

import numpy as np

from lungscope.images import Preprocessing
from lungscope.inference.description import Description
from lungscope.inference.prediction import ImageOrigin, Prediction

CLASSES = ("Lung Opacity", "Normal")


class StubModel:
    """Answers "Normal"; the evidence for it lies on a lung, that against it in a corner."""

    classes = CLASSES
    description = Description("mobilenet-lung", 16, CLASSES, Preprocessing(64, 0.5, 0.2), "ab" * 32)

    def classify(self, radiograph):
        contributions = np.zeros((2, 7, 7), dtype=np.float32)
        contributions[0, 0, 0] = contributions[1, 3, 1] = 1
        return Prediction(
            file=radiograph.path,
            label="Normal",
            probabilities={"Lung Opacity": 0.25, "Normal": 0.75},
            cause=None,
            distance=0.0,
            model="mobilenet-lung abababab",
            model_sha256="ab" * 32,
            origin=ImageOrigin.of(radiograph),
            activation_map=contributions,
        )
