"""Published results: Table I of arXiv 2408.13180 and the sizes of its models."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

PAPER_TITLE = "arXiv 2408.13180"


@dataclass(frozen=True)
class Published:
    """A row of Table I.

    Attributes:
        loss: mean cross-entropy over the test images, in nats.
        accuracy: proportion of test images that are classified correctly, in [0, 1].
        precision, recall, f1: in [0, 1], weighted by class support.
        epochs: approximate number of training epochs; None if the paper does not state it.
        parameters: parameters of the original with 1,000 classes, in millions; None if the paper
            does not state them.
    """

    loss: float
    accuracy: float
    precision: float
    recall: float
    f1: float
    epochs: int | None = None
    parameters: float | None = None


TABLE_1: Mapping[str, Published] = MappingProxyType(
    {
        "squeezenet": Published(0.8840, 0.6400, 0.7189, 0.6400, 0.5565, parameters=1.25),
        "vgg11": Published(0.5268, 0.8507, 0.8491, 0.8507, 0.8498, parameters=132.9),
        "resnet18": Published(0.3191, 0.8693, 0.8694, 0.8693, 0.8685, parameters=11.7),
        "densenet121": Published(0.3470, 0.8800, 0.8834, 0.8800, 0.8810, parameters=7.98),
        "mobilenet-v2": Published(0.3033, 0.8853, 0.8864, 0.8853, 0.8857, parameters=3.5),
        "mobilenet-ft": Published(0.2557, 0.9253, 0.9281, 0.9253, 0.9248, epochs=23),
        "mobilenet-lung": Published(0.2305, 0.9333, 0.9337, 0.9333, 0.9332, epochs=33),
    }
)
"""Table I by the names of the architectures here, in the paper's order."""
