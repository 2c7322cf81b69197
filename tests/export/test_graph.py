import logging
import socket
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto

from lungscope.export.graph import ExportModule, build_graph, serialise_graph
from lungscope.inference.session import Session
from lungscope.models import list_architectures
from lungscope.models.network import compute_levels, normalise, to_unit

SAME = {"mobilenet-ft"}  # the modules of mobilenet-v2; only their training differs
NAMES = [each.name for each in list_architectures() if each.name not in SAME]
WITHOUT_MAP = {"vgg11"}
LIGHT = "squeezenet1_1"


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def close(found, expected):
    expected = expected.detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())


def test_every_architecture_answers_as_in_torch(name, untrained, exported, pixels):
    checkpoint, graph = untrained(name), exported(name)
    description = checkpoint.description
    images = torch.from_numpy(pixels[:3]).unsqueeze(1)
    found = Session(serialise_graph(graph)).answer(images.numpy())
    with torch.inference_mode():
        given = normalise(to_unit(images), description.preprocessing)
        logits = checkpoint.network(given)
        features = compute_levels(checkpoint.network, given)[1]
    assert logits.std(dim=0).min() > 1e-3  # or it would compare what is the same anyway
    close(found.logits, logits)
    close(found.probabilities, torch.softmax(logits / 1.7, dim=1))
    close(found.features, features)
    if name in WITHOUT_MAP:
        assert found.activation_map is None
    else:  # what each place contributes: all together the logits, less a linear layer's bias
        linear = [m for m in checkpoint.network.classifier.modules() if hasattr(m, "in_features")]
        bias = linear[0].bias if linear else torch.zeros(3)
        close(found.activation_map.sum(axis=(2, 3)), logits - bias)

    onnx.checker.check_model(graph, full_check=True)
    assert {each.version for each in graph.opset_import} == {21}
    weights = 4 * sum(each.numel() for each in checkpoint.network.parameters())
    assert graph.ByteSize() < 1.02 * weights + 400_000  # each weight once
    assert {each.data_location for each in graph.graph.initializer} == {TensorProto.DEFAULT}


def test_a_batch_of_any_size_is_answered_alike(exported, pixels):
    session = Session(serialise_graph(exported(LIGHT)))
    together = session.answer(pixels[:7, None])
    alone = [session.answer(image[None, None]) for image in pixels[:7]]
    for output in ("logits", "probabilities", "features", "activation_map"):
        apart = np.concatenate([getattr(each, output) for each in alone])
        np.testing.assert_allclose(getattr(together, output), apart, rtol=1e-4, atol=1e-6)


def test_inputs_and_outputs_are_named_and_typed(exported):
    session = onnxruntime.InferenceSession(
        serialise_graph(exported(LIGHT)), providers=["CPUExecutionProvider"]
    )
    described = [
        (each.name, each.type, each.shape)
        for each in (*session.get_inputs(), *session.get_outputs())
    ]
    assert described == [
        ("images", "tensor(uint8)", ["batch", 1, 64, 64]),
        ("logits", "tensor(float)", ["batch", 3]),
        ("probabilities", "tensor(float)", ["batch", 3]),
        ("features", "tensor(float)", ["batch", 448]),
        ("activation_map", "tensor(float)", ["batch", 3, 3, 3]),
    ]


def test_the_graph_tells_nothing_of_the_machine_or_the_program(exported):
    model = exported(LIGHT)
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        assert not part.metadata_props
        assert not part.doc_string
    for initializer in graph.initializer:
        initializer.ClearField("raw_data")  # chance may spell anything
    text = serialise_graph(model).decode("latin-1")
    own = (str(Path(__file__).parents[2]), str(Path.home()), socket.gethostname(), ".py")
    assert [each for each in own if each in text] == []


def test_the_same_checkpoint_gives_the_same_bytes_however_it_lies_in_memory(untrained, exported):
    checkpoint = untrained(LIGHT)
    checkpoint.network.to(memory_format=torch.channels_last)  # as after an evaluation
    assert serialise_graph(build_graph(checkpoint)) == serialise_graph(exported(LIGHT))


def test_exporting_says_nothing(untrained, capfd, caplog):
    build_graph(untrained(LIGHT))
    assert capfd.readouterr() == ("", "")
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


def test_dropout_is_off_whatever_mode_the_network_is_in(untrained, pixels):
    network = untrained(LIGHT).network.train()
    answering = ExportModule(network, untrained(LIGHT).description.preprocessing, 1.0)
    images = torch.from_numpy(pixels[:2, None])
    with torch.inference_mode():
        first, second = answering(images), answering(images)
    assert torch.equal(first[0], second[0])
