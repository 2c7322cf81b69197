"""The graph of an exported model, run by ONNX Runtime."""

from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from lungscope.errors import ModelDamaged

INPUT = "images"
LOGITS, PROBABILITIES, FEATURES = "logits", "probabilities", "features"
ACTIVATION_MAP = "activation_map"
_ERRORS_ONLY = 3


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
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        # A spinning thread takes a processor from its neighbours while it waits.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = ort.InferenceSession(graph, options, ["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's exceptions have no common class of their own
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelDamaged(f"model.onnx: not a graph that can be run ({first})") from error
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
