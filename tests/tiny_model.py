"""An exported model that is small enough to know its answers by heart."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from lungscope.images import Preprocessing
from lungscope.inference.abstention import Reference, Thresholds
from lungscope.inference.description import Description, ExportInfo

SIZE, PLACES = 32, 4
CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")


def tiny_graph() -> bytes:
    """Three classes told apart by where an image is bright: left, evenly, or right.

    Its features are the brightnesses of 4 x 4 places; a class's logit is a weighted sum of them.
    """
    left = np.tile([1.0, 1.0, -1.0, -1.0], (PLACES, 1))
    weight = np.stack([left, np.full((PLACES, PLACES), 0.1), -left]).astype(np.float32)
    constants = {
        "white": np.array(255, np.float32),
        "weight": weight[None],  # (1, K, 4, 4)
        "flat": np.array([0, -1], np.int64),
        "places": np.array([2, 3], np.int64),
        "temperature": np.array(2, np.float32),
    }
    step = SIZE // PLACES
    nodes = [
        helper.make_node("Cast", ["images"], ["bytes"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["bytes", "white"], ["unit"]),
        helper.make_node(
            "AveragePool", ["unit"], ["maps"], kernel_shape=[step, step], strides=[step, step]
        ),
        helper.make_node("Reshape", ["maps", "flat"], ["features"]),
        helper.make_node("Mul", ["maps", "weight"], ["activation_map"]),
        helper.make_node("ReduceSum", ["activation_map", "places"], ["logits"], keepdims=0),
        helper.make_node("Div", ["logits", "temperature"], ["tempered"]),
        helper.make_node("Softmax", ["tempered"], ["probabilities"], axis=1),
    ]
    shapes = {
        "logits": ["N", 3],
        "probabilities": ["N", 3],
        "features": ["N", PLACES**2],
        "activation_map": ["N", 3, PLACES, PLACES],
    }
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", 1, SIZE, SIZE])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in shapes.items()
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def write_tiny_model(folder: Path) -> Path:
    """Writes the exported folder; its distance is that of the places' mean brightness from 0.5.

    It is the root mean square over the 16 places, in fourths; the farthest that is answered is 1.5,
    which leaves out what is nearly all black or all white. It goes without the gate: what it is
    shown are no radiographs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    graph = tiny_graph()
    (folder / "model.onnx").write_bytes(graph)
    count = PLACES**2
    Reference(
        mean=np.full(count, 0.5, np.float32),
        scale=np.full(count, 0.25, np.float32),
        axes=np.eye(1, count, dtype=np.float32),
        deviations=np.ones(1, np.float32),
        rest=np.ones(1, np.float32),
    ).save(folder / "abstention.npz")
    description = Description(
        architecture="tiny",
        se_reduction=16,
        classes=CLASSES,
        preprocessing=Preprocessing(SIZE, 0.5, 0.25),
        weights_sha256=hashlib.sha256(graph).hexdigest(),
        temperature=2.0,
        abstention=Thresholds(
            "mahalanobis", max_distance=1.5, min_confidence=0.45, gate=False
        ).to_json(),
        export=ExportInfo(
            "fp32",
            {
                name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
                for name in ("model.onnx", "abstention.npz")
            },
        ),
    )
    description.save(folder / "model.json")
    return folder
