import pytest

from lungscope.models import Shape, list_architectures
from lungscope.models.cost import compute_cost
from lungscope.reproduction.paper import TABLE_1


def test_the_papers_models_are_registered_in_the_papers_order():
    assert [each.name for each in list_architectures()][: len(TABLE_1)] == list(TABLE_1)


def test_weighted_recall_is_accuracy_in_every_row():
    assert all(row.recall == row.accuracy for row in TABLE_1.values())


def test_the_best_row_is_the_papers_own_model():
    assert max(TABLE_1, key=lambda name: TABLE_1[name].accuracy) == "mobilenet-lung"
    assert min(TABLE_1, key=lambda name: TABLE_1[name].loss) == "mobilenet-lung"
    assert TABLE_1["mobilenet-lung"].accuracy == 0.9333


def test_our_originals_have_the_papers_numbers_of_parameters():
    for each in list_architectures():
        published = TABLE_1[each.name].parameters if each.name in TABLE_1 else None
        if published is not None:
            own = compute_cost(each, Shape(3)).original_parameters / 1e6
            assert own == pytest.approx(published, rel=0.005)


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        TABLE_1["mobilenet-lung"] = TABLE_1["vgg11"]
