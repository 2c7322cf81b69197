import numpy as np
import pytest
from onnx import TensorProto, numpy_helper

from lungscope.data.split import SplitEntry
from lungscope.export.graph import serialise_graph
from lungscope.export.quantisation import calibration_entries, quantise
from lungscope.inference.session import Session


@pytest.fixture(scope="module")
def whole(exported):
    return exported("mobilenet-lung")


@pytest.fixture(scope="module")
def integer(whole, pixels):
    return quantise(whole, pixels[:20])


def integers(model):
    """Quantised weights by the name that they had as floats."""
    return {
        tensor.name.removesuffix("_quantized"): numpy_helper.to_array(tensor)
        for tensor in model.graph.initializer
        if tensor.data_type == TensorProto.INT8 and tensor.name.endswith("weight_quantized")
    }


def logits(model, pixels):
    return Session(serialise_graph(model)).answer(pixels[:, None]).logits


def test_inputs_and_outputs_stay_as_they_were(whole, integer):
    assert list(integer.graph.input) == list(whole.graph.input)
    assert [each.name for each in integer.graph.output] == [
        each.name for each in whole.graph.output
    ]
    kinds = {each.type.tensor_type.elem_type for each in integer.graph.output}
    assert kinds == {TensorProto.FLOAT}


def test_the_backbone_is_in_integers_but_for_the_largest_maps_and_the_classifier(whole, integer):
    floats = {
        each.name for each in integer.graph.initializer if each.data_type == TensorProto.FLOAT
    }
    layers = {f"network.features.{n}" for n in range(2, 18)}
    assert {name.split(".conv.")[0] for name in integers(integer)} == {
        *layers,
        "network.features.18.0.weight",
    }
    for name in ("features.0.0", "features.se.fc1", "features.1.conv.0.0", "classifier.1"):
        assert f"network.{name}.weight" in floats
    assert integer.ByteSize() < 0.35 * whole.ByteSize()


def test_sums_of_two_products_fit_16_bits_where_processors_add_them_so(integer):
    weights = integers(integer)
    depthwise = {name: values for name, values in weights.items() if values.shape[1] == 1}
    assert len(depthwise) == 16
    assert {np.abs(np.int16(values)).max() for values in depthwise.values()} == {127}
    others = [weights[name] for name in weights.keys() - depthwise.keys()]
    largest = max(np.abs(np.int64(values)).max() for values in others)
    assert 2 * 255 * largest < 2**15
    assert largest > 60


def test_answers_are_nearly_those_of_the_whole_graph(exported, pixels):
    whole = exported("resnet18")  # that of many thin layers would need to be a trained one
    expected = logits(whole, pixels[20:])
    found = logits(quantise(whole, pixels[:20]), pixels[20:])
    apart = np.abs(found - expected).mean(axis=0)
    assert (apart < 0.25 * expected.std(axis=0)).all()


def test_no_shift_of_the_logits_is_left_on_the_calibration_images(whole, integer, pixels):
    shift = (logits(integer, pixels[:20]) - logits(whole, pixels[:20])).mean(axis=0)
    assert np.abs(shift).max() < 1e-5


def test_the_same_images_give_the_same_bytes_and_the_given_graph_stays(exported, pixels):
    given = exported("squeezenet1_1")
    before = serialise_graph(given)
    once, again = (serialise_graph(quantise(given, pixels[:17])) for _ in range(2))
    assert once == again
    assert serialise_graph(given) == before


def test_a_single_image_is_enough_to_calibrate_with(exported, pixels):
    assert logits(quantise(exported("squeezenet1_1"), pixels[:1]), pixels[:1]).shape == (1, 3)


def test_nothing_is_said_and_nothing_tells_of_the_machine(exported, pixels, capfd, caplog):
    found = quantise(exported("squeezenet1_1"), pixels[:3])
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
    for part in (found, found.graph, *found.graph.node, *found.graph.initializer):
        assert not part.metadata_props
        assert not part.doc_string


def entries(*counts):
    return [
        SplitEntry(f"{label}-{number}.png", label, f"{label}-{number}", "group", "train")
        for label, count in enumerate(counts)
        for number in range(count)
    ]


def labels(chosen):
    return np.bincount([entry.label for entry in chosen]).tolist()


def test_all_classes_have_the_same_part_in_the_calibration():
    assert labels(calibration_entries(entries(500, 300, 100))) == [80, 80, 80]


def test_a_small_class_gives_all_that_it_has():
    assert labels(calibration_entries(entries(500, 300, 10))) == [115, 115, 10]
    assert labels(calibration_entries(entries(2, 1, 3))) == [2, 1, 3]


def test_the_calibration_images_are_always_the_same_and_no_first_ones():
    given = entries(500, 300, 100)
    chosen = calibration_entries(given)
    assert chosen == calibration_entries(given)
    assert len(set(chosen)) == 240
    assert set(chosen) != set(calibration_entries(given[::-1]))
    assert max(int(entry.sha256.split("-")[1]) for entry in chosen) > 400
