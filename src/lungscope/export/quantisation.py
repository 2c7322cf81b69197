"""A graph in 8-bit integers: a third of the size and faster, with nearly the same answers."""

import tempfile
from collections.abc import Sequence
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from lungscope.data.split import SplitEntry
from lungscope.export.graph import quiet_libraries, serialise_graph
from lungscope.export.parity import run_graph
from lungscope.inference.session import INPUT

CALIBRATED = 240
"""Training images that the ranges of values are measured on."""

AT_ONCE = 16
"""Images whose values are in memory together: about 50 MB each of them at 224 x 224."""

PERCENTILE = 99.999
"""Of a layer's values, in percent, those that its range holds: a few outliers would make the steps
of all others coarse."""

OPERATORS = ("Add", "AveragePool", "Clip", "Concat", "Conv", "Gemm", "MaxPool", "Relu", "Reshape")
"""Those that are done in integers, or pass integers on."""

BACKBONE = ("network.features.", "network.pool.")
CLASSIFIER = "network.classifier."
"""How the names of weights begin, by the stage of the `Network` that they are in."""


def quantise(model: onnx.ModelProto, images: NDArray[np.uint8]) -> onnx.ModelProto:
    """Quantises weights and activations, statically (Jacob et al., 2018, arXiv 1712.05877).

    Only layers between the largest maps and the classifier become integers: a grey step that is
    lost in the largest maps is lost for all, and the classifier and what is read beside it cost
    next to nothing. What shift of the logits is left on average is taken off the classifier's bias
    (Nagel et al., 2019, arXiv 1906.04721, section 4.2).

    Args:
        model: as `graph_of` makes it.
        images: (N, S, S) uint8 of training images, N >= 1; see `calibration_entries`.

    Returns:
        A graph with the same inputs and outputs.
    """
    with tempfile.TemporaryDirectory() as scratch, quiet_libraries():
        given, path = Path(scratch) / "fp32.onnx", Path(scratch) / "int8.onnx"
        given.write_bytes(
            serialise_graph(model)
        )  # a model in memory would lose its weights to a file
        quantize_static(
            given,
            path,
            _Images(images),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(OPERATORS),
            per_channel=True,
            # Weights of 7 bits: x86 processors that have no VNNI instructions (many of before
            # 2019) add two products in 16 bits, and with 8 would cut off large sums, silently.
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=_kept_float(model),
            calibrate_method=CalibrationMethod.Percentile,
            extra_options={
                "CalibPercentile": PERCENTILE,
                "CalibStridedMinMax": _at_once(images),
                "TensorQuantOverrides": _depthwise(model),
            },
        )
        found = onnx.load(path)
    found.metadata_props.clear()
    _shift_bias(found, _mean_logits(model, images) - _mean_logits(found, images))
    onnx.checker.check_model(found, full_check=True)
    return found


def calibration_entries(entries: Sequence[SplitEntry]) -> tuple[SplitEntry, ...]:
    """Draws up to 240 images, of all classes alike, always the same ones.

    Args:
        entries: of the training subset.
    """
    order = np.random.default_rng(0).permutation(len(entries))
    shuffled = [entries[place] for place in order.tolist()]
    labels = sorted({entry.label for entry in entries})
    by_class = [[entry for entry in shuffled if entry.label == label] for label in labels]
    in_turn = chain.from_iterable(zip_longest(*by_class))
    return tuple(entry for entry in in_turn if entry is not None)[:CALIBRATED]


class _Images(CalibrationDataReader):  # type: ignore[misc]
    """Images one by one, in parts of equal size, as ONNX Runtime asks for them."""

    def __init__(self, images: NDArray[np.uint8]) -> None:
        self._images = images[: len(images) - len(images) % _at_once(images)]
        self.set_range(0, len(self))

    def __len__(self) -> int:
        return len(self._images)

    def set_range(self, start_index: int, end_index: int) -> None:
        self._coming = iter(self._images[start_index:end_index])

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        image = next(self._coming, None)
        return None if image is None else {INPUT: image[None, None]}


def _at_once(images: NDArray[np.uint8]) -> int:
    return min(AT_ONCE, len(images))


def _kept_float(model: onnx.ModelProto) -> list[str]:
    """Names of the nodes up to the last convolution on the largest maps, and behind the backbone.

    An activation right behind the backbone is not named: it goes with the layer before it.
    """
    width = {
        value.name: value.type.tensor_type.shape.dim[-1].dim_value
        for value in model.graph.value_info
        if value.type.tensor_type.shape.dim
    }
    nodes = list(model.graph.node)
    layers = [place for place, node in enumerate(nodes) if _weight(node).startswith(BACKBONE)]
    convolutions = [place for place in layers if nodes[place].op_type == "Conv"]
    widths = [width[nodes[place].output[0]] for place in convolutions]
    largest = max(place for place, w in zip(convolutions, widths, strict=True) if w == widths[0])
    behind = [node for node in nodes[layers[-1] + 1 :] if node.op_type not in {"Clip", "Relu"}]
    return [node.name for node in (*nodes[: largest + 1], *behind)]


def _depthwise(model: onnx.ModelProto) -> dict[str, list[dict[str, Any]]]:
    """Depthwise convolutions keep 8 bits: theirs are single products, added in 32 bits by all."""
    whole = {"axis": 0, "quant_type": QuantType.QInt8, "symmetric": True, "reduce_range": False}
    shapes = {tensor.name: tensor.dims for tensor in model.graph.initializer}
    weights = [_weight(node) for node in model.graph.node if node.op_type == "Conv"]
    return {name: [whole] for name in weights if name in shapes and shapes[name][1] == 1}


def _weight(node: onnx.NodeProto) -> str:
    return node.input[1] if node.op_type in {"Conv", "Gemm"} else ""


def _mean_logits(model: onnx.ModelProto, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    logits = run_graph(serialise_graph(model), list(images)).logits
    mean: NDArray[np.float64] = logits.mean(axis=0, dtype=np.float64)
    return mean


def _shift_bias(model: onnx.ModelProto, shift: NDArray[np.float64]) -> None:
    (bias,) = (
        tensor
        for tensor in model.graph.initializer
        if tensor.name.startswith(CLASSIFIER) and tensor.name.endswith(".bias")
    )
    shifted = (numpy_helper.to_array(bias) + shift).astype(np.float32)
    bias.CopyFrom(numpy_helper.from_array(shifted, bias.name))
