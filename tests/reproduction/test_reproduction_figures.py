import pytest

from lungscope.data.cache import open_cache
from lungscope.models import list_architectures
from lungscope.reproduction.figures import draw_radiographs, list_figures
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.runner import TrainedPart
from lungscope.training.history import Epoch
from lungscope.training.recipe import PAPER_RECIPE


@pytest.fixture
def trained():
    def trained(plan):
        history = (Epoch(1, 0.01, 1.0, 0.5, 1.0, 0.5, 1.0),)
        return {model: (TrainedPart(plan.parts[0], None, history),) for model in plan.models}

    return trained


def test_all_models_make_the_papers_nine_figures_in_its_order_then_figures_of_their_own(trained):
    plan = Plan(tuple(each.name for each in list_architectures()), PAPER_RECIPE)
    made = list_figures(plan, trained(plan))
    assert [figure.number for figure in made[:9]] == list(range(1, 10))
    assert {figure.number for figure in made[9:]} == {None}
    assert len(made) == len(plan.models) + 2
    assert [figure.file for figure in made[:9]] == [f"figures/figure-{n}.png" for n in range(1, 10)]
    assert made[1].title == "Figure 2. SqueezeNet"
    assert made[7].title == "Figure 8. MobileNet-Lung"
    assert made[9].title == "SqueezeNet 1.1"


def test_a_model_keeps_the_papers_number_whatever_else_is_there(trained):
    plan = Plan(("mobilenet-lung",), PAPER_RECIPE)
    assert [figure.number for figure in list_figures(plan, trained(plan))] == [1, 8, 9]


def test_before_anything_is_trained_there_are_the_radiographs(trained):
    assert [figure.number for figure in list_figures(Plan(("vgg11",)), {"vgg11": ()})] == [1]


def test_curves_of_a_fold_say_so(trained):
    plan = Plan(("vgg11",), folds=3)
    assert "fold 1 of 3" in list_figures(plan, trained(plan))[1].title


def test_one_radiograph_of_each_class_is_drawn(phantoms, phantom_split, cache_folder, tmp_path):
    cache = open_cache(phantoms, phantom_split.entries, 32, cache_folder)
    draw_radiographs(tmp_path, cache, phantom_split)
    assert (tmp_path / "figures" / "figure-1.png").read_bytes().startswith(b"\x89PNG")
