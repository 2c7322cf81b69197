"""Whether an exported graph answers as the network that it was made of."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lungscope.errors import InvalidData
from lungscope.images import Radiograph, to_square
from lungscope.inference.session import Session
from lungscope.parallel import cpu_count
from lungscope.phantom.drawing import CLASSES, draw_phantom
from lungscope.progress import OnProgress, ignore
from lungscope.text import format_percent

Precision = Literal["fp32", "int8"]

LARGEST_DIFFERENCE = 1e-3
"""Between two logits, of a graph in the network's own precision."""

FEWEST_EQUAL = 0.99
"""Share of the images for which a graph in integers names the same class."""

MOST_LOST = 0.5
"""Points of accuracy on radiographs that a graph in integers may lose."""

PHANTOMS = 12


@dataclass(frozen=True)
class Parity:
    """How a graph's answers differ from the network's.

    Attributes:
        precision: the graph's, "fp32" or "int8".
        radiographs: images of the run's validation subset.
        phantoms: images that were drawn for this.
        largest_logit_difference: over all images and classes, >= 0.
        equal_decisions: proportion of all images for which both name the same class.
        accuracy_torch, accuracy_onnx: on the radiographs, in [0, 1].
    """

    precision: Precision
    radiographs: int
    phantoms: int
    largest_logit_difference: float
    equal_decisions: float
    accuracy_torch: float
    accuracy_onnx: float

    @property
    def points_lost(self) -> float:
        """Of accuracy; negative where the graph is right more often."""
        return 100 * (self.accuracy_torch - self.accuracy_onnx)

    def to_json(self) -> dict[str, Any]:
        """The content of `parity.json`."""
        return asdict(self) | {"points_lost": round(self.points_lost, 9)}

    def require(self) -> None:
        """Refuses a graph that answers otherwise.

        Raises:
            InvalidData: logits differ by 0.001 or more; in integers, fewer than 99 % of the
                decisions are equal, or accuracy falls by more than 0.5 points.
        """
        images = self.radiographs + self.phantoms
        if self.precision == "fp32":
            if not self.largest_logit_difference < LARGEST_DIFFERENCE:  # so, a NaN is refused
                raise InvalidData(
                    f"export: on {images} images, logits of the graph and of the network differ by "
                    f"up to {self.largest_logit_difference:.2g}, {LARGEST_DIFFERENCE:g} or more; "
                    "nothing was written; please report it with the versions of torch and "
                    "onnxruntime"
                )
        elif not (self.equal_decisions >= FEWEST_EQUAL and self.points_lost <= MOST_LOST):
            equal, fewest = format_percent(self.equal_decisions), format_percent(FEWEST_EQUAL, 0)
            before, after = (
                format_percent(each, 2) for each in (self.accuracy_torch, self.accuracy_onnx)
            )
            raise InvalidData(
                f"export: in int8 this model names the same class for {equal} of {images} images "
                f"(at least {fewest} is wanted), and its accuracy goes from {before} to {after} "
                f"(at most {MOST_LOST:g} points down); nothing was written; export it "
                "in fp32"
            )


def check_parity(
    precision: Precision,
    found: NDArray[np.floating[Any]],
    expected: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
) -> Parity:
    """Compares a graph's logits with the network's.

    Args:
        precision: of the graph.
        found: (R + P, K), the graph's logits for R radiographs and then P phantoms.
        expected: of the same shape, the network's.
        labels: (R,) the radiographs' classes, R >= 1.
    """
    radiographs = len(labels)
    decided, wanted = found.argmax(axis=1), expected.argmax(axis=1)
    return Parity(
        precision=precision,
        radiographs=radiographs,
        phantoms=len(found) - radiographs,
        largest_logit_difference=float(np.abs(found - expected).max()),
        equal_decisions=float(np.mean(decided == wanted)),
        accuracy_torch=float(np.mean(wanted[:radiographs] == labels)),
        accuracy_onnx=float(np.mean(decided[:radiographs] == labels)),
    )


def parity_phantoms(size: int) -> NDArray[np.uint8]:
    """Draws 12 phantoms, of all classes alike: images that no model was trained on.

    Args:
        size: side of the network's input in pixels.

    Returns:
        (12, size, size).
    """
    drawn = [
        draw_phantom(CLASSES[number % len(CLASSES)], number).pixels for number in range(PHANTOMS)
    ]
    return np.stack(
        [
            to_square(Radiograph(np.float32(pixels / 255), Path(), "PNG", "L", 8), size)
            for pixels in drawn
        ]
    )


@dataclass(frozen=True, eq=False)
class GraphOutputs:
    """A graph's answers for N images.

    Attributes:
        logits: (N, K) float32, unnormalised scores.
        features: (N, F) float32, those that abstention goes by.
    """

    logits: NDArray[np.float32]
    features: NDArray[np.float32]


def run_graph(
    graph: bytes,
    images: Sequence[NDArray[np.uint8]],
    on_progress: OnProgress = ignore,
) -> GraphOutputs:
    """Asks a graph for images, on all processors.

    Args:
        graph: the content of `model.onnx`.
        images: (S, S) uint8 each, one or more.
        on_progress: called after every image.

    Raises:
        ModelDamaged: the graph cannot be run.
    """
    session = Session(graph)
    logits, features = [], []
    with ThreadPoolExecutor(cpu_count()) as pool:
        asked = pool.map(lambda image: session.answer(image[None, None]), images)
        for done, answer in enumerate(asked, start=1):
            logits.append(answer.logits)
            features.append(answer.features)
            on_progress(done, len(images))
    return GraphOutputs(np.concatenate(logits), np.concatenate(features))
