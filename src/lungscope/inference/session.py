"""The graph of an exported model, run by ONNX Runtime."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungscope.errors import ModelDamaged
from lungscope.inference.runtime import open_graph

INPUT = "images"
LOGITS, PROBABILITIES, FEATURES = "logits", "probabilities", "features"
ACTIVATION_MAP = "activation_map"


@dataclass(frozen=True, eq=False)
class ModelOutput:
    """What a graph says of B images.

    Attributes:
        logits: (B, K) float32, unnormalised scores.
        probabilities: (B, K) float32 in [0, 1], calibrated, rows summing to 1.
        features: (B, F) float32, what abstention goes by: means of early feature maps.
        activation_map: (B, K, h, w) float32, what each place contributes to each logit; None where
            the architecture has no such map.
    """

    logits: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    features: NDArray[np.float32]
    activation_map: NDArray[np.float32] | None


class Session:
    """A graph that is ready to run; several threads may use it at once."""

    def __init__(self, graph: bytes, threads: int = 1) -> None:
        """Prepares a graph.

        Args:
            graph: the content of `model.onnx`.
            threads: that work on one call, >= 1. With 1 the calling thread does it all.

        Raises:
            ModelDamaged: not a graph, or not one that `lungscope export` wrote.
        """
        self._session = open_graph(graph, "model.onnx", threads)
        present = [output.name for output in self._session.get_outputs()]
        missing = {LOGITS, PROBABILITIES, FEATURES} - set(present)
        if missing or [given.name for given in self._session.get_inputs()] != [INPUT]:
            raise ModelDamaged(
                "model.onnx: its inputs and outputs are not those of a lungscope model; "
                "export the run again"
            )
        known = (LOGITS, PROBABILITIES, FEATURES, ACTIVATION_MAP)
        self._outputs = [name for name in known if name in present]

    def answer(self, images: NDArray[np.uint8]) -> ModelOutput:
        """Runs the graph.

        Args:
            images: (B, 1, S, S) uint8, as `images.to_square` gives them.
        """
        found = dict(
            zip(self._outputs, self._session.run(self._outputs, {INPUT: images}), strict=True)
        )
        return ModelOutput(
            found[LOGITS], found[PROBABILITIES], found[FEATURES], found.get(ACTIVATION_MAP)
        )
