import numpy as np
import pytest

from lungscope.errors import LungscopeError
from lungscope.inference.session import Session
from tiny_model import SIZE, tiny_graph


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (7, 1, SIZE, SIZE), dtype=np.uint8)


def test_a_graph_answers_with_scores_probabilities_features_and_maps(images):
    answer = Session(tiny_graph()).answer(images)
    tempered = np.exp(answer.logits / 2)
    np.testing.assert_allclose(
        answer.probabilities, tempered / tempered.sum(axis=1, keepdims=True), rtol=1e-5
    )
    means = images.reshape(7, 4, SIZE // 4, 4, SIZE // 4).mean(axis=(2, 4)).reshape(7, 16) / 255
    np.testing.assert_allclose(answer.features, means, rtol=1e-5)
    assert answer.activation_map is not None
    np.testing.assert_allclose(answer.activation_map.sum(axis=(2, 3)), answer.logits, atol=1e-5)


def test_an_image_has_the_same_answer_alone_and_among_others(images):
    session = Session(tiny_graph(), threads=2)
    together = session.answer(images)
    for i in range(len(images)):
        alone = session.answer(images[i : i + 1])
        np.testing.assert_allclose(alone.logits[0], together.logits[i], rtol=1e-6)


@pytest.mark.parametrize("content", [b"", b"no graph", tiny_graph()[:-100]])
def test_what_is_no_graph_is_refused_in_one_line(content):
    with pytest.raises(LungscopeError, match=r"model\.onnx: ") as refusal:
        Session(content)
    assert "\n" not in str(refusal.value)


def test_a_graph_of_other_software_is_refused():
    import onnx

    model = onnx.load_from_string(tiny_graph())
    model.graph.output.pop(0)
    with pytest.raises(LungscopeError, match="not those of a lungscope model"):
        Session(model.SerializeToString())
