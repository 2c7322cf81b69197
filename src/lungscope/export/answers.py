"""What an exported graph says of many images, asked as it will be: one image at a time."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungscope.inference.session import Session
from lungscope.processors import processors
from lungscope.progress import OnProgress, ignore


@dataclass(frozen=True, eq=False)
class Answers:
    """A graph's answers for N images.

    Attributes:
        logits: (N, K) float32, unnormalised scores.
        features: (N, F) float32, those that abstention goes by.
    """

    logits: NDArray[np.float32]
    features: NDArray[np.float32]


def answers(
    graph: bytes,
    images: Sequence[NDArray[np.uint8]],
    on_progress: OnProgress = ignore,
) -> Answers:
    """Asks a graph for images, on all processors.

    Args:
        graph: the content of `model.onnx`.
        images: (S, S) uint8 each, one or more.
        on_progress: told of every image.

    Raises:
        LungscopeError: the graph cannot be run.
    """
    session = Session(graph)
    logits, features = [], []
    with ThreadPoolExecutor(processors()) as pool:
        asked = pool.map(lambda image: session.answer(image[None, None]), images)
        for done, answer in enumerate(asked, start=1):
            logits.append(answer.logits)
            features.append(answer.features)
            on_progress(done, len(images))
    return Answers(np.concatenate(logits), np.concatenate(features))
