"""A checkpoint's network as an ONNX graph: bytes of an image in, everything about it out."""

import io
import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

import onnx
import torch
from torch import Tensor, nn

from lungscope.images import Preprocessing
from lungscope.inference.session import ACTIVATION_MAP, FEATURES, INPUT, LOGITS, PROBABILITIES
from lungscope.models import Network
from lungscope.models.activation_map import compute_activation_map, has_activation_map
from lungscope.models.checkpoint import Checkpoint
from lungscope.models.network import compute_levels, normalise, to_unit

OPSET = 21
"""Version of the ONNX operators. Opset 22 renumbers the convolution without changing it, and the
fusions of ONNX Runtime did not know that one until 2026 (microsoft/onnxruntime, issue 27262); these
networks use nothing newer."""

BATCH = "batch"
"""Name of the graph's dynamic dimension."""


class Answering(nn.Module, ABC):
    """A module that answers for images, (B, 1, S, S) uint8."""

    @property
    @abstractmethod
    def outputs(self) -> tuple[str, ...]:
        """Names of what `forward` gives, in its order."""


class ExportModule(Answering):
    """A network with its normalisation and its outputs, as one module.

    Attributes:
        network: in evaluation mode.
        preprocessing: its mean and standard deviation.
        temperature: divisor of the logits, > 0.
    """

    def __init__(self, network: Network, preprocessing: Preprocessing, temperature: float) -> None:
        super().__init__()
        self.network = network
        self.preprocessing = preprocessing
        self.temperature = temperature
        self.eval()

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> "ExportModule":
        """Makes the module of a checkpoint, whose network is moved to the CPU."""
        description = checkpoint.description
        network = checkpoint.network.cpu().to(memory_format=torch.contiguous_format)
        return cls(network, description.preprocessing, description.temperature)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what `forward` gives, in its order."""
        always = (LOGITS, PROBABILITIES, FEATURES)
        return (*always, ACTIVATION_MAP) if has_activation_map(self.network) else always

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Answers for images.

        Args:
            images: (B, 1, S, S) uint8, as `images.to_square` gives them.

        Returns:
            Logits (B, K), probabilities (B, K) that are calibrated, the features (B, F) that
            abstention goes by, and the activation map (B, K, h, w) where the architecture has
            one; all float32.
        """
        # in the plain layout: that of `normalised` would become index arithmetic in the graph
        given = normalise(to_unit(images), self.preprocessing).contiguous()
        maps, features = compute_levels(self.network, given)
        logits = self.network.classifier(self.network.pool(maps))
        found = (logits, torch.softmax(logits / self.temperature, dim=1), features)
        if has_activation_map(self.network):
            return (*found, compute_activation_map(self.network, maps))
        return found


def build_graph(checkpoint: Checkpoint) -> onnx.ModelProto:
    """Exports a checkpoint: one graph with the weights in it, for batches of any size.

    The same checkpoint gives the same bytes with the same libraries. Nothing in the graph tells
    of the machine that it was made on.

    Args:
        checkpoint: any; its network is moved to the CPU, in the plain layout.
    """
    return trace_graph(ExportModule.of(checkpoint), checkpoint.description.preprocessing.size)


def trace_graph(answering: Answering, size: int) -> onnx.ModelProto:
    """Exports a module that answers for images.

    Args:
        answering: on the CPU, in evaluation mode.
        size: side of its input in pixels.
    """
    with quiet_libraries():
        program = torch.onnx.export(
            answering,
            (torch.zeros(2, 1, size, size, dtype=torch.uint8),),
            input_names=[INPUT],
            output_names=answering.outputs,
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim(BATCH, min=1)},),
            verbose=False,
        )
    assert program is not None  # noqa: S101  it is None where a file is written
    model = program.model_proto
    forget_origin(model)
    onnx.checker.check_model(model, full_check=True)
    return model


def serialise_graph(model: onnx.ModelProto) -> bytes:
    """The content of `model.onnx`; the same for the same model."""
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def forget_origin(model: onnx.ModelProto) -> None:
    """Removes what the exporter notes of every part: files, lines and stack traces of Python."""
    graph = model.graph
    values = (*graph.input, *graph.output, *graph.value_info)
    for part in (model, graph, *graph.node, *values, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keeps warnings, log records and printed lines of the block from the user.

    The exporter warns of its own deprecated parts, the quantiser advises steps that were taken in
    another way and prints its progress. Errors are raised as ever.
    """
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
